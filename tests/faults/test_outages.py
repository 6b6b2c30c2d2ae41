"""The database goes away, hangs, is locked, full or lost: the answer is 503 with Retry-After, and it comes back alone.

https://www.rfc-editor.org/rfc/rfc9110#name-503-service-unavailable
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_server.app import create_app
from fhir_server.settings import Settings
from fhir_server.storage import database as databases
from tests.faults.postgres import OwnPostgres
from tests.stores import Templates

PATIENT: dict[str, Any] = {"resourceType": "Patient", "active": True}


@contextmanager
def client_of(url: str, **settings: Any) -> Iterator[FlaskClient]:
    app = create_app(Settings(database=url, **settings))
    yield app.test_client()
    app.extensions["fhir_server"].database.close()


def post(client: FlaskClient, document: dict[str, Any] | None = None) -> tuple[int, str, dict[str, str]]:
    answer = client.post("/fhir/Patient", json=document or PATIENT, content_type="application/fhir+json")
    return answer.status_code, _code(answer), dict(answer.headers)


def get(client: FlaskClient, path: str) -> tuple[int, str, dict[str, str]]:
    answer = client.get(path)
    return answer.status_code, _code(answer), dict(answer.headers)


def _code(answer: Any) -> str:
    body = answer.get_json(silent=True, force=True) if answer.data else None
    return body["issue"][0]["code"] if body and body.get("resourceType") == "OperationOutcome" else ""


def assert_unavailable(answer: tuple[int, str, dict[str, str]], code: str) -> None:
    assert answer[:2] == (503, code)
    assert int(answer[2]["Retry-After"]) >= 1


def made(client: FlaskClient) -> str:
    answer = client.post("/fhir/Patient", json=PATIENT, content_type="application/fhir+json")
    assert answer.status_code == 201
    return f"/fhir/Patient/{answer.get_json(force=True)['id']}"


def test_a_postgresql_that_is_gone_is_503_and_is_found_again_without_a_restart(postgres: OwnPostgres) -> None:
    with client_of(postgres.sqlalchemy_url) as client:
        path = made(client)
        postgres.kill()
        for _ in range(2):
            assert_unavailable(get(client, path), "no-store")
            assert_unavailable(post(client), "no-store")
            assert_unavailable(get(client, "/fhir/Patient?active=true"), "no-store")
            assert_unavailable(get(client, "/fhir/_history"), "no-store")
        assert get(client, "/livez")[0] == 200
        assert get(client, "/readyz")[0] == 503
        postgres.start()
        assert get(client, "/readyz")[0] == 200
        assert get(client, path)[0] == 200
        assert post(client)[0] == 201


def test_connections_that_the_server_cut_while_idle_cost_no_request(postgres: OwnPostgres) -> None:
    with client_of(postgres.sqlalchemy_url) as client:
        path = made(client)
        reading = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"request": {"method": "GET", "url": path.removeprefix("/fhir/")}}],
        }
        requests = (
            lambda: get(client, path)[0],
            lambda: post(client)[0],
            lambda: client.post("/fhir", json=reading, content_type="application/fhir+json").status_code,
        )
        for request in requests:
            assert postgres.cut_all("postgres") >= 1
            time.sleep(0.1)
            assert request() in (200, 201)


def test_a_postgresql_that_hangs_is_503_and_not_a_request_without_end(
    postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_GRACE", 0.3)
    with client_of(postgres.sqlalchemy_url, statement_timeout_ms=700) as client:
        path = made(client)
        with postgres.frozen():
            began = time.monotonic()
            assert_unavailable(get(client, path), "no-store")
            assert_unavailable(post(client), "no-store")
            assert time.monotonic() - began < 20
        assert get(client, path)[0] == 200
        assert post(client)[0] == 201


def test_a_lock_of_another_session_is_a_lock_error(postgres: OwnPostgres) -> None:
    import psycopg

    with client_of(postgres.sqlalchemy_url, lock_timeout_ms=300) as client:
        path = made(client)
        with psycopg.connect(postgres.url) as other:
            other.execute("LOCK TABLE resource IN ACCESS EXCLUSIVE MODE")
            assert_unavailable(get(client, path), "lock-error")
            assert_unavailable(post(client), "lock-error")
            other.rollback()
        assert get(client, path)[0] == 200


@pytest.fixture
def sqlite_path(templates: Templates, tmp_path: Path) -> Path:
    return Path(templates.copy("sqlite", tmp_path).removeprefix("sqlite:///"))


def test_an_sqlite_file_that_another_process_locks_is_a_lock_error(sqlite_path: Path) -> None:
    with client_of(f"sqlite:///{sqlite_path}", lock_timeout_ms=300) as client:
        path = made(client)
        other = sqlite3.connect(sqlite_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert_unavailable(post(client), "lock-error")
        assert get(client, path)[0] == 200, "readers do not wait for a writer"
        other.execute("ROLLBACK")
        other.close()
        assert post(client)[0] == 201


def test_an_sqlite_file_that_is_lost_is_noticed_by_readers_too_and_never_made_anew(sqlite_path: Path) -> None:
    with client_of(f"sqlite:///{sqlite_path}") as client:
        path = made(client)
        kept = sqlite_path.with_suffix(".kept")
        sqlite_path.rename(kept)
        for _ in range(2):
            assert_unavailable(get(client, path), "exception")
            assert_unavailable(post(client), "exception")
            assert_unavailable(get(client, "/fhir/Patient"), "exception")
        assert get(client, "/readyz")[0] == 503
        assert not sqlite_path.exists()
        kept.rename(sqlite_path)
        assert get(client, path)[0] == 200
        assert post(client)[0] == 201


def test_an_sqlite_file_that_was_replaced_is_what_readers_see(sqlite_path: Path) -> None:
    backup = sqlite_path.with_suffix(".backup")
    source, target = sqlite3.connect(sqlite_path), sqlite3.connect(backup)
    with target:
        source.backup(target)
    source.close()
    target.close()
    with client_of(f"sqlite:///{sqlite_path}") as client:
        path = made(client)
        assert get(client, path)[0] == 200
        for suffix in ("-wal", "-shm"):
            sqlite_path.with_name(sqlite_path.name + suffix).unlink(missing_ok=True)
        backup.replace(sqlite_path)
        assert get(client, path)[0] == 404, "the record was made after the backup"
        assert post(client)[0] == 201


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"no database at all" * 500])
def test_an_sqlite_file_that_is_damaged_is_503_and_stays_as_it_is(sqlite_path: Path, content: bytes) -> None:
    with client_of(f"sqlite:///{sqlite_path}") as client:
        path = made(client)
    for suffix in ("-wal", "-shm"):
        sqlite_path.with_name(sqlite_path.name + suffix).unlink(missing_ok=True)
    sqlite_path.write_bytes(content)
    with client_of(f"sqlite:///{sqlite_path}") as client:
        assert get(client, path)[0] == 503
        assert post(client)[0] == 503
        assert get(client, "/readyz")[0] == 503
    with sqlite3.connect(f"file:{sqlite_path}?mode=ro", uri=True) as connection:
        try:
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        except sqlite3.DatabaseError:
            assert sqlite_path.read_bytes().startswith(content)
    connection.close()


def _limited(url: str, out: int) -> None:  # pragma: no cover - runs in the child
    report: dict[str, Any] = {}
    with client_of(url) as client:
        path = made(client)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = Path(url.removeprefix("sqlite:///") + "-wal").stat().st_size
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, hard))
        large = {**PATIENT, "name": [{"text": "x" * 1_000}] * 100}
        report["full"] = [post(client, large)[:2] for _ in range(3)]
        report["read"] = get(client, path)[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        report["after"] = post(client, large)[0]
        report["total"] = client.get("/fhir/Patient?_summary=count").get_json(force=True)["total"]
    os.write(out, json.dumps(report).encode())


def test_a_full_disk_stores_nothing_and_reading_goes_on(sqlite_path: Path) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - the limit is for a process of its own
        try:
            _limited(f"sqlite:///{sqlite_path}", write)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        report = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert report["full"] == [[503, "no-store"]] * 3
    assert (report["read"], report["after"], report["total"]) == (200, 201, 2)
    with sqlite3.connect(sqlite_path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_writer_that_waits_for_its_turn_too_long_is_told_so(sqlite_path: Path) -> None:
    """The queue inside one process is bounded like the lock between processes."""
    app = create_app(Settings(database=f"sqlite:///{sqlite_path}", lock_timeout_ms=200))
    database = app.extensions["fhir_server"].database
    inside, free = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction():
            inside.set()
            free.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    assert_unavailable(post(app.test_client()), "lock-error")
    free.set()
    thread.join()
    assert post(app.test_client())[0] == 201
    database.close()
