"""Composite parameters: several values, joined by "$", that must match in one and the same instance of an element.

https://hl7.org/fhir/R4/search.html#composite
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, or_, select, union_all

from fhir_server.storage.search.criterion import KINDS
from fhir_server.storage.search.escape import split
from fhir_server.storage.search.kind import Context, Marks, among, wrong
from fhir_server.storage.search.node import TOKEN, Driver, Nothing
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import SearchTarget

Value = tuple[Operand, ...]
"""One operand for each component."""


@dataclass(frozen=True, slots=True)
class Composite(Nothing):
    """A condition on what belongs together.

    code     the parameter
    targets  the elements whose instances are looked at, ORed
    values   ORed
    """

    code: str
    targets: tuple[SearchTarget, ...]
    values: tuple[Value, ...]

    @property
    def rank(self) -> int:
        return TOKEN - 1

    def shape(self) -> Hashable:
        return ("composite", self.code, tuple(tuple((o.shape, len(o.data)) for o in value) for value in self.values))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for value in self.values for operand in value for item in operand.data)

    def words(self) -> str:
        return f"{self.code} (composite), in one instance of {self.targets[0].path}"

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        if len(self.targets) != 1 or len(self.values) != 1 or len(self.targets[0].components[0]) != 1:
            return None
        ((first, conditions, target),) = self._instances(_lender(build, resource_type), marks)
        day = first.c[target.date] if target.date else None
        return Driver(first, tuple(conditions), is_main=target.is_main, date=day, order=day, sparse=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        parts = [select(first.c.key).where(*conditions) for first, conditions, _ in self._instances(scope, marks)]
        if len(parts) == 1:
            return parts[0]
        return select(union_all(*parts).subquery(scope.build.name()).c.key)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        found = [
            exists().where(first.c.key == scope.key, *conditions)
            for first, conditions, _ in self._instances(scope, marks)
        ]
        return or_(*found) if len(found) > 1 else found[0]

    def _instances(
        self, scope: Scope, marks: Marks
    ) -> Iterator[tuple[FromClause, list[ColumnElement[bool]], SearchTarget]]:
        """Yield (table of the first component, conditions on its rows, where it is) for each way to match."""
        for value, own in self._valued(marks):
            for root in self.targets:
                for target in root.components[0]:
                    first = scope.alias(scope.parts.table(scope.type, target.table))
                    conditions = _rows(scope, root, 0, target, first, value, own)
                    for number in range(1, len(value)):
                        conditions.append(_beside(scope, root, number, (target, first), value, own))
                    yield first, conditions, target

    def _valued(self, marks: Marks) -> Iterator[tuple[Value, list[Marks]]]:
        start = 0
        for value in self.values:
            own: list[Marks] = []
            for operand in value:
                end = start + len(operand.data)
                own.append(marks[start:end])
                start = end
            yield value, own


def _lender(build: Build, resource_type: str | None) -> Scope:
    """Return a scope that lends its aliases only."""
    return Scope(build, resource_type, Driver(build.alias(resource), ()))


def _rows(
    scope: Scope,
    root: SearchTarget,
    number: int,
    target: SearchTarget,
    table: FromClause,
    value: Value,
    marks: Sequence[Marks],
) -> list[ColumnElement[bool]]:
    """Return the conditions for rows of `table` in which component `number` matches."""
    kind = KINDS[root.components[number][0].type]
    filters = [among(table.c[name], values) for name, values in target.filters]
    return [*filters, kind.condition(value[number], marks[number], target, table, scope)]


def _beside(
    scope: Scope,
    root: SearchTarget,
    number: int,
    first: tuple[SearchTarget, FromClause],
    value: Value,
    marks: Sequence[Marks],
) -> ColumnElement[bool]:
    """Return when a component matches in the instance that a row of the first component belongs to."""
    beside, row = first
    depth = len(root.levels)
    found: list[ColumnElement[bool]] = []
    for target in root.components[number]:
        if target.table == beside.table and len(beside.levels) == len(target.levels) == depth and _is_one_row(beside):
            conditions = _rows(scope, root, number, target, row, value, marks)
            found.append(conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1])
            continue
        table = scope.alias(scope.parts.table(scope.type, target.table))
        levels = zip(beside.levels[:depth], target.levels[:depth], strict=False)
        same = [row.c[mine] == table.c[other] for mine, other in levels]
        rows = _rows(scope, root, number, target, table, value, marks)
        found.append(exists().where(table.c.key == row.c.key, *same, *rows))
    return or_(*found) if len(found) > 1 else found[0]


def _is_one_row(target: SearchTarget) -> bool:
    """Say whether an instance is one row; codings of a concept are several."""
    return target.kind not in ("concept", "identifier", "part")


def parse(text: str, context: Context) -> Value:
    """Return the operands of one composite value. Raises BadRequest when there are too few, too many or wrong ones."""
    components = context.targets[0].components
    parts = split(text, "$")
    if len(parts) != len(components) or not all(parts):
        raise wrong(f"A value of this parameter has {len(components)} parts, joined by $.")
    return tuple(
        KINDS[alternatives[0].type].parse(
            part,
            "",
            Context(
                context.type, alternatives, context.definitions, context.base_url, context.now, context.terminology
            ),
        )
        for part, alternatives in zip(parts, components, strict=True)
    )
