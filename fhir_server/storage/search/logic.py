"""Conditions joined by "and" and "or", and negated ones: what `_filter` says beside its comparisons.

https://hl7.org/fhir/R4/search_filter.html
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, union_all

from fhir_server.storage.search.kind import Marks
from fhir_server.storage.search.node import NEGATIVE, Node, Nothing, shared

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope


@dataclass(frozen=True, slots=True)
class All(Nothing):
    """All of several conditions hold. A Scope takes it apart, so that one of them can drive the statement."""

    nodes: tuple[Node, ...]

    @property
    def rank(self) -> int:
        return min(node.rank for node in self.nodes)

    def shape(self) -> Hashable:
        return ("all", tuple(node.shape() for node in self.nodes))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for node in self.nodes for item in node.data())

    def words(self) -> str:
        return "(" + " and ".join(node.words() for node in self.nodes) + ")"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        return scope.of(scope.build, scope.type, [(self, marks)]).select()

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return and_(*(node.condition(scope, own) for node, own in shared(self.nodes, marks)))

    def is_dated(self, main_date: str) -> bool:
        return any(node.is_dated(main_date) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Either(Nothing):
    """One of several conditions holds, or more than one."""

    nodes: tuple[Node, ...]

    @property
    def rank(self) -> int:
        return max(node.rank for node in self.nodes)

    def shape(self) -> Hashable:
        return ("either", tuple(node.shape() for node in self.nodes))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for node in self.nodes for item in node.data())

    def words(self) -> str:
        return "(" + " or ".join(node.words() for node in self.nodes) + ")"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        parts = []
        for node, own in shared(self.nodes, marks):
            found = node.keys(scope, own)
            parts.append(scope.of(scope.build, scope.type, [(node, own)]).select() if found is None else found)
        united = union_all(*parts).subquery(scope.build.name())
        return select(next(iter(united.c)))

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        # Each part by its own index; what is true of most resources is better asked of each resource in turn.
        if self.rank < NEGATIVE:
            found = self.keys(scope, marks)
            if found is not None:
                return scope.key.in_(found)
        return or_(*(node.condition(scope, own) for node, own in shared(self.nodes, marks)))

    def is_dated(self, main_date: str) -> bool:
        return all(node.is_dated(main_date) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Other(Nothing):
    """A condition does not hold, be it for want of a value."""

    node: Node

    @property
    def rank(self) -> int:
        return NEGATIVE

    def shape(self) -> Hashable:
        return ("other", self.node.shape())

    def data(self) -> tuple[Any, ...]:
        return self.node.data()

    def words(self) -> str:
        return f"not {self.node.words()}"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:  # noqa: ARG002
        return None

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return self.node.condition(scope, marks).is_not(true())


def conjuncts(nodes: Iterable[tuple[Node, Marks]]) -> Iterator[tuple[Node, Marks]]:
    """Yield the conditions that must all hold, one by one."""
    for node, marks in nodes:
        if isinstance(node, All):
            yield from conjuncts(shared(node.nodes, marks))
        else:
            yield node, marks
