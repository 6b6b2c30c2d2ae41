"""SQLite's write-ahead log stays short, and writers take turns: https://www.sqlite.org/wal.html"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fhir_server.storage.write_log import WriteLog

MEGABYTE = 1 << 20
Connect = Callable[[], sqlite3.Connection]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "clinic.db")


@pytest.fixture
def connect(path: str) -> Iterator[Connect]:
    opened: list[sqlite3.Connection] = []

    def one() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (content BLOB)")
        opened.append(connection)
        return connection

    yield one
    for connection in opened:
        connection.close()


def length(path: str) -> int:
    return Path(path + "-wal").stat().st_size


def write(connection: sqlite3.Connection, log: WriteLog) -> None:
    """Commit a little more than half a megabyte."""
    log.begin()
    connection.execute("INSERT INTO t VALUES (zeroblob(600000))")
    connection.execute("COMMIT")
    log.bound()


@pytest.mark.parametrize("bulk", [False, True], ids=["usual", "load"])
def test_a_log_that_is_too_long_is_copied_and_begun_anew(path: str, connect: Connect, bulk: bool) -> None:
    connection = connect()
    log = WriteLog(connection, path, 1.0, bulk=bulk, limit=MEGABYTE)
    write(connection, log)
    assert 0 < length(path) < MEGABYTE
    write(connection, log)
    assert length(path) == 0
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_a_reader_keeps_the_log_and_stops_no_writer(path: str, connect: Connect) -> None:
    connection, reader = connect(), connect()
    log = WriteLog(connection, path, 1.0, limit=MEGABYTE)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM t").fetchone()
    started = time.monotonic()
    for _ in range(4):
        write(connection, log)
    assert time.monotonic() - started < 3
    assert length(path) > 2 * MEGABYTE
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    reader.execute("COMMIT")
    for _ in range(4):
        write(connection, log)
    assert length(path) < 2 * MEGABYTE


def test_writers_that_never_rest_leave_the_log_short(path: str, connect: Connect) -> None:
    longest: list[int] = []

    def work() -> None:
        connection = connect()
        log = WriteLog(connection, path, 20.0, bulk=True, limit=2 * MEGABYTE)
        for _ in range(20):
            write(connection, log)
            longest.append(length(path))

    connect()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(longest) == 40
    assert max(longest) < 10 * MEGABYTE, "all that was written is 24 MB"


def test_a_writer_waits_its_turn_and_not_much_longer(path: str, connect: Connect) -> None:
    other, connection = connect(), connect()
    log = WriteLog(connection, path, 10.0)
    other.execute("BEGIN IMMEDIATE")
    freed: list[float] = []

    def finish() -> None:
        time.sleep(0.15)
        freed.append(time.monotonic())
        other.execute("COMMIT")

    thread = threading.Thread(target=finish)
    thread.start()
    log.begin()
    assert time.monotonic() >= freed[0]
    connection.execute("COMMIT")
    thread.join()


def test_a_writer_gives_up_after_its_patience(path: str, connect: Connect) -> None:
    other, connection = connect(), connect()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as caught:
        WriteLog(connection, path, 0.05).begin()
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_BUSY
    assert connection.execute("PRAGMA busy_timeout").fetchone() == (50,), "other statements wait as before"
