"""Finds the resources that contain something of a kind, among those the caller may see, and reads them.

https://hl7.org/fhir/R4/search.html#contained
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, literal_column, or_, select, union_all

from fhir_server.errors import TooCostly
from fhir_server.formats import json
from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.common import CONTAINED, LOOSE_REFERENCE
from fhir_server.storage.integrity import Reader as References
from fhir_server.storage.model import Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.references import Kind
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.contained.excerpt import Document, Excerpt, Ref
from fhir_server.storage.search.kind import Marks, among
from fhir_server.storage.search.node import ID, REFERENCE, TOKEN, Driver, Node, Nothing, shared
from fhir_server.storage.search.rows import version_of
from fhir_server.storage.search.scope import Build, Scope, compartments, mark, rights
from fhir_server.storage.search.statement import Raw, Statement
from fhir_server.storage.session import Row
from fhir_server.storage.tables import resource, resource_reference, resource_version

Fetch = Callable[[Statement, dict[str, Any]], list[Row]]

MOST = 2_000
"""Containers that one search looks into."""

_MOST_TEXT = 32_000_000  # characters of their documents
_AT_ONCE = 100
_RAW = Raw()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the store for one caller.

    interactions  of which the caller must be allowed one on what is read
    fetch         runs a statement
    """

    parts: Parts
    access: Access
    interactions: tuple[Interaction, ...]
    fetch: Fetch

    def run(self, shape: Hashable, make: Callable[[Build], Select[Any]], values: dict[str, Any]) -> list[Row]:
        """Run a statement, composed by `make` when its shape is not known."""
        whole = ("contained", shape, rights(self.access), self.interactions)
        made = self.parts.statements.get(whole, lambda: make(Build(self.parts, self.access, self.interactions)))
        owners = {f"a{number}": owner_id for number, (_, owner_id) in enumerate(compartments(self.access))}
        return self.fetch(made, owners | values)

    def keys(self, resource_type: str | None, nodes: Sequence[Node], most: int) -> list[int]:
        """Return the keys of at most `most` resources of a type that match all nodes and that the caller may see."""
        data = [item for node in nodes for item in node.data()]

        def make(build: Build) -> Select[Any]:
            marks = [mark(f"p{number}") for number in range(len(data))]
            scope = Scope.of(build, resource_type, list(shared(nodes, marks)))
            return scope.select().distinct().limit(mark("limit", _RAW))

        values = {f"p{number}": value for number, value in enumerate(data)} | {"limit": most}
        shape = (resource_type, tuple(node.shape() for node in nodes))
        return [row[0] for row in self.run(shape, make, values)]

    def any_contained(self, container: str, types: Sequence[str]) -> bool:
        """Return whether any resource of the type `container` contains one of `types`: one look at an index."""

        def make(build: Build) -> Select[Any]:
            table = build.alias(build.parts.table(None, CONTAINED))
            return select(literal_column("1")).where(_holds(table, types), table.c.type == mark("type")).limit(1)

        made = self.parts.statements.get(
            ("any contained", tuple(types)), lambda: make(Build(self.parts, self.access, self.interactions))
        )
        return bool(self.fetch(made, {"type": container}))

    def excerpt(self, keys: Sequence[int], *, whole: bool) -> Excerpt:
        """Return what the resources with `keys` contain, to be closed by the caller; `whole`: and they themselves.

        Raises TooCostly when they are too large.
        """
        made = Excerpt(self.parts)
        size = 0
        try:
            for start in range(0, len(keys), _AT_ONCE):
                rows = self.run("containers", _documents, {"keys": list(keys[start : start + _AT_ONCE])})
                size += sum(len(row[-1]) for row in rows)
                if size > _MOST_TEXT:
                    raise TooCostly("The resources that this search would have to look into are too large together.")
                found = [(version, json.decode_trusted(version.content)) for version in map(version_of, rows)]
                made.know(self._located(self._referred(found) - made.outside.keys()))
                for version, document in found:
                    made.add(version, document, whole=whole)
        except BaseException:
            made.close()
            raise
        return made

    def _referred(self, found: Sequence[tuple[Version, Document]]) -> set[Ref]:
        """Return (type, id) of all resources of this server that some documents refer to."""
        references = References(self.parts.base_url)
        return {
            (each.type, each.id)
            for version, document in found
            for each in references.read(document, version.content)
            if each.kind is Kind.LOCAL
        }

    def _located(self, refs: Iterable[Ref]) -> dict[Ref, int]:
        """Return the keys of those resources that are known; whether the caller may see them does not matter here."""
        by_type: dict[str, list[str]] = {}
        for kind, id_ in refs:
            by_type.setdefault(kind, []).append(id_)
        located: dict[Ref, int] = {}
        for kind, ids in by_type.items():
            rows = self.run("located", _located, {"type": kind, "ids": ids})
            located |= {(kind, row[1]): row[0] for row in rows}
        return located


def _documents(build: Build) -> Select[Any]:
    r, v = resource.alias("r"), resource_version.alias("v")
    return (
        select(r.c.type, r.c.id, r.c.version, r.c.last_updated, r.c.key, v.c.method, v.c.content)
        .select_from(r.join(v, and_(v.c.key == r.c.key, v.c.version == r.c.version)))
        .where(in_array(r.c.key, mark("keys"), build.parts.database.dialect), ~r.c.deleted)
        .order_by(r.c.key)
    )


def _located(build: Build) -> Select[Any]:
    r = resource.alias("r")
    mine = in_array(r.c.id, mark("ids"), build.parts.database.dialect)
    return select(r.c.key, r.c.id).where(r.c.type == mark("type"), mine)


def _holds(table: FromClause, types: Sequence[str]) -> ColumnElement[bool]:
    return table.c.contained_type == types[0] if len(types) == 1 else among(table.c.contained_type, types)


@dataclass(frozen=True, slots=True)
class Holding(Nothing):
    """Containing a resource of one of some types.

    types  those types, () for any
    paths  reference elements of which one must point at it; () for whatever reason it is there
    ids    ids of which it must have one, None for any
    """

    types: tuple[str, ...]
    paths: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None

    @property
    def rank(self) -> int:
        return TOKEN

    def shape(self) -> Hashable:
        return ("holding", self.types, self.paths, self.ids is not None)

    def data(self) -> tuple[Any, ...]:
        return () if self.ids is None else (self.ids,)

    def words(self) -> str:
        return f"contains a {' or '.join(self.types) or 'resource'}"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        table = build.alias(build.parts.table(None, CONTAINED))
        return Driver(table, tuple(self._rows(build, resource_type, table, marks)))

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        table = scope.alias(scope.parts.table(None, CONTAINED))
        return select(table.c.key).where(*self._rows(scope.build, scope.type, table, marks))

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        table = scope.alias(scope.parts.table(None, CONTAINED))
        return exists().where(table.c.key == scope.key, *self._rows(scope.build, scope.type, table, marks))

    def _rows(
        self, build: Build, resource_type: str | None, table: FromClause, marks: Marks
    ) -> Iterator[ColumnElement[bool]]:
        if self.types:
            yield _holds(table, self.types)
        if resource_type is not None:
            yield table.c.type == resource_type
        if self.ids is not None:
            yield in_array(table.c.id, marks[0], build.parts.database.dialect)
        if self.paths:
            loose = build.alias(build.parts.table(None, LOOSE_REFERENCE))
            pointed = loose.c.reference == literal_column("'#'").op("||")(table.c.id)
            yield exists().where(loose.c.key == table.c.key, pointed, among(loose.c.path, self.paths))


@dataclass(frozen=True, slots=True)
class Referring(Nothing):
    """Referring, wherever in the document, to one of some resources of this server, or being it.

    targets  for each the types it may have, and its id
    """

    targets: tuple[tuple[tuple[str, ...], str], ...]

    @property
    def rank(self) -> int:
        return REFERENCE

    def shape(self) -> Hashable:
        return ("referring", tuple(types for types, _ in self.targets))

    def data(self) -> tuple[Any, ...]:
        return tuple(id_ for _, id_ in self.targets)

    def words(self) -> str:
        return "refers to one of some resources"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        table = build.alias(resource)
        own = [] if resource_type is None else [table.c.type == resource_type]
        return Driver(table, (*own, ~table.c.deleted, table.c.key.in_(self._sources(build, marks))), is_resource=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        return self._sources(scope.build, marks)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return scope.key.in_(self._sources(scope.build, marks))

    def _sources(self, build: Build, marks: Marks) -> Select[Any]:
        pair = build.alias(resource_reference)
        sources = select(pair.c.source.label("key")).where(pair.c.target.in_(self._named(build, marks)))
        united = union_all(sources, self._named(build, marks)).subquery(build.name())
        return select(united.c.key)

    def _named(self, build: Build, marks: Marks) -> Select[Any]:
        target = build.alias(resource)
        wanted = [
            and_(among(target.c.type, types), target.c.id == own)
            for (types, _), own in zip(self.targets, marks, strict=True)
        ]
        return select(target.c.key).where(or_(*wanted))


@dataclass(frozen=True, slots=True)
class Among(Nothing):
    """Being one of some resources."""

    values: tuple[int, ...]

    @property
    def rank(self) -> int:
        return ID

    def shape(self) -> Hashable:
        return "among"

    def data(self) -> tuple[Any, ...]:
        return (self.values,)

    def words(self) -> str:
        return "one of some resources"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        table = build.alias(resource)
        own = [] if resource_type is None else [table.c.type == resource_type]
        mine = in_array(table.c.key, marks[0], build.parts.database.dialect)
        return Driver(table, (*own, ~table.c.deleted, mine), is_resource=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        table = scope.alias(resource)
        return select(table.c.key).where(in_array(table.c.key, marks[0], scope.parts.database.dialect))

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return in_array(scope.key, marks[0], scope.parts.database.dialect)
