"""A few resources and what they contain, in tables in memory that live as long as one search.

https://hl7.org/fhir/R4/references.html#contained

Keys of resources are their own; a contained resource has a key above all of them, in the order of its container's key
and of its position there. References to contained resources and to the container are references to their keys. What
else is referred to has its row in `resource` alone, as if it were deleted: it is known by its key and never found.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

from sqlalchemy import Table, TableClause
from sqlalchemy.schema import CreateTable

from fhir_server.formats import json
from fhir_server.storage import sphere
from fhir_server.storage.columns import instant_text
from fhir_server.storage.conflicts import translated
from fhir_server.storage.longest import OPEN
from fhir_server.storage.model import Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.references import REFERENCES, rewrite
from fhir_server.storage.search.contained.miniature import MARK, Tabled, miniature
from fhir_server.storage.search.statement import Statement
from fhir_server.storage.session import Row, quoted
from fhir_server.storage.sink import Resolve
from fhir_server.storage.tables import main_span, resource, resource_version
from fhir_server.storage.text.query import Query, matches
from fhir_server.storage.text.tables import text_index
from fhir_server.storage.text.waiting import Texts, Waiting
from fhir_server.storage.text.words import words_of

Ref = tuple[str, str]
Document = dict[str, Any]

ABOVE = 1 << 62
"""No key of a resource is as great; that of every contained one is."""

_PLACES = 20  # bits for the position in the container
_SECONDS = 30.0
_STEPS = 20_000  # of SQLite's virtual machine between two looks at the clock
# In memory two containers may contain the same type and id. Nothing changes here, so `settled` has no meaning: it holds
# the id that is searched, while `id` is what references are resolved by.
_OWN = {
    resource.name: "CREATE TABLE resource (key INTEGER PRIMARY KEY, type, id, version, settled, last_updated, deleted)",
    resource_version.name: "CREATE TABLE resource_version (key INTEGER PRIMARY KEY, version, type, last_updated, "
    "method, content)",
    text_index.name: "CREATE VIRTUAL TABLE text_index USING fts5 (narrative, rest)",
}


def container_of(key: int) -> int:
    """Return the key of the container of a contained resource with `key`."""
    return (key - ABOVE) >> _PLACES


class Excerpt:
    """Tables in memory, to be closed at the end.

    containers  key -> current version, of those that were added
    outside     (type, id) -> key of everything they refer to
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = miniature(parts)
        self.containers: dict[int, Version] = {}
        self.outside: dict[Ref, int] = {}
        self._inner: dict[int, Document] = {}
        self._there: set[str] = set()
        self._types: set[str] = set()
        self._whole = False
        self._raw = sqlite3.connect(":memory:", isolation_level=None)
        sphere.register(self._raw)
        self._deadline = time.monotonic() + _SECONDS
        self._raw.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS)
        for table in (resource, resource_version, main_span):
            self._create(table)

    def __enter__(self) -> Excerpt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop everything."""
        self._raw.close()

    def know(self, located: dict[Ref, int]) -> None:
        """Take the keys of what is referred to by resources that are added afterwards."""
        fresh = {ref: key for ref, key in located.items() if key not in self.containers}
        self._insert(resource.name, [_known(*ref, key) for ref, key in fresh.items()])
        self.outside |= located

    def add(self, container: Version, document: Document, *, whole: bool) -> None:
        """Add what a resource contains.

        document  its content; it is changed
        whole     itself too, so that what it says of them can be asked
        """
        self.containers[container.key] = container
        inner = document.pop("contained", [])
        places: dict[Ref, int] = {(container.type, container.id): container.key}
        types: dict[str, str] = {}
        for position, each in enumerate(inner):
            id_ = MARK + each.get("id", "")
            if id_ not in types:
                types[id_] = each["resourceType"]
                places[types[id_], id_] = _key(container.key, position)

        def own(text: str) -> str | None:
            if text == MARK:
                return f"{container.type}/{container.id}"
            kind = types.get(text)
            return f"{MARK}{kind}/{text.removeprefix(MARK)}" if kind else None

        def resolve(kind: str, id_: str) -> int | None:
            found = places.get((kind, id_))
            return self.outside.get((kind, id_)) if found is None else found

        for position, each in enumerate(inner):
            key = _key(container.key, position)
            self._inner[key] = each
            self._enter(container, key, each["resourceType"], MARK + each.get("id", ""))
            self._project(key, rewrite(each, own, REFERENCES), resolve)
        if whole:
            self._whole = True
            self._enter(container, container.key, container.type, container.id)
            self._project(container.key, rewrite(document, own, REFERENCES), resolve)
        else:
            self._insert(resource.name, [_known(container.type, container.id, container.key)])

    def _enter(self, container: Version, key: int, kind: str, id_: str) -> None:
        """Write the rows that every resource has. What is contained changes when its container does."""
        moment, version = instant_text(container.last_updated), container.version
        self._insert(resource.name, [(key, kind, id_, version, id_.removeprefix(MARK), moment, False)])
        self._insert(resource_version.name, [(key, version, kind, moment, container.method, "")])

    def _project(self, key: int, document: Document, resolve: Resolve) -> None:
        kind = document["resourceType"]
        if kind not in self._types:
            self._types.add(kind)
            self._insert(main_span.name, [(kind, OPEN)])
        for name, rows in self.parts.projector.rows(kind, key, document, resolve).items():
            self._create(self.parts.table(kind, name))
            self._insert(name, rows)

    def outside_of(self, kind: str) -> tuple[int, ...]:
        """Return the keys of all resources of a type that the store holds and that are referred to here."""
        own = [key for key, each in self.containers.items() if each.type == kind]
        return tuple(dict.fromkeys([*own, *(key for (type_, _), key in self.outside.items() if type_ == kind)]))

    def _create(self, table: TableClause) -> None:
        if table.name not in self._there:
            self._there.add(table.name)
            text = _OWN.get(table.name)
            if text is None and isinstance(table, Table):
                text = str(CreateTable(table).compile(dialect=self.parts.database.engine.dialect))
            if text is not None:
                self._raw.execute(text)

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            # What refers to itself stands among what is referred to.
            statement = f"INSERT OR REPLACE INTO {quoted(table)} VALUES ({marks})"  # noqa: S608 - our own tables
            self._raw.executemany(statement, rows)

    def fetch(self, made: Statement, values: dict[str, Any]) -> list[Row]:
        """Run a statement of `miniature` and return its rows. Raises StatementTimeout."""
        try:
            for table in made.tables.values() if isinstance(made, Tabled) else ():
                self._create(table)
            return self._raw.execute(made.sql, made.bound(values)).fetchall()
        except sqlite3.Error as error:
            raise translated(error) from None

    def document(self, key: int) -> Document:
        """Return a contained resource by its key."""
        return self._inner[key]

    def documents(self) -> Iterator[tuple[int, Document]]:
        """Yield (key, document) of everything that can be found here."""
        yield from self._inner.items()
        for key, container in self.containers.items() if self._whole else ():
            document = json.decode_trusted(container.content)
            del document["contained"]
            yield key, document

    @property
    def texts(self) -> Texts:
        """The words of what is here: no index knows them, so the documents are read."""
        return _Words(self)


class _Words(Texts):
    def __init__(self, excerpt: Excerpt) -> None:
        super().__init__(excerpt.parts.database, excerpt.parts.commands, 0)
        self._excerpt = excerpt

    def waiting(self, resource_type: str | None, query: Query, *, narrative: bool) -> Waiting:
        found = [
            key
            for key, document in self._excerpt.documents()
            if resource_type in (None, document["resourceType"])
            and matches(query, words_of(document), narrative=narrative)
        ]
        return Waiting((), tuple(sorted(found)))


def _known(kind: str, id_: str, key: int) -> Row:
    """Return the row of `resource` for something that is only referred to."""
    return key, kind, id_, 0, id_, None, True


def _key(container: int, position: int) -> int:
    return ABOVE + (container << _PLACES) + position
