"""Chained parameters: `subject:Patient.name=peter` asks of what a reference leads to.

https://hl7.org/fhir/R4/search.html#chaining
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, FromClause, Select, exists, or_, select, union_all

from fhir_server.storage.search.arrays import array_rows
from fhir_server.storage.search.kind import Marks, among
from fhir_server.storage.search.node import CHAIN, Driver, Node, Nothing
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names


class Beyond(Protocol):
    """Answers what the tables a chain runs over cannot: chains that lead into contained resources, and out of them."""

    def found(self, names: Names, link: Link) -> tuple[int, ...]:
        """Return the keys of further resources of the type `link.type` from which the chain leads to a match.

        names  those that understood the chain
        """


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain, before it is a condition.

    type     the type whose reference it is
    code     the reference parameter
    targets  where the reference stands
    types    the types it may lead to and that have what follows
    depth    how many steps lie before it
    inner    inner(names, type) gives the condition that what follows is, for one of `types`
    """

    type: str
    code: str
    targets: tuple[SearchTarget, ...]
    types: tuple[str, ...]
    depth: int
    inner: Callable[[Names, str], Node]

    def chain(self, names: Names) -> Chain:
        """Return the condition. Raises BadRequest, TooCostly."""
        return self.tabled(names, names.beyond.found(names, self) if names.beyond is not None else ())

    def tabled(self, names: Names, also: tuple[int, ...] = ()) -> Chain:
        """Return the condition by tables, and for the resources with the keys `also`."""
        return Chain(self.code, self.targets, self.types, tuple(self.inner(names, kind) for kind in self.types), also)


@dataclass(frozen=True, slots=True)
class Chain(Nothing):
    """A condition on the resources that a reference leads to.

    code     the reference parameter
    targets  where the reference stands
    types    the types it may lead to and that have the next parameter
    inner    the condition, for each of `types`
    also     keys of resources that match by what no table says
    """

    code: str
    targets: tuple[SearchTarget, ...]
    types: tuple[str, ...]
    inner: tuple[Node, ...]
    also: tuple[int, ...] = ()

    @property
    def rank(self) -> int:
        return CHAIN

    def shape(self) -> Hashable:
        return ("chain", self.code, self.types, tuple(node.shape() for node in self.inner), bool(self.also))

    def data(self) -> tuple[Any, ...]:
        found = tuple(item for node in self.inner for item in node.data())
        return (*found, self.also) if self.also else found

    def words(self) -> str:
        return f"{self.code} leads to {' or '.join(self.types)} whose {self.inner[0].words()}"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        if len(self.targets) != 1 or resource_type is None or self.also:
            return None
        (target,) = self.targets
        table = build.alias(build.parts.table(resource_type, target.table))
        day = table.c[target.date] if target.date else None
        conditions = (*self._filters(target, table), self._leads(build, target, table, marks))
        return Driver(table, conditions, is_main=target.is_main, date=day, order=day, sparse=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any]:
        parts = []
        for target in self.targets:
            table = scope.alias(scope.table(target.table))
            found = (*self._filters(target, table), self._leads(scope.build, target, table, marks))
            parts.append(select(table.c.key).where(*found))
        if self.also:
            parts.append(array_rows(marks[-1], scope.parts.database.dialect))
        if len(parts) == 1:
            return parts[0]
        united = union_all(*parts).subquery(scope.build.name())
        return select(united.c.key)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        if self.also:
            return scope.key.in_(self.keys(scope, marks))
        found: list[ColumnElement[bool]] = []
        for target in self.targets:
            table = scope.main() if target.is_main else scope.alias(scope.table(target.table))
            rows = (*self._filters(target, table), self._leads(scope.build, target, table, marks))
            if target.is_main:
                found.extend(rows)
            else:
                found.append(exists().where(table.c.key == scope.key, *rows))
        return or_(*found) if len(self.targets) > 1 else _all(found)

    @staticmethod
    def _filters(target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
        # That a reference leads to a resource of the right type is asked of the resource itself.
        own = target.columns.get("type")
        return [among(table.c[name], values) for name, values in target.filters if name != own]

    def _leads(self, build: Build, target: SearchTarget, table: FromClause, marks: Marks) -> ColumnElement[bool]:
        key = table.c[target.columns["key"]]
        found = []
        start = 0
        for kind, node in zip(self.types, self.inner, strict=True):
            own = marks[start : start + len(node.data())]
            start += len(node.data())
            found.append(key.in_(Scope.of(build, kind, [(node, own)]).select()))
        return or_(*found)


def _all(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *rest = conditions
    for condition in rest:
        first = first & condition
    return first
