"""https://www.postgresql.org/docs/current/errcodes-appendix.html: what each database error means for the caller"""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from fhir_server import errors
from fhir_server.storage.conflicts import meaning, translated


def postgresql(state: str) -> psycopg.Error:
    return psycopg.errors.lookup(state)("secret value 17")


def sqlite(code: int, text: str = "secret value 17") -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "kind", "code", "again"),
    [
        (postgresql("40001"), errors.LockTimeout, "lock-error", True),
        (postgresql("40P01"), errors.LockTimeout, "lock-error", True),
        (postgresql("55P03"), errors.LockTimeout, "lock-error", False),
        (postgresql("23505"), errors.Conflict, "conflict", True),
        (postgresql("57014"), errors.StatementTimeout, "timeout", False),
        (postgresql("57P01"), errors.StoreUnavailable, "no-store", False),
        (postgresql("08006"), errors.StoreUnavailable, "no-store", False),
        (postgresql("53100"), errors.StoreUnavailable, "no-store", False),
        (postgresql("53300"), errors.Unavailable, "transient", False),
        (postgresql("25006"), errors.StoreUnavailable, "no-store", False),
        (postgresql("22P05"), errors.BadRequest, "value", False),
        (postgresql("22003"), errors.BadRequest, "value", False),
        (postgresql("22008"), errors.BadRequest, "value", False),
        (postgresql("54000"), errors.TooLarge, "too-long", False),
        (postgresql("42P01"), errors.StoreUnavailable, "no-store", False),
        (postgresql("42601"), errors.ServerFault, "exception", False),
        (psycopg.OperationalError("the connection is closed"), errors.StoreUnavailable, "no-store", False),
        (psycopg.DataError("NUL"), errors.BadRequest, "value", False),
        (sqlite(sqlite3.SQLITE_BUSY), errors.LockTimeout, "lock-error", False),
        (sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), errors.LockTimeout, "lock-error", False),
        (sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE), errors.Conflict, "conflict", True),
        (sqlite(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY), errors.Conflict, "conflict", True),
        (sqlite(sqlite3.SQLITE_FULL), errors.StoreUnavailable, "no-store", False),
        (sqlite(sqlite3.SQLITE_CORRUPT), errors.StoreUnavailable, "exception", False),
        (sqlite(sqlite3.SQLITE_NOTADB), errors.StoreUnavailable, "exception", False),
        (sqlite(sqlite3.SQLITE_CANTOPEN), errors.StoreUnavailable, "exception", False),
        (sqlite(sqlite3.SQLITE_READONLY), errors.StoreUnavailable, "no-store", False),
        (sqlite(sqlite3.SQLITE_INTERRUPT), errors.StatementTimeout, "timeout", False),
        (sqlite(sqlite3.SQLITE_ERROR, "no such table: x"), errors.StoreUnavailable, "no-store", False),
        (sqlite(sqlite3.SQLITE_ERROR), errors.ServerFault, "exception", False),
        (OverflowError("too large"), errors.BadRequest, "value", False),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), errors.BadRequest, "value", False),
    ],
)
def test_each_error_has_one_meaning(error: Exception, kind: type, code: str, again: bool) -> None:
    for given in (error, DBAPIError("SELECT secret", {}, error)):
        meant = translated(given)
        assert type(meant) is kind
        assert meant.all_issues()[0].code == code
        assert meaning(given).again is again
        assert ("Retry-After" in meant.headers) is isinstance(meant, errors.Unavailable)
        assert "secret" not in meant.diagnostics, "neither SQL nor values reach the caller"
