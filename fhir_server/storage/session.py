"""One thread's connection to the database: fixed statements by the raw driver, composed ones by SQLAlchemy, bulk rows.

https://www.psycopg.org/psycopg3/docs/basic/copy.html and https://www.sqlite.org/lang_transaction.html
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Executable

from fhir_server.storage.columns import read_instant
from fhir_server.storage.write_log import WriteLog

Row = tuple[Any, ...]
Bulk = tuple[str, tuple[str, ...], Sequence[Row]]  # table, columns, rows


def quoted(name: str) -> str:
    """Return the name of a table or column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def moment(value: Any) -> datetime:
    """Return what a driver gives for a time column as an aware UTC time."""
    return value if isinstance(value, datetime) else read_instant(value)


class Session(ABC):
    """A connection in autocommit mode, used by one thread; `begin` opens an explicit transaction on it.

    core            the SQLAlchemy connection, for statements composed at run time
    raw             the driver's connection below it
    answer          rows of the question that the transaction began with
    in_transaction  True between `begin` and `commit` or `rollback`
    Every method lets the driver's errors through; `Database` and `Store` translate them.
    """

    placeholder = "?"

    def __init__(self, core: Connection) -> None:
        self.answer: list[Row] = []
        self.core = core
        self.raw: Any = core.connection.driver_connection
        self.in_transaction = False

    @abstractmethod
    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a fixed statement, prepared once per connection, and return its rows (none for a mere command)."""

    @abstractmethod
    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Add `rows` (tuples in the order of `columns`) to `table` in bulk."""

    def insert_all(self, batch: Sequence[Bulk]) -> None:
        """Add the rows of a batch, each table in turn."""
        for table, columns, rows in batch:
            self.insert(table, columns, rows)

    @abstractmethod
    def begin(self, question: str = "") -> None:
        """Open a write transaction.

        question  a fixed SELECT without parameters, whose rows `answer` holds then: it costs no round trip
        """

    @abstractmethod
    def begin_snapshot(self) -> None:
        """Open a transaction that reads one state of the database throughout and changes nothing."""

    @abstractmethod
    def commit(self) -> None:
        """Make the transaction durable."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction; never raises."""

    @abstractmethod
    def lost(self) -> bool:
        """Say whether the connection cannot be used any more."""

    def moved(self) -> bool:
        """Say whether the database is not the one that was opened: a file can be replaced, a server cannot."""
        return False

    @abstractmethod
    def run(self, statement: str, parameters: Any) -> list[Row]:
        """Run a composed SELECT as text, planned for its values, and return its rows as the driver gives them."""

    def select(self, statement: Executable) -> list[Any]:
        """Run a composed statement, planned for its values, and return its rows."""
        return list(self.core.execute(statement).all())

    def execute(self, statement: Executable) -> int:
        """Run a composed INSERT, UPDATE or DELETE and return the number of rows it changed."""
        return self.core.execute(statement).rowcount

    def close(self) -> None:
        """Give the connection up; never raises."""
        try:
            self.core.invalidate()
            self.core.close()
        except Exception:  # noqa: BLE001, S110 - a connection that is being thrown away may fail in any way
            pass


class PostgresSession(Session):
    """A psycopg connection."""

    placeholder = "%s"
    _FEW_ROWS = 60
    # READ COMMITTED: a statement after a lock must see what the lock waited for.
    # A plan that was prepared while the tables were small may walk them from end to end, and stays in use while a load
    # makes them large. What a write transaction looks up always has an index.
    _BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off"

    def __init__(self, core: Connection) -> None:
        super().__init__(core)
        self._cursor = self.raw.cursor()
        self._heads: dict[tuple[str, tuple[str, ...]], str] = {}

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        cursor = self._cursor
        cursor.execute(statement, parameters, prepare=True)
        return cursor.fetchall() if cursor.description is not None else []

    def run(self, statement: str, parameters: Any) -> list[Row]:
        found: list[Row] = self._cursor.execute(statement, parameters, prepare=False).fetchall()
        return found

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        copy_in = f"COPY {quoted(table)} ({', '.join(map(quoted, columns))}) FROM STDIN"
        with self._cursor.copy(copy_in) as copy:
            write_row = copy.write_row
            for row in rows:
                write_row(row)

    def insert_all(self, batch: Sequence[Bulk]) -> None:
        if sum(len(rows) for _, _, rows in batch) > self._FEW_ROWS:
            super().insert_all(batch)
            return
        # One round trip for a single resource: each CTE inserts into one table.
        parts: list[str] = []
        values: list[Any] = []
        for number, (table, columns, rows) in enumerate(batch):
            head = self._heads.get((table, columns))
            if head is None:
                head = f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, columns))}) VALUES "  # noqa: S608
                self._heads[table, columns] = head
            row = f"({', '.join(['%s'] * len(columns))})"
            parts.append(f"i{number} AS ({head}{', '.join([row] * len(rows))})")
            for each in rows:
                values += each
        self.raw.execute(f"WITH {', '.join(parts)} SELECT 1", values)

    def begin(self, question: str = "") -> None:
        if not question:
            self.raw.execute(self._BEGIN, prepare=False)
            self.in_transaction = True
            return
        try:
            cursor = self.raw.execute(f"{self._BEGIN}; {question}", prepare=False)
            while cursor.nextset():
                pass
            self.answer = cursor.fetchall()
        except BaseException:
            self.rollback()
            raise
        self.in_transaction = True

    def begin_snapshot(self) -> None:
        self.raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", prepare=False)
        self.in_transaction = True

    def commit(self) -> None:
        self.raw.execute("COMMIT", prepare=False)
        self.in_transaction = False

    def rollback(self) -> None:
        self.in_transaction = False
        if self.lost() or self.raw.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            self.raw.execute("ROLLBACK", prepare=False)
        except Exception:  # noqa: BLE001 - the connection is useless then, and the server rolls back by itself
            self.raw.close()

    def lost(self) -> bool:
        return bool(self.raw.closed or self.raw.broken or self.core.invalidated)


class SqliteSession(Session):
    """A sqlite3 connection, which knows the file it opened.

    statement_timeout  seconds after which a running statement is interrupted
    lock_timeout       seconds to wait for another writer
    bulk               a load writes
    """

    _STEPS = 20_000  # virtual machine steps between two looks at the clock: about a millisecond

    def __init__(
        self, core: Connection, path: str, statement_timeout: float, lock_timeout: float, *, bulk: bool = False
    ) -> None:
        super().__init__(core)
        self._path = path
        self._log = WriteLog(self.raw, path, lock_timeout, bulk=bulk)
        if bulk:
            # Another process's commit empties the cache anyway, and a table's indexes are filled one after the other.
            self.raw.execute("PRAGMA cache_size = -4096")
        self._file = self._identity()
        self._timeout = statement_timeout
        self._deadline = 0.0
        self._inserts: dict[tuple[str, tuple[str, ...]], str] = {}
        self.raw.set_progress_handler(self._overdue, self._STEPS)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - called for every transaction
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _overdue(self) -> bool:
        return self._deadline > 0.0 and time.monotonic() > self._deadline

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self._deadline = time.monotonic() + self._timeout if self._timeout else 0.0
        found: list[Row] = self.raw.execute(statement, parameters).fetchall()
        return found

    def run(self, statement: str, parameters: Any) -> list[Row]:
        return self.fetch(statement, parameters)

    def select(self, statement: Executable) -> list[Any]:
        self._deadline = time.monotonic() + self._timeout if self._timeout else 0.0
        return super().select(statement)

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        statement = self._inserts.get((table, columns))
        if statement is None:
            marks = ", ".join("?" * len(columns))
            names = ", ".join(map(quoted, columns))
            statement = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own tables
            self._inserts[table, columns] = statement
        self._deadline = 0.0
        self.raw.executemany(statement, rows)

    def begin(self, question: str = "") -> None:
        # IMMEDIATE takes the one write lock first, so that what is read afterwards stays true.
        self._deadline = 0.0
        self._log.begin()
        try:
            self.answer = self.raw.execute(question).fetchall() if question else []
        except BaseException:
            self.rollback()
            raise
        self.in_transaction = True

    def begin_snapshot(self) -> None:
        self._deadline = 0.0
        self.raw.execute("BEGIN")
        self.in_transaction = True

    def commit(self) -> None:
        self._deadline = 0.0
        self.raw.execute("COMMIT")
        self.in_transaction = False
        self._log.bound()

    def rollback(self) -> None:
        self.in_transaction = False
        try:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - closing the connection rolls back too
            self.raw.close()

    def lost(self) -> bool:
        return bool(self.core.invalidated or self.moved())

    def moved(self) -> bool:
        return self._file is None or self._identity() != self._file
