"""What the index does not know yet: a search reads the documents that wait, or is refused when there are too many.

https://hl7.org/fhir/R4/search.html#errors
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fhir_server.errors import ServerFault, Unavailable
from fhir_server.formats import json
from fhir_server.storage.conflicts import DRIVER_ERRORS, translated
from fhir_server.storage.database import Database
from fhir_server.storage.dialects import Commands
from fhir_server.storage.session import Session
from fhir_server.storage.text.query import Query, matches
from fhir_server.storage.text.words import words_of

# The limit stands in the text: a plan that does not know it reckons with whole tables.
_QUEUE = (
    "SELECT q.key, r.type, r.version, r.deleted, s.version FROM (SELECT key FROM text_queue LIMIT {most}) q "
    "JOIN resource r ON r.key = q.key LEFT JOIN text_search s ON s.key = q.key"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What must be known beside the index, to answer one query in one state of the database.

    stale    keys whose words in the index are those of an older version
    matched  keys that match by their current version, which the index does not have
    """

    stale: tuple[int, ...]
    matched: tuple[int, ...]


class Texts:
    """The queue, as searches see it.

    limit  how many versions may wait while searches are still answered
    """

    def __init__(self, database: Database, commands: Commands, limit: int) -> None:
        self.database = database
        self._commands = commands
        self._limit = limit

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Let what waits, the index and the search that uses both be of one state of the database inside the block.

        Outside of a transaction a snapshot is taken. A write transaction on PostgreSQL sees the commits of others:
        they wait, from here to its end. Raises LockTimeout, StoreUnavailable.
        """
        session = self.database.session()
        if not session.in_transaction:
            with self.database.snapshot():
                yield
            return
        try:
            if self.database.dialect == "postgresql" and not _is_snapshot(session):
                session.fetch("LOCK TABLE text_queue IN SHARE ROW EXCLUSIVE MODE")
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        yield

    def waiting(self, resource_type: str | None, query: Query, *, narrative: bool) -> Waiting:
        """Return what the index lacks for a query over resources of a type. Call it inside of `settled`.

        narrative  True: of their narratives, False: of everything in them
        Raises Unavailable when too many versions wait.
        """
        session = self.database.session()
        if not session.in_transaction:
            raise ServerFault("A text search was begun without a snapshot. This is a fault of the server.")
        try:
            rows = session.fetch(_QUEUE.format(most=self._limit + 1))
            if len(rows) > self._limit:
                self._refuse(session)
            behind = [row for row in set(rows) if row[3] or row[2] != row[4]]
            current = [(row[0], row[2]) for row in behind if not row[3] and resource_type in (None, row[1])]
            contents = self._commands.contents(session, current)
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        matched = [
            key
            for key, _ in current
            if matches(query, words_of(json.decode_trusted(contents[key][1])), narrative=narrative)
        ]
        stale = [row[0] for row in behind if row[4] is not None]
        return Waiting(tuple(sorted(stale)), tuple(sorted(matched)))

    def _refuse(self, session: Session) -> None:
        ((count,),) = session.fetch("SELECT count(*) FROM text_queue")
        raise Unavailable(
            f"{count:,} new versions are still to be entered in the index of all words. Please try again later; "
            "searches without _text and _content are answered now.",
            headers={"Retry-After": "30"},
        )


def _is_snapshot(session: Session) -> bool:
    return bool(session.fetch("SHOW transaction_isolation")[0][0] == "repeatable read")
