"""A condition in a search over several types: each type answers it with its own parameter of that name.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, union_all

from fhir_server.storage.search.kind import Marks
from fhir_server.storage.search.node import TOKEN, Node, Nothing, shared
from fhir_server.storage.search.scope import Scope


@dataclass(frozen=True, slots=True)
class EachType(Nothing):
    """The same parameter of several types.

    types  the types
    nodes  the condition for each of them
    """

    types: tuple[str, ...]
    nodes: tuple[Node, ...]

    @property
    def rank(self) -> int:
        return TOKEN

    def shape(self) -> Hashable:
        return ("each", self.types, tuple(node.shape() for node in self.nodes))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for node in self.nodes for item in node.data())

    def words(self) -> str:
        return self.nodes[0].words()

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        parts = [
            Scope.of(scope.build, kind, [pair]).select()
            for kind, pair in zip(self.types, shared(self.nodes, marks), strict=True)
        ]
        return select(union_all(*parts).subquery(scope.build.name()).c.key)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        found = self.keys(scope, marks)
        return scope.key.in_(found) if found is not None else literal(value=False)
