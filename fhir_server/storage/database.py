"""Opens a database by its URL and gives every thread its own connection, in autocommit mode, safe across forks.

SQLite: WAL, synchronous=FULL, foreign keys, one writer at a time (BEGIN IMMEDIATE). PostgreSQL: psycopg, prepared
statements for fixed reads, plans made for their values for composed searches, timeouts, reconnection.
https://www.sqlite.org/pragma.html and https://www.postgresql.org/docs/current/runtime-config-client.html
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from fhir_server.errors import LockTimeout, ServerFault, StoreUnavailable
from fhir_server.storage import sphere
from fhir_server.storage.bounded import BoundedConnection
from fhir_server.storage.conflicts import DRIVER_ERRORS, translated
from fhir_server.storage.session import PostgresSession, Row, Session, SqliteSession

T = TypeVar("T")
Dialect = Literal["sqlite", "postgresql"]

_NEVER = 2**31 - 1
_GRACE = 5.0  # seconds a PostgreSQL server may be late with stopping a statement before it counts as hanging
_IN_DOUBT = "the change may or may not be stored."


class _Process:
    """What belongs to one process: connections must not be shared with a parent or a child."""

    def __init__(self) -> None:
        self.local = threading.local()
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.sessions: list[tuple[threading.Thread, Session]] = []


class Database:
    """A database that is there: sessions for reading, transactions for writing. Made by `open_database`."""

    def __init__(self, url: URL, engine: Engine, *, statement_timeout: float, lock_timeout: float) -> None:
        self.url = url
        self.engine = engine
        self.dialect: Dialect = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
        self._statement_timeout = statement_timeout
        self._lock_timeout = lock_timeout
        self._processes: dict[int, _Process] = {}
        self._bulk = False

    def for_bulk(self) -> None:
        """Expect a load: connections opened from now on put more into SQLite's log before it is copied."""
        self._bulk = True

    @property
    def _process(self) -> _Process:
        pid = os.getpid()
        found = self._processes.get(pid)
        # The parent's entry stays referenced: closing an inherited socket would end the parent's session.
        return found if found is not None else self._processes.setdefault(pid, _Process())

    def session(self) -> Session:
        """Return this thread's connection, opened on first use and when the SQLite file was replaced.

        Raises StoreUnavailable when there is none.
        """
        process = self._process
        found: Session | None = getattr(process.local, "session", None)
        if found is None:
            return self._open(process)
        if found.moved() and not found.in_transaction:
            self._dropped_if_lost(found)
            return self._open(process)
        return found

    def _open(self, process: _Process) -> Session:
        try:
            core = self.engine.connect()
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        session: Session
        if self.dialect == "sqlite":
            session = SqliteSession(
                core, str(self.url.database), self._statement_timeout, self._lock_timeout, bulk=self._bulk
            )
        else:
            session = PostgresSession(core)
        process.local.session = session
        with process.lock:
            ended = [item for item in process.sessions if not item[0].is_alive()]
            process.sessions = [item for item in process.sessions if item[0].is_alive()]
            process.sessions.append((threading.current_thread(), session))
        for _, old in ended:
            old.close()
        return session

    def _dropped_if_lost(self, session: Session) -> bool:
        """Forget a session whose connection is gone, so that the next use opens a new one."""
        if not session.lost():
            return False
        process = self._process
        process.local.session = None
        with process.lock:
            process.sessions = [item for item in process.sessions if item[1] is not session]
        session.close()
        return True

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work`, which only reads, on this thread's connection; once more when the connection was lost.

        Raises the FhirError that `conflicts` gives for the driver's error.
        """
        session = self.session()
        try:
            return work(session)
        except DRIVER_ERRORS as error:
            inside = session.in_transaction
            if not self._dropped_if_lost(session) or inside:
                raise translated(error) from None
        try:
            return work(self.session())
        except DRIVER_ERRORS as error:
            raise translated(error) from None

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one fixed SELECT outside any transaction and return its rows: the hot path of `read`."""
        return self.read(lambda session: session.fetch(statement, parameters))

    @contextmanager
    def transaction(self, question: str = "") -> Iterator[Session]:
        """Open a write transaction; it is committed at the end of the block and undone on any error.

        question  see `Session.begin`
        The driver's errors come through untranslated, so that the caller can tell which are worth another try.
        Raises StoreUnavailable when the connection breaks during the commit: the outcome is unknown then.
        """
        if self.session().in_transaction:
            raise ServerFault("A write was started inside another one. This is a fault of the server.")
        with self._one_writer():
            session = self._begun(lambda each: each.begin(question))
            try:
                yield session
                self._commit(session)
            except BaseException:
                session.rollback()
                self._dropped_if_lost(session)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a transaction that sees one state of the database; nothing can be written in it.

        Raises the FhirError that `conflicts` gives for a driver's error.
        """
        if self.session().in_transaction:
            raise ServerFault("A snapshot was taken inside a transaction. This is a fault of the server.")
        try:
            session = self._begun(lambda each: each.begin_snapshot())
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        try:
            yield session
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        finally:
            session.rollback()
            self._dropped_if_lost(session)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        # SQLite has one writer. Waiting here is fair and cheap; other processes are waited for by trying again.
        if self.dialect != "sqlite":
            yield
            return
        writing = self._process.writing
        if not writing.acquire(timeout=self._lock_timeout):
            raise LockTimeout("Another change took too long. Please try again.", headers={"Retry-After": "1"})
        try:
            yield
        finally:
            writing.release()

    def _begun(self, begin: Callable[[Session], None]) -> Session:
        session = self.session()
        try:
            begin(session)
        except DRIVER_ERRORS:
            if not self._dropped_if_lost(session):
                raise
            session = self.session()
            begin(session)
        return session

    def _commit(self, session: Session) -> None:
        try:
            session.commit()
        except DRIVER_ERRORS:
            if not session.lost():
                raise
            text = f"The connection to the database was lost during the commit: {_IN_DOUBT}"
            raise StoreUnavailable(text, headers={"Retry-After": "1"}) from None
        if session.moved():
            text = f"The database file was replaced or removed during the commit: {_IN_DOUBT}"
            raise StoreUnavailable(text, headers={"Retry-After": "1"})

    def ping(self) -> None:
        """Prove that the database answers and is still the same one. Raises Unavailable."""
        self.fetch("SELECT 1")

    def close(self) -> None:
        """Close the connections of all threads of this process."""
        process = self._processes.pop(os.getpid(), None)
        for _, session in process.sessions if process is not None else ():
            session.close()


def open_database(
    url: str, *, statement_timeout: float = 30.0, lock_timeout: float = 5.0, connect_timeout: float = 5.0
) -> Database:
    """Return the database at `url`; nothing is connected yet.

    url                "sqlite:///clinic.db" or "postgresql+psycopg://user:password@host/name"
    statement_timeout  seconds a single statement may run (0: without limit)
    lock_timeout       seconds to wait for a lock held by another writer
    connect_timeout    seconds to wait for a PostgreSQL server
    Raises ValueError for a URL of another kind.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError("a database URL looks like sqlite:///clinic.db or postgresql+psycopg://host/name") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = _sqlite_engine(parsed, lock_timeout)
    elif backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = _postgres_engine(parsed, statement_timeout, lock_timeout, connect_timeout)
    else:
        raise ValueError(f"databases of kind {backend!r} are not supported: use sqlite or postgresql")
    return Database(parsed, engine, statement_timeout=statement_timeout, lock_timeout=lock_timeout)


def create_sqlite_file(url: URL) -> None:
    """Make the SQLite file of `url` when there is none; opening alone never does, so a lost file is noticed."""
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)


def _use_log(connection: sqlite3.Connection, patience: float) -> None:
    """Switch the file to write-ahead logging, once for all; SQLite does not wait for another process that does so."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sqlite_engine(url: URL, lock_timeout: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("an SQLite database needs a file: every thread opens its own connection to it")
    location = f"file:{quote(str(Path(url.database).absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            location,
            uri=True,
            timeout=lock_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=2048,
        )
        try:
            _use_log(connection, lock_timeout)
            for pragma in (
                "synchronous = FULL",
                "foreign_keys = ON",
                "temp_store = MEMORY",
                "cache_size = -16384",  # kB for each connection of each thread; 65536 loaded no faster
                "journal_size_limit = 67108864",
            ):
                connection.execute("PRAGMA " + pragma)
            sphere.register(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine(
        "sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )


def _postgres_engine(url: URL, statement_timeout: float, lock_timeout: float, connect_timeout: float) -> Engine:
    given = url.query.get("options", "")
    settings = {
        "timezone": "UTC",
        "client_min_messages": "warning",
        "jit": "off",  # compiling a plan takes longer than running any of ours
        "statement_timeout": f"{int(statement_timeout * 1000)}ms",
        "lock_timeout": f"{int(lock_timeout * 1000)}ms",
        "idle_in_transaction_session_timeout": "60s",
    }
    options = " ".join([*([given] if isinstance(given, str) else given), *(f"-c {k}={v}" for k, v in settings.items())])
    engine = create_engine(
        url.difference_update_query(["options"]),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={
            "options": options.strip(),
            "connect_timeout": max(1, int(connect_timeout)),
            "autocommit": True,
            # Statements are prepared where the code says so and nowhere else: a composed search must be planned
            # for its values (a plan made for any value took 234 ms instead of 0.7 for a rare code).
            "prepare_threshold": _NEVER,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
    )

    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> BoundedConnection:
        connection = BoundedConnection.connect(*arguments, **named)
        connection.limit = statement_timeout + _GRACE if statement_timeout else None
        return connection

    event.listen(engine, "do_connect", connect)
    return engine
