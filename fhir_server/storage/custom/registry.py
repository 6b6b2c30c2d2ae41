"""Holds the parts of the store with the custom parameters of this moment, and notices when they change.

https://hl7.org/fhir/R4/searchparameter.html

A write transaction begins with the STAMP: what it projects with is what was committed when it began. A search asks
`fresh`, which is two seconds old at most; where it uses a custom parameter, the stamp is compared once more. What is
given out never changes: another stamp makes other parts, and those before go when nobody uses them any more.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import select

from fhir_server.errors import FhirError, Unavailable
from fhir_server.mappings.custom import extended
from fhir_server.storage.custom.entry import Custom, Entry
from fhir_server.storage.custom.schema import ExtendedSchema
from fhir_server.storage.parts import Parts
from fhir_server.storage.session import Row, Session
from fhir_server.storage.tables import custom_parameter

_log = logging.getLogger(__name__)
STAMP: Final = "SELECT stamp FROM custom_registry WHERE id = 1"
_FRESH: Final = 2.0  # seconds


class Outdated(Unavailable):
    """The custom parameters changed since the work began: it has to be done again."""


class Registry:
    """The current parts; one instance serves all threads of a store."""

    def __init__(self, base: Parts) -> None:
        """Begin with `base`, the parts without custom parameters; nothing is read yet."""
        self.base = base
        self.parts = base
        self.changed = threading.Event()  # set when this process has changed something: there is work for the builder
        self._until = 0.0
        self._lock = threading.Lock()

    def fresh(self) -> Parts:
        """Return the parts as they were two seconds ago at most."""
        return self.refresh() if time.monotonic() > self._until else self.parts

    def refresh(self) -> Parts:
        """Return the parts as they are now."""
        return self.base.database.read(self.within)

    def within(self, session: Session) -> Parts:
        """Return the parts as a session sees them, which must not have changed them itself."""
        return self.at(session, session.fetch(STAMP))

    def at(self, session: Session, rows: Sequence[Row]) -> Parts:
        """Return the parts as a session sees them, which has asked for the STAMP already and got `rows`."""
        parts = self.parts
        stamp = rows[0][0] if rows else 0
        if stamp != parts.custom.stamp:
            with self._lock:
                parts = self.parts
                if stamp != parts.custom.stamp:
                    parts = self.parts = self.load(session, stamp)
        self._until = time.monotonic() + _FRESH
        return parts

    def expire(self) -> None:
        """Look again at once: this process has just changed something."""
        self._until = 0.0
        self.changed.set()

    def load(self, session: Session, stamp: int) -> Parts:
        """Return the parts for what stands in the database, and keep nothing."""
        living = custom_parameter.c.state != "retired"
        rows = session.select(select(custom_parameter).where(living).order_by(custom_parameter.c.number))
        entries = {(entry.type, entry.code): entry for entry in self._usable(Entry.of(row) for row in rows)}
        custom = Custom(stamp, entries)
        if not entries:
            return replace(self.base, custom=custom)
        schema = ExtendedSchema(self.base.schema, custom, lambda entry: self._ask(stamp, entry))
        projector = self.base.projector.extended(schema, schema.changed)
        # The lock under which tables are made stays the same: the official ones are shared.
        return replace(self.base, custom=custom, schema=schema, projector=projector, _columns={}, _tables={})

    def _usable(self, entries: Iterable[Entry]) -> Iterable[Entry]:
        """Yield what can be used: another version of the program may have a parameter of its own by that name."""
        for entry in entries:
            try:
                mapping = self.base.schema.mappings[entry.type]
                if mapping.parameter(entry.code) is not None:
                    raise ValueError("the program itself has a search parameter of this name")
                extended(mapping, entry.parameter(), entry.name, entry.number)
            except (KeyError, ValueError, FhirError) as error:
                _log.error("custom search parameter %s of %s is left out: %s", entry.code, entry.type, error)
                continue
            yield entry

    def _ask(self, stamp: int, entry: Entry) -> None:
        """Raise Outdated when the parameters have changed, Unavailable while this one cannot be searched."""
        database = self.base.database
        rows = database.fetch(STAMP)
        if (rows[0][0] if rows else 0) != stamp:
            self._until = 0.0
            raise Outdated("The search parameters have just changed. Please try again.", headers={"Retry-After": "1"})
        if entry.state != "active":
            now = self.entries(custom_parameter.c.number == entry.number)
            raise refusal(now[0] if now else entry)

    def entries(self, *conditions: object) -> list[Entry]:
        """Return what stands in the database at this moment."""
        statement = select(custom_parameter).order_by(custom_parameter.c.number)
        for condition in conditions:
            statement = statement.where(condition)  # type: ignore[arg-type]
        return [Entry.of(row) for row in self.base.database.read(lambda session: session.select(statement))]


def refusal(entry: Entry) -> Unavailable:
    """Return the error for a search with a parameter that is not complete."""
    if entry.state == "waiting":
        how = "it waits for changes that began before it was there"
    else:
        how = f"{entry.percent} % of the resources are done"
    return Unavailable(
        f"The search parameter {entry.code} of {entry.type} is being built: {how}. Please try again later.",
        headers={"Retry-After": "10"},
    )


def restamp(session: Session) -> int:
    """Change the stamp and return it; until the end of the transaction nobody else can do so."""
    stamp = secrets.randbits(62)
    mark = session.placeholder
    session.fetch(
        f"INSERT INTO custom_registry (id, stamp) VALUES (1, {mark}) "  # noqa: S608 - a mark is no value
        "ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp",
        (stamp,),
    )
    return stamp
