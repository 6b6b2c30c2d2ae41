"""One item of a parameter passes a test that no search parameter type has, but `_filter` has an operator for.

https://hl7.org/fhir/R4/search_filter.html#ops
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    false,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from fhir_server.errors import Invalid
from fhir_server.storage.fold import fold
from fhir_server.storage.intervals import interval
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search import string
from fhir_server.storage.search.criterion import KINDS
from fhir_server.storage.search.kind import Marks, among, column, equals, halves, wrong
from fhir_server.storage.search.node import EXACT, NEGATIVE, Driver, Nothing
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import SearchTarget

_LONGEST = 1_000  # characters of a text that is looked for
_UNLIKELY = NEGATIVE - 1  # no index helps


@dataclass(frozen=True, slots=True)
class Item(Nothing):
    """A test on the items of a parameter.

    code     the parameter
    test     a key of TESTS
    kind     the search parameter type
    targets  where it is answered, ORed
    value    what items are compared with
    """

    code: str
    test: str
    kind: str
    targets: tuple[SearchTarget, ...]
    value: Operand

    @property
    def rank(self) -> int:
        return EXACT if self.test == "same text" else _UNLIKELY

    def shape(self) -> Hashable:
        return ("item", self.code, self.test, self.value.shape, len(self.value.data))

    def data(self) -> tuple[Any, ...]:
        return self.value.data

    def words(self) -> str:
        return f"{self.code}: {self.test}"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        if self.rank == _UNLIKELY or len(self.targets) != 1 or resource_type is None:
            return None
        (target,) = self.targets
        table = build.alias(build.parts.table(resource_type, target.table))
        lender = Scope(build, resource_type, Driver(table, ()))
        rows = tuple(self._rows(lender, target, table, marks))
        return Driver(table, rows, is_main=target.is_main, date=table.c[target.date] if target.date else None)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        if any(target.table == resource.name for target in self.targets):
            return None
        parts = []
        for target in self.targets:
            table = scope.alias(scope.table(target.table))
            parts.append(select(table.c.key).where(*self._rows(scope, target, table, marks)))
        return parts[0] if len(parts) == 1 else select(union_all(*parts).subquery(scope.build.name()).c.key)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return or_(*self._matched(scope, marks))

    def _matched(self, scope: Scope, marks: Marks) -> Iterator[ColumnElement[bool]]:
        for target in self.targets:
            if target.table == resource.name:
                yield and_(*self._rows(scope, target, scope.resource(), marks))
            elif target.is_main:
                yield and_(*self._rows(scope, target, scope.main(), marks))
            else:
                table = scope.alias(scope.table(target.table))
                yield exists().where(table.c.key == scope.key, *self._rows(scope, target, table, marks))

    def _rows(self, scope: Scope, target: SearchTarget, table: FromClause, marks: Marks) -> list[ColumnElement[bool]]:
        conditions = [among(table.c[name], values) for name, values in target.filters]
        if scope.type is not None and target.table.startswith("meta_"):
            conditions.append(table.c.type == scope.type)
        return [*conditions, TESTS[self.test](self, marks, target, table, scope)]


Condition = Callable[[Item, Marks, SearchTarget, FromClause, Scope], ColumnElement[bool]]


def text(written: str) -> Operand:
    """Return a text to compare items with. Raises BadRequest for one that is too long or says nothing."""
    folded = fold(written)
    if len(written) > _LONGEST:
        raise wrong(f"A text to search for can have {_LONGEST} characters at most.")
    if not folded:
        raise wrong("The text has no character that could be compared.")
    first, after = folded[:1], string.following(folded[:1])
    return Operand(after is None, (*halves(folded), string.like(folded)[:-1], first, after or first))


def period(written: str) -> Operand:
    """Return a date as its half-open interval, and its end less a microsecond. Raises BadRequest."""
    try:
        start, end = interval(written)
    except Invalid as error:
        raise wrong(error.diagnostics) from None
    return Operand("", (start, end, end - timedelta(microseconds=1)))


def _folded(target: SearchTarget, table: FromClause) -> ColumnElement[Any]:
    return column(target, table, "folded" if "folded" in target.columns else "value")


def _same(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    if "folded" in target.columns:
        return equals(target, table, "folded", marks[0], marks[1])
    return column(target, table, "value") == marks[0]


def _differs(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    return _folded(target, table) != marks[0]


def _ends(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    return _folded(target, table).like(marks[2], escape="\\")


def _initial(operator: str) -> Condition:
    """Compare the first characters alone, as R4 says; a text without one is neither before nor after another."""

    def made(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
        head, (first, after), is_last = prefix_of(_folded(target, table)), marks[3:5], item.value.shape
        if operator == "gt":
            return false() if is_last else head >= after
        if operator == "ge":
            return head >= first
        if operator == "le" and is_last:
            return head > literal_column("''")
        return and_(head > literal_column("''"), head < (first if operator == "lt" else after))

    return made


def _includes(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    start = column(target, table, "start")
    if "end" not in target.columns:  # a point in time, told to the microsecond
        return and_(start <= marks[0], start >= marks[2])
    return and_(start <= marks[0], column(target, table, "end") >= marks[1])


def _overlaps(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    start = column(target, table, "start")
    if "end" not in target.columns:
        return and_(start >= marks[0], start < marks[1])
    return and_(start < marks[1], column(target, table, "end") > marks[0])


def _unequal(item: Item, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """An item that is there and is not the value."""
    role = "code" if target.kind in ("coding", "concept") else "id" if target.kind == "id" else "value"
    same = KINDS[item.kind].condition(item.value, marks, target, table, scope)
    return and_(column(target, table, role).is_not(None), same.is_not(true()))


TESTS: dict[str, Condition] = {
    "same text": _same,
    "other text": _differs,
    "ends with": _ends,
    "initial gt": _initial("gt"),
    "initial lt": _initial("lt"),
    "initial ge": _initial("ge"),
    "initial le": _initial("le"),
    "includes": _includes,
    "overlaps": _overlaps,
    "unequal": _unequal,
}
