"""Fills the tables of new search parameters while the server works, and drops those of parameters that are gone.

https://hl7.org/fhir/R4/searchparameter.html and https://www.postgresql.org/docs/current/view-pg-locks.html

Nothing waits for the builder. It waits itself: a transaction that began before the parameter was there projects without
it, so the resources are gone through only after all of those have ended. From then on every change brings its own rows,
and each batch replaces the rows of its resources under their locks. It can be stopped at any moment, and several can
run at once: who finds a parameter in another one's hands passes it over.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from sqlalchemy import delete, func, select, update

from fhir_server.storage.added import loose_positions
from fhir_server.storage.common import LOOSE_REFERENCE
from fhir_server.storage.conflicts import DRIVER_ERRORS, meaning, translated
from fhir_server.storage.custom.entry import Entry
from fhir_server.storage.custom.registry import Registry, restamp
from fhir_server.storage.naming import own_table
from fhir_server.storage.parts import Parts
from fhir_server.storage.projection import Projector
from fhir_server.storage.rebuild import Progress, project
from fhir_server.storage.session import Session, quoted
from fhir_server.storage.tables import custom_parameter, resource

_log = logging.getLogger(__name__)
_BATCH = 500
_TRIES: Final = 5
_GRACE: Final = 5.0  # seconds for which a search that was planned before may still use the tables
_POLL: Final = 0.1
_LONGEST_PAUSE: Final = 0.5

Outcome = Literal["idle", "waiting", "worked"]

# Every transaction holds a lock on its own number from its beginning to its end. Those of other databases, and of the
# server's own processes (which have no user), are nobody's writes.
_TRANSACTIONS: Final = (
    "SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'virtualxid' AND l.granted AND a.datname = current_database() "
    "AND a.usesysid IS NOT NULL AND l.pid <> pg_backend_pid()"
)


def _silent(name: str, done: int, total: int) -> None:
    """Report no progress."""


class Builder:
    """Builds the parameters of one store, step by step; to be used by one thread."""

    def __init__(self, registry: Registry, progress: Progress = _silent) -> None:
        """Prepare; progress("Patient?nick-name", done, total) is called after every batch."""
        self._registry = registry
        self._database = registry.base.database
        self._progress = progress
        self._older: dict[int, frozenset[str]] = {}  # parameter -> transactions that are older and may still run
        self._retired: dict[int, float] = {}  # parameter -> when it was first seen to be gone
        self._failures: Counter[str] = Counter()
        self._projector: tuple[Parts, Projector] | None = None

    def run(self) -> int:
        """Work until nothing is left to do, waiting where that is needed; return how many resources were done."""
        done = 0
        while True:
            outcome, count = self.step()
            done += count
            if outcome == "idle":
                return done
            if outcome == "waiting":
                time.sleep(_POLL)

    def step(self) -> tuple[Outcome, int]:
        """Do one piece of work; return what came of it and the number of resources done. Raises StoreUnavailable."""
        tried = 0
        while True:
            tried += 1
            try:
                return self._step()
            except DRIVER_ERRORS as error:
                if not meaning(error).again or tried == _TRIES:
                    raise translated(error) from None
            time.sleep(_POLL * tried)

    def _step(self) -> tuple[Outcome, int]:
        pending = self._registry.entries(custom_parameter.c.state != "active")
        self._forget(pending)
        outcome: Outcome = "idle"
        for entry in pending:
            outcome = "waiting"
            if entry.state == "waiting" and self._older_ones_ended(entry):
                self._begin(entry)
                return "worked", 0
            if entry.state == "building":
                count = self._batch(entry.type)
                if count is not None:
                    return "worked", count
            if entry.state == "retired" and self._unused(entry):
                self._drop(entry)
                return "worked", 0
        return outcome, 0

    def _forget(self, pending: Sequence[Entry]) -> None:
        numbers = {entry.number for entry in pending}
        self._older = {number: seen for number, seen in self._older.items() if number in numbers}
        self._retired = {number: since for number, since in self._retired.items() if number in numbers}

    def _older_ones_ended(self, entry: Entry) -> bool:
        """Say whether every transaction has ended that was there when the entry was first seen."""
        if self._database.dialect == "sqlite":
            return True  # there is one writer, and it is not writing while the entry is committed
        running = frozenset(row[0] for row in self._database.fetch(_TRANSACTIONS))
        left = self._older.get(entry.number, running) & running
        self._older[entry.number] = left
        return not left

    def _begin(self, entry: Entry) -> None:
        living = select(func.count()).select_from(resource).where(resource.c.type == entry.type, ~resource.c.deleted)
        here = (custom_parameter.c.number == entry.number, custom_parameter.c.state == "waiting")
        with self._database.transaction() as session:
            if entry.number not in {known.number for known in self._registry.within(session).custom.entries.values()}:
                # The program cannot use it (see Registry): its table goes.
                session.execute(update(custom_parameter).where(*here).values(state="retired"))
                return
            total = session.select(living)[0][0]
            last = session.select(select(func.coalesce(func.max(resource.c.key), 0)))[0][0]
            begun = update(custom_parameter).where(*here).values(state="building", total=total, until=last)
            session.execute(begun)
            restamp(session)
        self._registry.expire()
        _log.info("search parameter %s of %s: building over %d resources", entry.code, entry.type, total)

    def _batch(self, resource_type: str) -> int | None:
        """Build the next batch of the parameters of a type that are furthest behind; None when others have them."""
        started = time.monotonic()
        with self._database.transaction() as session:
            parts = self._registry.within(session)
            entries = self._taken(session, resource_type)
            if not entries:
                return None
            until = max(entry.until for entry in entries)
            versions = self._next(session, resource_type, entries[0].position, until)
            if versions:
                failed = self._replace(parts, session, resource_type, entries, versions)
            self._note(session, entries, versions, failed if versions else {})
        self._tell(entries, len(versions))
        if not versions:
            self._registry.expire()
        # The others want to write too: on SQLite nobody can while a batch is written.
        time.sleep(min(time.monotonic() - started, _LONGEST_PAUSE))
        return len(versions)

    def _taken(self, session: Session, resource_type: str) -> list[Entry]:
        mine = (custom_parameter.c.type == resource_type, custom_parameter.c.state == "building")
        statement = select(custom_parameter).where(*mine).order_by(custom_parameter.c.number)
        entries = [Entry.of(row) for row in session.select(statement.with_for_update(skip_locked=True))]
        lowest = min((entry.position for entry in entries), default=0)
        return [entry for entry in entries if entry.position == lowest]

    def _next(self, session: Session, resource_type: str, position: int, until: int) -> list[tuple[int, int]]:
        """Return (key, version) of the next living resources, locked."""
        chosen = select(resource.c.key, resource.c.version).where(
            resource.c.type == resource_type, resource.c.key > position, resource.c.key <= until, ~resource.c.deleted
        )
        chosen = chosen.order_by(resource.c.key).limit(_BATCH).with_for_update(key_share=True)
        return [(row.key, row.version) for row in session.select(chosen)]

    def _replace(
        self,
        parts: Parts,
        session: Session,
        resource_type: str,
        entries: Sequence[Entry],
        versions: Sequence[tuple[int, int]],
    ) -> dict[str, int]:
        """Write the rows of the entries for some resources; return element -> number of failures."""
        known = [entry for entry in entries if (entry.type, entry.code) in parts.custom.entries]
        contents = parts.commands.contents(session, versions)
        documents = {key: contents[key][1] for key, _ in versions}
        self._failures.clear()
        made = project(replace(parts, projector=self._counting(parts)), session, resource_type, documents)
        tables = [own_table(entry.type, entry.name) for entry in known]
        parts.commands.remove(session, {table: list(documents) for table in tables})
        for table in sorted(tables):
            if table in made:
                session.insert(table, parts.columns(resource_type, table), made[table])
        for entry in known:
            if entry.kind == "reference":
                self._replace_loose(parts, session, entry, list(documents), made.get(LOOSE_REFERENCE, []))
        return dict(self._failures)

    def _replace_loose(
        self, parts: Parts, session: Session, entry: Entry, keys: Sequence[int], made: Sequence[tuple[Any, ...]]
    ) -> None:
        first, last = loose_positions(entry.number)
        table = parts.table(None, LOOSE_REFERENCE)
        session.execute(delete(table).where(table.c.key.in_(keys), table.c.position.between(first, last)))
        rows = [row for row in made if first <= row[1] <= last]
        if rows:
            session.insert(LOOSE_REFERENCE, parts.columns(entry.type, LOOSE_REFERENCE), rows)

    def _counting(self, parts: Parts) -> Projector:
        """Return a projector of our own, which counts the documents on which an expression fails."""
        if self._projector is None or self._projector[0] is not parts:

            def note(_: str, name: str) -> None:
                self._failures[name] += 1

            types = {entry.type for entry in parts.custom.building()}
            self._projector = (parts, parts.projector.extended(parts.schema, types, note))
        return self._projector[1]

    def _note(
        self, session: Session, entries: Sequence[Entry], versions: Sequence[tuple[int, int]], failed: dict[str, int]
    ) -> None:
        for entry in entries:
            here = update(custom_parameter).where(custom_parameter.c.number == entry.number)
            if versions:
                lost = entry.failed + failed.get(entry.name, 0)
                done = entry.done + len(versions)
                session.execute(here.values(position=versions[-1][0], done=done, failed=lost))
            else:
                session.execute(here.values(state="active"))
        if not versions:
            restamp(session)

    def _tell(self, entries: Sequence[Entry], count: int) -> None:
        for entry in entries:
            done = entry.done + count
            if count:
                total = max(entry.total, done)
                self._progress(f"{entry.type}?{entry.code}", done, total)
                _log.info("search parameter %s of %s: %d of %d resources", entry.code, entry.type, done, total)
            else:
                text = "search parameter %s of %s: complete, %d resources, the expression failed on %d"
                _log.info(text, entry.code, entry.type, done, entry.failed)

    def _unused(self, entry: Entry) -> bool:
        """Say whether nobody can be using the tables of a retired parameter any more."""
        since = self._retired.setdefault(entry.number, time.monotonic())
        return self._older_ones_ended(entry) and time.monotonic() - since >= _GRACE

    def _drop(self, entry: Entry) -> None:
        parts = self._registry.base
        loose = parts.table(None, LOOSE_REFERENCE)
        with self._database.transaction() as session:
            here = custom_parameter.c.number == entry.number
            if not session.select(select(custom_parameter.c.number).where(here).with_for_update(skip_locked=True)):
                return
            session.raw.execute(f"DROP TABLE IF EXISTS {quoted(own_table(entry.type, entry.name))}")
            if entry.kind == "reference":
                session.execute(delete(loose).where(loose.c.position.between(*loose_positions(entry.number))))
            session.execute(delete(custom_parameter).where(here))
        _log.info("search parameter %s of %s: its table is dropped", entry.code, entry.type)
