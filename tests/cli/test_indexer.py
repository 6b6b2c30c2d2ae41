"""`fhir-server serve` has a process that indexes words: it ends with the server, and is replaced when it dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fhir_server.cli.indexer import step
from fhir_server.storage.repository import Store
from tests.cli.running import call, serving
from tests.stores import clock, ids, open_store, put, store, store_url, templates

__all__ = ["clock", "ids", "store", "store_url", "templates"]


def children(pid: int) -> dict[int, str]:
    """Return the processes that `pid` started, directly, with their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if parent == pid and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_bytes().decode()
    return found


def eventually(what: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert value
    return value


def waiting(path: Path) -> list[tuple[int, int]]:
    connection = sqlite3.connect(path, timeout=10)
    try:
        return connection.execute(
            "SELECT (SELECT count(*) FROM text_queue), (SELECT count(*) FROM text_search)"
        ).fetchall()
    finally:
        connection.close()


def test_what_was_written_is_indexed_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    assert call("demo", "--no-serve", "--database", f"sqlite:///{path}").returncode == 0
    ((queued, indexed),) = waiting(path)
    assert queued > 0
    assert indexed == 0
    with serving("serve", "--workers", 1, "--database", f"sqlite:///{path}") as running:
        eventually(lambda: waiting(path) == [(0, queued)])
        before = set(children(running.process.pid))
        code, _, err = running.stop()
    assert code == 0
    assert "indexer" not in err
    assert before
    assert not [pid for pid in before if Path(f"/proc/{pid}").exists()]


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    with serving("serve", "--workers", 1, "--database", f"sqlite:///{path}") as running:
        first = min(children(running.process.pid))  # it is started before the workers
        os.kill(first, signal.SIGKILL)
        database = open_store(f"sqlite:///{path}")
        put(database, {"resourceType": "Basic", "id": "b"})
        eventually(lambda: waiting(path) == [(0, 1)])
        database.database.close()
        code, _, err = running.stop()
    assert code == 0
    assert "is started again" in err


def test_it_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    with serving("serve", "--workers", 1, "--database", f"sqlite:///{tmp_path / 'a.db'}") as running:
        pids = list(children(running.process.pid))
        running.process.kill()
        running.process.wait()
        eventually(lambda: not [pid for pid in pids if _runs(pid)])


def _runs(pid: int) -> bool:
    try:
        return (Path(f"/proc/{pid}/stat")).read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_step_that_cannot_be_made_is_tried_again_later(store: Store) -> None:
    put(store, {"resourceType": "Basic", "id": "b"})
    assert step(store) == 0.0
    assert step(store) > 0.0
    with store.database.transaction() as session:
        session.fetch("ALTER TABLE text_queue RENAME TO text_queue_gone")
    try:
        assert step(store) > 1.0
    finally:
        with store.database.transaction() as session:
            session.fetch("ALTER TABLE text_queue_gone RENAME TO text_queue")
