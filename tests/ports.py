"""Ports for servers that tests start, never the same in two processes of one run.

https://man7.org/linux/man-pages/man7/socket.7.html

A test that stops its server and starts it again on the same port must not meet the server of another test there: the
HTTP server shares ports without a word. So each worker process has a range of its own, below the system's.
"""

from __future__ import annotations

import os
import random
import socket

_FIRST, _EACH = 10_000, 1_000


def free_port() -> int:
    """Return a port of loopback that nobody listens on, out of this worker's range."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    start = _FIRST + worker * _EACH
    for port in random.SystemRandom().sample(range(start, start + _EACH), 50):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port from {start} on")
