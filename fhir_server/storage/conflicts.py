"""What an error of the database means for the caller: one table for PostgreSQL's SQLSTATEs, one for SQLite's codes.

A driver's text can hold values of a record ("Key (type, id)=(...) already exists"), so it goes nowhere: `translated`
drops it and notes which error it was, by names that the database itself gave.

https://www.postgresql.org/docs/current/errcodes-appendix.html and https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass

import psycopg
from sqlalchemy.exc import DBAPIError

from fhir_server.errors import (
    BadRequest,
    Conflict,
    FhirError,
    LockTimeout,
    ServerFault,
    StatementTimeout,
    StoreUnavailable,
    TooCostly,
    TooLarge,
    Unavailable,
)

_log = logging.getLogger(__name__)

DRIVER_ERRORS = (psycopg.Error, sqlite3.Error, DBAPIError, UnicodeEncodeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one database error means.

    error    the class to raise
    text     its diagnostics
    code     its issue code, "" for the class's own
    again    the whole transaction may succeed when it is run again on fresh state
    """

    error: type[FhirError]
    text: str
    code: str = ""
    again: bool = False

    def raised(self) -> FhirError:
        """Return the error to raise; unavailability carries Retry-After."""
        headers = {"Retry-After": "1"} if issubclass(self.error, Unavailable) else {}
        return self.error(self.text, code=self.code, headers=headers)


_BUSY = Meaning(LockTimeout, "Another change to the same records was in the way. Please try again.", again=True)
_LOCKED = Meaning(LockTimeout, "The records were locked for too long by another change. Please try again.")
_TAKEN = Meaning(Conflict, "The same resource was created at the same moment by someone else.", again=True)
_LOST = Meaning(StoreUnavailable, "The database cannot be reached at the moment. Please try again.")
_FULL = Meaning(StoreUnavailable, "The database has no room left. Nothing was stored.")
_CROWDED = Meaning(Unavailable, "The database has too many connections at the moment. Please try again.")
_SLOW = Meaning(StatementTimeout, "The database took too long to answer, so the request was stopped.")
_VALUE = Meaning(BadRequest, "A value cannot be represented in the database.", code="value")
_RANGE = Meaning(BadRequest, "A number or date is outside the range that can be stored or searched.", code="value")
_LONG = Meaning(TooLarge, "A value is too long to be stored.")
_COMPLEX = Meaning(TooCostly, "The request is too complex for the database.")
_READ_ONLY = Meaning(StoreUnavailable, "The database accepts no changes at the moment.")
_BROKEN = Meaning(StoreUnavailable, "The database file is damaged or missing.", code="exception")
_BEHIND = Meaning(StoreUnavailable, "The database's tables do not match this program: run `fhir-server migrate`.")
_BUG = Meaning(ServerFault, "The database refused a statement. This is a fault of the server.")

# A SQLSTATE of five characters, or a class of two.
_POSTGRESQL = {
    "40001": _BUSY,  # serialization_failure
    "40P01": _BUSY,  # deadlock_detected
    "40003": _LOST,  # statement_completion_unknown
    "55P03": _LOCKED,  # lock_not_available
    "23505": _TAKEN,  # unique_violation
    "57014": _SLOW,  # query_canceled, by statement_timeout
    "25P04": _SLOW,  # transaction_timeout
    "57P05": _SLOW,  # idle_session_timeout
    "25P03": _SLOW,  # idle_in_transaction_session_timeout
    "57": _LOST,  # operator intervention: shutdown, crash, cannot connect now
    "08": _LOST,  # connection exception
    "58": _LOST,  # system error outside PostgreSQL (I/O)
    "28": _LOST,  # invalid authorization
    "3D": _LOST,  # database does not exist
    "53300": _CROWDED,  # too_many_connections
    "53400": _CROWDED,
    "53": _FULL,  # disk full, out of memory
    "25006": _READ_ONLY,
    "22P05": _VALUE,  # untranslatable_character (NUL)
    "22021": _VALUE,  # character_not_in_repertoire
    "22": _RANGE,  # data exception: numeric and datetime overflow
    "54": _COMPLEX,  # program limit exceeded
    "54000": _LONG,  # an index row that is too long
    "42P01": _BEHIND,  # undefined_table
    "42703": _BEHIND,  # undefined_column
}

_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_INTERRUPT: _SLOW,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_NOMEM: _FULL,
    sqlite3.SQLITE_IOERR: _LOST,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _BROKEN,
    sqlite3.SQLITE_CORRUPT: _BROKEN,
    sqlite3.SQLITE_NOTADB: _BROKEN,
    sqlite3.SQLITE_TOOBIG: _LONG,
    sqlite3.SQLITE_MISMATCH: _VALUE,
}


def meaning(error: BaseException) -> Meaning:
    """Return what `error`, raised by a driver or by SQLAlchemy around one, means."""
    if isinstance(error, DBAPIError):
        error = error.orig or error
    if isinstance(error, psycopg.Error):
        return _postgresql(error)
    if isinstance(error, sqlite3.Error):
        return _sqlite(error)
    if isinstance(error, UnicodeEncodeError):
        return _VALUE
    if isinstance(error, OverflowError):
        return _RANGE
    return _BUG


def _postgresql(error: psycopg.Error) -> Meaning:
    state = error.sqlstate
    if state is None:
        # The driver itself speaks: the connection is gone, or a value has no representation (NUL in a text).
        return _VALUE if isinstance(error, psycopg.DataError) else _LOST
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]) or _BUG


def _sqlite(error: sqlite3.Error) -> Meaning:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _VALUE if isinstance(error, (sqlite3.DataError, sqlite3.InterfaceError)) else _BUG
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return _TAKEN
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return _BEHIND
    return _SQLITE.get(code & 0xFF, _BUG)


def described(error: BaseException) -> str:
    """Return the class, the code and the place in the schema of a driver's error, never a value.

    "UniqueViolation 23505 resource resource_type_id"
    """
    if isinstance(error, DBAPIError):
        error = error.orig or error
    parts = [type(error).__name__]
    if isinstance(error, psycopg.Error):
        names = error.diag
        parts += [error.sqlstate, names.table_name, names.column_name, names.constraint_name]  # type: ignore[list-item]
    elif isinstance(error, sqlite3.Error):
        parts.append(getattr(error, "sqlite_errorname", ""))
    return " ".join(part for part in parts if part)


def translated(error: BaseException) -> FhirError:
    """Return the FhirError that tells the caller what `error` of a driver means; to be raised `from None`.

    What somebody has to look after (the database is away, full, damaged, or we made a mistake) is logged.
    """
    made = meaning(error).raised()
    which = described(error)
    made.add_note(which)
    if isinstance(made, (StoreUnavailable, ServerFault)):
        _log.error("%s (%s)", made.diagnostics, which)
    return made
