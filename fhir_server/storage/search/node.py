"""What a search is made of: conditions on resources, each of which can be written into a statement.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, FromClause, Select

from fhir_server.storage.search.kind import Marks

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Build, Scope

# How few resources a condition leaves, as a guess that needs no statistics: the smallest number drives a statement.
ID, IDENTIFIER, COMPARTMENT, REFERENCE, URI, EXACT, CHAIN = 0, 10, 15, 20, 25, 30, 35
TOKEN, STRING, TEXT, TAG, DATE, NUMBER, FLAG, NEGATIVE = 40, 45, 50, 55, 60, 65, 70, 90


@dataclass(frozen=True, slots=True)
class Driver:
    """The table whose rows a statement starts from: each row belongs to one resource that matches one condition.

    table       an alias with a column `key`
    conditions  what its rows must fulfil
    is_main     it is the type's main table
    is_resource it is the table `resource`
    date        its column with the type's main date, None when it has none
    order       a column in whose order its index gives the rows, None for the key alone
    sparse      whether `order` may have no value
    """

    table: FromClause
    conditions: tuple[ColumnElement[bool], ...]
    is_main: bool = False
    is_resource: bool = False
    date: ColumnElement[Any] | None = None
    order: ColumnElement[Any] | None = None
    sparse: bool = False


class Node(Protocol):
    """One condition on a resource. Implementations are frozen dataclasses.

    rank  how selective it is, see the constants of this module
    """

    @property
    def rank(self) -> int: ...

    def shape(self) -> Hashable:
        """Return what decides the SQL of the node."""

    def data(self) -> tuple[Any, ...]:
        """Return the values that are bound, in the order of the marks the other functions get."""

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        """Return the table from which the statement can start, None where the node is no such table."""

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        """Return a select of the keys of the resources that match, which stands alone; None where there is none."""

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        """Return when the resource of `scope` matches."""

    def implied(self, scope: Scope, copy: ColumnElement[Any], marks: Marks) -> ColumnElement[bool] | None:
        """Return what the node implies for a copy of the type's main date, None when that is nothing."""

    def is_dated(self, main_date: str) -> bool:
        """Return whether only resources that have a value in the column `main_date` match."""

    def split(self, marks: Marks) -> Sequence[tuple[Node, Marks]]:
        """Return nodes of which one must match, each with its marks, that drive statements in the same order."""

    def words(self) -> str:
        """Return what the node asks, for a reader, without values."""


class Nothing:
    """What most nodes answer: no table to start from, nothing about the main date."""

    __slots__ = ()

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:  # noqa: ARG002
        """No table to start from."""
        return None

    def implied(self, scope: Scope, copy: ColumnElement[Any], marks: Marks) -> ColumnElement[bool] | None:  # noqa: ARG002
        """Nothing."""
        return None

    def is_dated(self, main_date: str) -> bool:  # noqa: ARG002
        """No."""
        return False

    def split(self, marks: Marks) -> Sequence[tuple[Node, Marks]]:  # noqa: ARG002
        """Nothing to split."""
        return ()


def shared(nodes: Iterable[Node], marks: Marks) -> Iterator[tuple[Node, Marks]]:
    """Yield each node with its share of the marks."""
    start = 0
    for node in nodes:
        end = start + len(node.data())
        yield node, marks[start:end]
        start = end
