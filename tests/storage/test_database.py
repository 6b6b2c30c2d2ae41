"""How connections behave: https://www.sqlite.org/wal.html, https://www.postgresql.org/docs/current/runtime-config.html"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from fhir_server.errors import (
    BadRequest,
    FhirError,
    LockTimeout,
    ServerFault,
    StatementTimeout,
    StoreUnavailable,
)
from fhir_server.storage.conflicts import DRIVER_ERRORS, meaning
from fhir_server.storage.database import Database, create_sqlite_file, open_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    if database_url.startswith("sqlite"):
        create_sqlite_file(make_url(database_url))
    opened = open_database(database_url, statement_timeout=0.5, lock_timeout=0.3)
    with opened.transaction() as session:
        session.fetch("CREATE TABLE t (a integer PRIMARY KEY, b text)")
    yield opened
    opened.close()


def rows(database: Database) -> list[tuple[int, str]]:
    return [(a, b) for a, b in database.fetch("SELECT a, b FROM t ORDER BY a")]


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x"), (2, None)])
    assert database.fetch("SELECT a, b FROM t ORDER BY a") == [(1, "x"), (2, None)]
    with pytest.raises(RuntimeError), database.transaction() as session:
        session.insert("t", ("a", "b"), [(3, "y")])
        raise RuntimeError
    assert len(rows(database)) == 2


def test_the_same_key_twice_is_worth_another_try(database: Database) -> None:
    with pytest.raises(DRIVER_ERRORS) as caught, database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x"), (1, "y")])
    assert meaning(caught.value).again
    assert rows(database) == []


def test_a_write_inside_a_write_is_a_fault_of_ours(database: Database) -> None:
    with database.transaction(), pytest.raises(ServerFault), database.transaction():
        pass


def test_what_is_not_committed_is_invisible_to_other_threads(database: Database) -> None:
    seen: list[int] = []
    with database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x")])
        thread = threading.Thread(target=lambda: seen.append(len(rows(database))))
        thread.start()
        thread.join()
    assert seen == [0]
    assert len(rows(database)) == 1


def test_every_thread_has_a_connection_of_its_own_and_gives_it_back(database: Database) -> None:
    raws: list[int] = []
    for _ in range(5):
        thread = threading.Thread(target=lambda: raws.append(id(database.session().raw)))
        thread.start()
        thread.join()
    database.session()
    assert len(raws) == 5
    assert len(database._process.sessions) <= 2


def test_waiting_for_a_lock_ends(database: Database) -> None:
    with database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x")])
    failures: list[FhirError] = []

    def second() -> None:
        try:
            with database.transaction() as session:
                session.fetch("UPDATE t SET b = 'second' WHERE a = 1")
        except DRIVER_ERRORS as error:
            failures.append(meaning(error).raised())
        except FhirError as error:
            failures.append(error)

    with database.transaction() as session:
        session.fetch("UPDATE t SET b = 'first' WHERE a = 1")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert [type(failure) for failure in failures] == [LockTimeout]
    assert failures[0].headers["Retry-After"] == "1"
    assert rows(database) == [(1, "first")]


def test_a_statement_that_takes_too_long_is_stopped(database: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    began = time.monotonic()
    with pytest.raises(StatementTimeout):
        database.fetch(endless)
    with pytest.raises(StatementTimeout):
        database.read(lambda session: session.select(text(endless)))
    assert time.monotonic() - began < 5
    assert database.fetch("SELECT 1") == [(1,)]


def test_a_nul_character_is_refused_as_a_value(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite stores NUL characters; documents with one are refused before they get here")
    with pytest.raises(BadRequest) as caught:
        database.fetch("SELECT CAST(%s AS text)", ("a\x00b",))
    assert caught.value.code == "value"


def test_a_number_that_is_too_large_is_refused_as_a_value(database: Database) -> None:
    mark = database.session().placeholder
    with pytest.raises(BadRequest) as caught:
        database.fetch(f"SELECT a FROM t WHERE a = CAST({mark} AS integer)", (10**30,))
    assert caught.value.code == "value"


def test_durability_is_not_traded_away(database: Database) -> None:
    if database.dialect == "sqlite":
        assert database.fetch("PRAGMA synchronous") == [(2,)]
        assert database.fetch("PRAGMA journal_mode") == [("wal",)]
        assert database.fetch("PRAGMA foreign_keys") == [(1,)]
    else:
        assert database.fetch("SHOW synchronous_commit") == [("on",)]
        assert database.fetch("SHOW timezone") == [("UTC",)]
        assert database.fetch("SHOW transaction_isolation") == [("read committed",)]


def test_a_lost_connection_is_replaced(database: Database, postgres_admin_url: str) -> None:
    if database.dialect == "sqlite":
        pytest.skip("an SQLite connection cannot be cut")

    def cut() -> None:
        (pid,) = database.fetch("SELECT pg_backend_pid()")[0]
        with psycopg.connect(postgres_admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        time.sleep(0.1)

    cut()
    assert database.fetch("SELECT 1") == [(1,)]
    cut()
    assert [tuple(row) for row in database.read(lambda session: session.select(text("SELECT 1")))] == [(1,)]
    cut()
    with database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x")])
    with pytest.raises(StoreUnavailable, match="may or may not"), database.transaction() as session:
        session.insert("t", ("a", "b"), [(2, "y")])
        (pid,) = session.fetch("SELECT pg_backend_pid()")[0]
        with psycopg.connect(postgres_admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        time.sleep(0.1)
    assert rows(database) == [(1, "x")]


def test_a_child_process_does_not_use_the_connection_of_its_parent(database: Database) -> None:
    with database.transaction() as session:
        session.insert("t", ("a", "b"), [(1, "x")])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        outcome = b"bad"
        try:
            with database.transaction() as session:
                session.insert("t", ("a", "b"), [(2, "y")])
            outcome = b"good" if len(rows(database)) == 2 else b"few"
            database.close()
        finally:
            os.write(write, outcome)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"good"
    os.close(read)
    os.close(write)
    assert len(rows(database)) == 2, "the parent's connection still works"


def test_an_unreachable_database_is_unavailable_and_comes_back() -> None:
    database = open_database("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_timeout=1)
    with pytest.raises(StoreUnavailable) as caught:
        database.ping()
    assert caught.value.headers["Retry-After"] == "1"


def test_a_lost_sqlite_file_is_noticed_and_never_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    url = f"sqlite:///{path}"
    with pytest.raises(StoreUnavailable):
        open_database(url).ping()
    assert not path.exists()
    create_sqlite_file(make_url(url))
    database = open_database(url)
    with database.transaction() as session:
        session.fetch("CREATE TABLE t (a integer)")
    database.ping()
    path.unlink()
    with pytest.raises(StoreUnavailable):
        database.ping()
    with pytest.raises(FhirError), database.transaction() as session:
        session.fetch("INSERT INTO t VALUES (1)")
    assert not path.exists()
    database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_other_urls_are_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"database"):
        open_database(url)
