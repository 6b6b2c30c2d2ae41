"""A real server process for a module of tests, on either database, with small limits so that cases stay cheap."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import create_database, drop_database
from tests.hostile.wire import Answer, Wire
from tests.ports import free_port

LIMITS = {
    "FHIR_MAX_BODY_BYTES": "8000000",
    "FHIR_MAX_BUNDLE_ENTRIES": "5000",
    "FHIR_MAX_URL_BYTES": "16384",
    "FHIR_ACCESS_LOG": "false",
}


def _wait(wire: Wire, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        with contextlib.suppress(OSError):
            if wire.get("/metadata").status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not answer within 60 s")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def wire(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_admin_url: str
) -> Iterator[Wire]:
    """A served FHIR endpoint over a new database."""
    folder: Path = tmp_path_factory.mktemp("served")
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{folder / 'served.db'}" if sqlite else create_database(postgres_admin_url)
    port = free_port()
    environment = os.environ | LIMITS | {"FHIR_DATABASE": url}
    command = [sys.executable, "-m", "fhir_server.cli", "serve", "--migrate", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        found = Wire(port)
        _wait(found, process)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if request.param == "postgresql":
            drop_database(postgres_admin_url, url)


@pytest.fixture
def refused(wire: Wire) -> Callable[[Answer, set[int], set[str]], Answer]:
    """Check a refusal: status, code, an outcome that gives nothing away, nothing changed, the server still healthy."""
    before = wire.newest()

    def check(answer: Answer, statuses: set[int], codes: set[str]) -> Answer:
        assert answer.status in statuses, (answer.status, answer.body[:500])
        assert answer.headers["content-type"].startswith("application/fhir+"), answer.headers
        outcome = answer.json()
        assert outcome["resourceType"] == "OperationOutcome"
        assert answer.codes() & codes, outcome
        text = answer.body.lower()
        for leak in (b"traceback", b"sqlalchemy", b"psycopg", b"select ", b'.py"'):
            assert leak not in text
        assert answer.headers.get("x-request-id"), "every answer names its request"
        started = time.monotonic()
        assert wire.get("/metadata").status == 200
        assert time.monotonic() - started < 20
        assert wire.newest() == before, "a refused request changed something"
        return answer

    return check
