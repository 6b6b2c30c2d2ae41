"""Reverse chaining: `_has:Observation:patient:code=1234-5` asks of what refers to the resource.

https://hl7.org/fhir/R4/search.html#has
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select, union_all

from fhir_server.storage.search.kind import Marks, among
from fhir_server.storage.search.node import CHAIN, Node, Nothing
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.targets import SearchTarget


@dataclass(frozen=True, slots=True)
class Has(Nothing):
    """A condition on resources that refer to this one.

    type     their type
    code     their reference parameter
    targets  where that reference stands
    inner    the condition on them
    """

    type: str
    code: str
    targets: tuple[SearchTarget, ...]
    inner: Node

    @property
    def rank(self) -> int:
        return CHAIN

    def shape(self) -> Hashable:
        return ("has", self.type, self.code, self.inner.shape())

    def data(self) -> tuple[Any, ...]:
        return self.inner.data()

    def words(self) -> str:
        return f"{self.type} refers to it by {self.code} and has {self.inner.words()}"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        return self._referred(scope.build, marks)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return scope.key.in_(self._referred(scope.build, marks))

    def _referred(self, build: Build, marks: Marks) -> Select[Any]:
        """Return the keys of what the matching resources refer to."""
        parts = []
        for target in self.targets:
            matching = Scope.of(build, self.type, [(self.inner, marks)])
            if target.is_main:
                table = matching.main()
            else:
                table = build.alias(build.parts.table(self.type, target.table))
                matching.source = matching.source.join(table, table.c.key == matching.key)
            key = table.c[target.columns["key"]]
            filters = [among(table.c[name], values) for name, values in target.filters]
            parts.append(
                select(key).select_from(matching.source).where(*matching.conditions, *filters, key.is_not(None))
            )
        if len(parts) == 1:
            return parts[0]
        united = union_all(*parts).subquery(build.name())
        return select(next(iter(united.c)))
