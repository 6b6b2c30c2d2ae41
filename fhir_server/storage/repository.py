"""The store: everything that is read from or written to the database goes through here, with the caller's rights.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import select

from fhir_server.definitions import Definitions
from fhir_server.errors import UnsupportedParameter
from fhir_server.storage.access import Access
from fhir_server.storage.check import Difference, check
from fhir_server.storage.conflicts import DRIVER_ERRORS, meaning, translated
from fhir_server.storage.custom.builder import Builder
from fhir_server.storage.custom.entry import Custom, Entry
from fhir_server.storage.custom.registry import STAMP, Outdated, Registry
from fhir_server.storage.database import Database
from fhir_server.storage.dialects import commands_for
from fhir_server.storage.history import history
from fhir_server.storage.integrity import Mode
from fhir_server.storage.labels import labels
from fhir_server.storage.model import HistoryPage, HistoryRequest, SearchPage, SearchRequest, Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.projection import Projector
from fhir_server.storage.rebuild import Progress, reproject, unfinished
from fhir_server.storage.restriction import restriction
from fhir_server.storage.schema import Schema
from fhir_server.storage.search.contained.answer import search_contained
from fhir_server.storage.search.explain import Explanation, explain
from fhir_server.storage.search.plan import unsupported
from fhir_server.storage.search.run import names, search
from fhir_server.storage.session import Row, moment
from fhir_server.storage.tables import custom_parameter, resource, resource_version
from fhir_server.storage.text.index import fill
from fhir_server.storage.unit import WriteUnit

__all__ = ["Store", "WriteUnit"]

T = TypeVar("T")
_TRIES = 3
_PAUSE = 0.02  # seconds before the second try, doubled each time, with jitter


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _uuid() -> str:
    return str(uuid.uuid4())


def _silent(resource_type: str, done: int, total: int) -> None:
    """Report no progress."""


class Store:
    """The repository of a server.

    database               an open database whose tables are there (see `migrations`)
    schema, projector      made from the same mappings
    clock, new_id          injected, so that tests can fix them
    referential_integrity  "enforced" or "relaxed"
    base_url               of this server, without a slash at the end: absolute references below it are local
    text_backlog           versions whose words may wait to be indexed while searches for words are answered
    Every function takes the caller's Access first; what it does not reach is as if it did not exist.
    """

    def __init__(
        self,
        database: Database,
        schema: Schema,
        projector: Projector,
        definitions: Definitions,
        clock: Callable[[], datetime] = _utc_now,
        new_id: Callable[[], str] = _uuid,
        referential_integrity: Mode = "enforced",
        base_url: str = "",
        text_backlog: int = 2_000,
    ) -> None:
        self.database = database
        parts = Parts(
            database=database,
            schema=schema,
            projector=projector,
            definitions=definitions,
            commands=commands_for(database.dialect),
            clock=clock,
            new_id=new_id,
            integrity=referential_integrity,
            base_url=base_url,
            text_backlog=text_backlog,
        )
        self._registry = Registry(parts)
        self._read = self._parts.commands.read
        self._vread = self._parts.commands.vread

    @property
    def _parts(self) -> Parts:
        """The parts of this moment: they change when a search parameter is added or goes."""
        return self._registry.parts

    def read(self, access: Access, type: str, id: str) -> Version | None:  # noqa: A002
        """Return the current version, a deletion included (`deleted`); None when absent or out of reach."""
        if not access.reach(("read",), type).everything:
            return self._read_restricted(access, type, id, None)
        rows = self.database.fetch(self._read, (type, id))
        return _version(type, id, rows[0]) if rows else None

    def vread(self, access: Access, type: str, id: str, version: int) -> Version | None:  # noqa: A002
        """Return one version, a deletion included; None when absent or out of reach.

        A caller who is restricted to a compartment reaches the versions since the resource has been in its present
        compartments: older ones may have belonged to somebody else.
        """
        if not 0 < version < 2**31:
            return None
        if not access.reach(("read",), type).everything:
            return self._read_restricted(access, type, id, version)
        rows = self.database.fetch(self._vread, (type, id, version))
        return _version(type, id, rows[0]) if rows else None

    def search(self, access: Access, request: SearchRequest) -> SearchPage:
        """Return one page of the resources that match.

        Raises UnsupportedParameter (naming every parameter that cannot be answered), BadRequest for a value a
        parameter cannot have, UnknownType, TooCostly, StatementTimeout, Unavailable for a parameter that is being
        built.
        """
        find = search if request.contained == "false" else search_contained
        return self._current(lambda parts: find(parts, access, request))

    def explain(self, access: Access, request: SearchRequest) -> Explanation:
        """Carry out a search and return how that was done: words, SQL without values, indexes, rows read.

        Raises as `search` does.
        """
        return self._current(lambda parts: explain(parts, access, request))

    def unsupported(self, request: SearchRequest) -> list[str]:
        """Return the names of the parameters for which `search` would raise UnsupportedParameter.

        Sort keys and includes are named "_sort=key" and "_include=value".
        """

        def find(parts: Parts) -> list[str]:
            found = unsupported(request, names(parts, Access.unrestricted()))
            if found and self._registry.refresh() is not parts:
                raise Outdated("The search parameters have just changed. Please try again.")
            return found

        return self._current(find)

    def _current(self, work: Callable[[Parts], T]) -> T:
        """Return what `work` returns for parts that are not outdated: a parameter may be new to this process."""
        parts = self._registry.fresh()
        tried = 0
        while True:
            tried += 1
            try:
                return work(parts)
            except (Outdated, UnsupportedParameter) as error:
                newer = self._registry.refresh()
                if (newer is parts and not isinstance(error, Outdated)) or tried == _TRIES:
                    raise
                parts = newer

    def history(self, access: Access, request: HistoryRequest) -> HistoryPage:
        """Return one page of the versions of a resource, a type or everything, newest first.

        Raises BadRequest for a cursor that is none.
        """
        return history(self._parts, access, request)

    def labels(self, access: Access, resource_type: str | None, most: int) -> list[dict[str, Any]]:
        """Return Metas that carry, taken together, every profile, tag and security label within reach.

        resource_type  None: of all types
        most           how many different labels of one kind are looked for
        Raises Unavailable, StatementTimeout.
        """
        return labels(self._parts, access, resource_type, most)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read of this thread inside the block see one state of the data; nothing can be written in it.

        Raises StoreUnavailable.
        """
        with self.database.snapshot():
            yield

    def write(self, access: Access, work: Callable[[WriteUnit], T]) -> T:
        """Run `work` in one transaction and return what it returns, after the commit.

        `work` is run again on fresh state after a deadlock, a serialization failure, the same resource created twice
        at once or a search parameter that changed (three tries in all), so it must have no other effects. Raises what
        `work` raises; LockTimeout when another change was in the way for too long; StoreUnavailable; Conflict.
        """
        tried = 0
        while True:
            tried += 1
            try:
                with self.database.transaction(STAMP) as session:
                    unit = WriteUnit(self._registry.at(session, session.answer), access, session, self._registry)
                    made = work(unit)
                if unit.changed_parameters:
                    self._registry.expire()
                return made
            except Outdated:
                if tried == _TRIES:
                    raise
            except DRIVER_ERRORS as error:
                if not meaning(error).again or tried == _TRIES:
                    raise translated(error) from None
            time.sleep(_PAUSE * 2**tried * random.random())  # noqa: S311 - jitter, not a secret

    def reproject(self, types: Collection[str] | None = None, progress: Progress | None = None) -> int:
        """Rebuild the search tables of `types` from the stored documents while the server works.

        types     None: those an earlier run left unfinished and search parameters that are not built yet, or all when
                  there are none
        progress  called as progress(type, done, total) after every batch
        Returns the number of resources. Raises UnknownType.
        """
        progress = progress or _silent
        if types is None:
            built = bool(self._registry.entries(custom_parameter.c.state != "active"))
            done = self.builder(progress).run()
            if built and not unfinished(self.database):
                return done
        return reproject(self._registry, types, progress)

    def builder(self, progress: Progress | None = None) -> Builder:
        """Return what builds the search parameters that were added and are not complete, for use in one thread.

        progress  called as progress("Patient?nick-name", done, total) after every batch
        """
        return Builder(self._registry, progress or _silent)

    @property
    def custom(self) -> Custom:
        """The search parameters that were added, as they were two seconds ago at most."""
        return self._registry.fresh().custom

    @property
    def parameters_changed(self) -> threading.Event:
        """Set when this process has changed the search parameters, so that there may be something to build."""
        return self._registry.changed

    def parameter_entries(self, key: int) -> list[Entry]:
        """Return what a SearchParameter (`Version.key`) adds to each type, and how far that is built at this moment."""
        return self._registry.entries(custom_parameter.c.owner == key, custom_parameter.c.state != "retired")

    def index_words(self) -> int | None:
        """Enter the words of the next versions that wait into the full text index, a few hundred at a time.

        Returns how many were looked at: 0 when none waits, None while someone else does this work.
        Raises LockTimeout, StoreUnavailable.
        """
        return fill(self._parts)

    def check(self, progress: Progress | None = None) -> list[Difference]:
        """Compare everything that is derived from the documents with them; return the differences."""
        return check(self._registry.refresh(), progress or _silent)

    def _read_restricted(self, access: Access, type_: str, id_: str, version: int | None) -> Version | None:
        r, v = resource.alias("r"), resource_version.alias("v")
        settled = None if version is None else v.c.version >= r.c.settled
        limit = restriction(self._parts, access, ("read",), r.c.key, type_, also=settled)
        statement = (
            select(r.c.key, v.c.version, v.c.last_updated, v.c.method, v.c.content)
            .join_from(r, v, v.c.key == r.c.key)
            .where(r.c.type == type_, r.c.id == id_, v.c.version == (r.c.version if version is None else version))
        )
        if limit is not None:
            statement = statement.where(limit)
        rows = self.database.read(lambda session: session.select(statement))
        return _version(type_, id_, tuple(rows[0])) if rows else None


def _version(type_: str, id_: str, row: Row) -> Version:
    key, version, last_updated, method, content = row
    return Version(type_, id_, version, moment(last_updated), method == "delete", content, key, method)
