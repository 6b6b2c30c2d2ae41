"""Fills the full text index from the queue of versions that were written: in batches, one filler at a time.

https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS

Documents are read and taken apart without any lock; then a short transaction writes the words of those resources that
have not changed meanwhile and takes the rows of the queue out that this settles. What has changed meanwhile has a
newer row in the queue. The rows taken out name versions that are not newer than the one whose words were written, and
no other filler can put older words in their place: fillers exclude one another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import text as statement

from fhir_server.formats import json
from fhir_server.storage.conflicts import DRIVER_ERRORS, translated
from fhir_server.storage.database import Database
from fhir_server.storage.parts import Parts
from fhir_server.storage.session import Session
from fhir_server.storage.text.tables import SEARCH_COLUMNS, create_text, text_search
from fhir_server.storage.text.words import words_of

BATCH = 500

_Row = tuple[int, str, int, str, str]  # key, type, version, narrative, rest


@dataclass(frozen=True, slots=True)
class _Queued:
    """A row of the queue, where it lies, and the resource as it is now."""

    place: Any
    key: int
    version: int
    type: str
    current: int
    deleted: bool


def fill(parts: Parts, most: int = BATCH) -> int | None:
    """Index the words of up to `most` versions that wait; return how many rows of the queue were looked at.

    0: the queue is empty. None: another filler is at work.
    Raises LockTimeout, StoreUnavailable; nothing is lost then.
    """
    index = _index_for(parts.database)
    with parts.database.snapshot() as session:
        queued = index.peek(session, most)
        current = sorted({(row.key, row.current) for row in queued if not row.deleted})
        contents = parts.commands.contents(session, current)
    if not queued:
        return 0
    rows = {
        row.key: (row.key, row.type, row.current, *words_of(json.decode_trusted(contents[row.key][1])))
        for row in queued
        if not row.deleted
    }
    try:
        with parts.database.transaction() as session:
            if not index.alone(session):
                return None
            index.settle(session, queued, rows)
    except DRIVER_ERRORS as error:
        raise translated(error) from None
    return len(queued)


def rewrite(parts: Parts, session: Session, resource_type: str, documents: Mapping[int, tuple[int, str]]) -> None:
    """Write the words of resources anew, inside a transaction that keeps them from changing.

    documents  key -> current version and JSON text
    """
    rows = [
        (key, resource_type, version, *words_of(json.decode_trusted(content)))
        for key, (version, content) in sorted(documents.items())
    ]
    _index_for(parts.database).write(session, rows)


def enqueue_all(connection: Connection) -> None:
    """Make the tables for a database that has resources already, and let all of them wait to be indexed."""
    create_text(connection)
    connection.execute(
        statement("INSERT INTO text_queue (key, version) SELECT key, version FROM resource WHERE NOT deleted")
    )


def _index_for(database: Database) -> _Index:
    return _PostgresIndex() if database.dialect == "postgresql" else _SqliteIndex()


class _Index(ABC):
    """The statements of the filler."""

    _peek = (
        "SELECT q.{place}, q.key, q.version, r.type, r.version, r.deleted FROM "
        "(SELECT {place}, key, version FROM text_queue LIMIT {most}) q JOIN resource r ON r.key = q.key"
    )

    @abstractmethod
    def peek(self, session: Session, most: int) -> list[_Queued]:
        """Return the first rows of the queue."""

    @abstractmethod
    def alone(self, session: Session) -> bool:
        """Keep other fillers away until the end of the transaction; False when one is at work."""

    @abstractmethod
    def still(self, session: Session, queued: Sequence[_Queued]) -> list[_Queued]:
        """Return those rows that are still in the queue, and whose resource is still the same."""

    @abstractmethod
    def write(self, session: Session, rows: Sequence[_Row]) -> None:
        """Put words in the place of those that were there. The rows are sorted by key."""

    @abstractmethod
    def remove(self, session: Session, keys: Sequence[int]) -> None:
        """Take resources that are deleted out of the index."""

    @abstractmethod
    def take(self, session: Session, places: Sequence[Any]) -> None:
        """Take rows out of the queue."""

    def settle(self, session: Session, queued: Sequence[_Queued], rows: Mapping[int, _Row]) -> None:
        """Write the words of what has not changed, and take its rows out of the queue."""
        still = self.still(session, queued)
        keys = sorted({row.key for row in still})
        self.remove(session, [key for key in keys if key not in rows])
        self.write(session, [rows[key] for key in keys if key in rows])
        self.take(session, [row.place for row in still])


class _PostgresIndex(_Index):
    _LOCK = 7_310_226_106

    def peek(self, session: Session, most: int) -> list[_Queued]:
        return [_Queued(*row) for row in session.fetch(self._peek.format(place="ctid", most=most))]

    def alone(self, session: Session) -> bool:
        return bool(session.fetch("SELECT pg_try_advisory_xact_lock(%s)", (self._LOCK,))[0][0])

    def still(self, session: Session, queued: Sequence[_Queued]) -> list[_Queued]:
        there = session.fetch(
            "SELECT q.ctid, q.key, q.version, r.type, r.version, r.deleted FROM text_queue q "
            "JOIN resource r ON r.key = q.key WHERE q.ctid = ANY(%s::tid[])",
            ([row.place for row in queued],),
        )
        return sorted({_Queued(*row) for row in there} & set(queued), key=lambda row: row.key)

    def write(self, session: Session, rows: Sequence[_Row]) -> None:
        if rows:
            session.fetch(
                "INSERT INTO text_search (key, type, version, narrative, rest) "
                "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::text[], %s::text[]) "
                "ON CONFLICT (key) DO UPDATE SET type = excluded.type, version = excluded.version, "
                "narrative = excluded.narrative, rest = excluded.rest",
                [list(column) for column in zip(*rows, strict=True)],
            )

    def remove(self, session: Session, keys: Sequence[int]) -> None:
        session.fetch("DELETE FROM text_search WHERE key = ANY(%s::bigint[])", (list(keys),))

    def take(self, session: Session, places: Sequence[Any]) -> None:
        session.fetch("DELETE FROM text_queue WHERE ctid = ANY(%s::tid[])", (list(places),))


class _SqliteIndex(_Index):
    def peek(self, session: Session, most: int) -> list[_Queued]:
        found = session.fetch(self._peek.format(place="rowid", most=most))
        return [_Queued(*row) for row in found]

    def alone(self, session: Session) -> bool:  # noqa: ARG002 - there is one writer
        return True

    def still(self, session: Session, queued: Sequence[_Queued]) -> list[_Queued]:
        found: list[_Queued] = []
        for row in queued:
            there = session.fetch(
                "SELECT 1 FROM text_queue q JOIN resource r ON r.key = q.key WHERE q.rowid = ? AND q.key = ? "
                "AND q.version = ? AND r.version = ?",
                (row.place, row.key, row.version, row.current),
            )
            if there:
                found.append(row)
        return found

    def write(self, session: Session, rows: Sequence[_Row]) -> None:
        self._forget(session, [row[0] for row in rows])
        session.insert(text_search.name, SEARCH_COLUMNS, rows)
        session.raw.executemany(
            "INSERT INTO text_index (rowid, narrative, rest) VALUES (?, ?, ?)",
            [(key, narrative, rest) for key, _, _, narrative, rest in rows],
        )

    def remove(self, session: Session, keys: Sequence[int]) -> None:
        self._forget(session, keys)

    def _forget(self, session: Session, keys: Sequence[int]) -> None:
        for key in keys:
            # An index over another table's texts must be told the old ones.
            session.fetch(
                "INSERT INTO text_index (text_index, rowid, narrative, rest) "
                "SELECT 'delete', key, narrative, rest FROM text_search WHERE key = ?",
                (key,),
            )
            session.fetch("DELETE FROM text_search WHERE key = ?", (key,))

    def take(self, session: Session, places: Sequence[Any]) -> None:
        session.raw.executemany("DELETE FROM text_queue WHERE rowid = ?", [(place,) for place in places])
