"""Runs the real command in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ports import free_port

COMMAND = Path(sys.executable).with_name("fhir-server")


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without its FHIR_* variables, with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_")}
    return kept | variables


def call(*arguments: object, timeout: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `fhir-server` with `arguments` to its end; FHIR_* variables come from `variables` alone."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Running:
    """A started server: its port, its process, what it wrote to stdout and stderr."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Return status and decoded body of a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(raw)
        except ValueError:
            return response.status, raw.decode()

    def stop(self, timeout: float = 30) -> tuple[int, str, str]:
        """Send SIGTERM; return exit code, stdout and stderr."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out.decode(), err.decode()


@contextmanager
def serving(command: str, *arguments: object, ready: str = "/livez") -> Iterator[Running]:
    """Start `fhir-server COMMAND` on a free port and wait until it answers; it is killed in the end."""
    with starting(command, *arguments) as running:
        _wait(running, ready)
        yield running


@contextmanager
def starting(command: str, *arguments: object) -> Iterator[Running]:
    """Start `fhir-server COMMAND` on a free port; it is killed in the end."""
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, command, "--port", str(port), *map(str, arguments)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    running = Running(port, process)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever is left of it, its workers too
        process.communicate()


def _wait(running: Running, path: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if running.process.poll() is not None:
            _, err = running.process.communicate()
            raise AssertionError(f"the server ended with {running.process.returncode}: {err.decode()}")
        try:
            if running.get(path)[0] == 200:
                return
        except OSError:
            select.select([], [], [], 0.05)
    raise AssertionError("the server does not answer")


def lines(text: str) -> Sequence[dict[str, Any]]:
    """Return the JSON lines of `text`, other lines left out."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
