"""Sort keys: the value of a search parameter by which the matches are ordered.

https://hl7.org/fhir/R4/search.html#sort

Where a resource has several values the least one counts when ascending, the greatest one when descending. Resources
without a value come last in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, case, exists, func, literal_column, select, union_all

from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.kind import among
from fhir_server.storage.search.node import Driver
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import OF_EVERY_TYPE, SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

# The role that is compared, by how values are kept.
_ROLES = {
    "id": "id",
    "code": "value",
    "boolean": "value",
    "string": "folded",
    "part": "folded",
    "uri": "value",
    "canonical": "value",
    "integer": "low",
    "decimal": "low",
    "moment": "start",
    "interval": "start",
    "coding": "code",
    "concept": "code",
    "identifier": "value",
    "contact": "folded",
    "quantity": "low",
    "money": "low",
    "range": "low",
    "sampled": "low",
    "reference": "key",
}


TEXTS = frozenset({"string", "part", "uri", "canonical"})
"""Kinds that are compared by the part of them that an index holds."""

_INDEXED = frozenset({"string", "part", "uri", "canonical", "coding", "concept", "identifier", "moment", "interval"})


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key.

    code        the parameter
    descending  the greatest value first
    targets     where its values are
    """

    code: str
    descending: bool
    targets: tuple[SearchTarget, ...]

    def __hash__(self) -> int:
        return hash((self.code, self.descending))

    @property
    def always_there(self) -> bool:
        """Whether every resource has a value."""
        return self.targets[0].table == resource.name

    @property
    def is_main_column(self) -> bool:
        """Whether it is a column of the type's main table."""
        return len(self.targets) == 1 and self.targets[0].is_main and not self.targets[0].filters

    def is_main_date(self, scope: Scope) -> bool:
        """Return whether the key is the main date of the scope's type."""
        if scope.type is None or len(self.targets) != 1 or not self.targets[0].is_main:
            return False
        return self.targets[0].columns.get("start") == scope.parts.schema.layout(scope.type).main_date != ""

    @property
    def has_own_table(self) -> bool:
        """Whether its values stand in one table of several rows for a resource, which has an index on them."""
        return len(self.targets) == 1 and not self.targets[0].is_main and self.targets[0].kind in _INDEXED

    def starting(self, build: Build, resource_type: str) -> Driver:
        """Return its table as a place to start from, in the order of its index: of each resource the row that counts.

        Only where the key has a table of its own.
        """
        (target,) = self.targets
        table = build.alias(build.parts.table(resource_type, target.table))
        value = self._value(target, table)
        other = build.alias(build.parts.table(resource_type, target.table))
        before = self._value(target, other) > value if self.descending else self._value(target, other) < value
        better = exists().where(other.c.key == table.c.key, *_filters(target, other), before)
        date = table.c[target.date] if target.date else None
        # A table of every type holds others too.
        own = [table.c.type == resource_type] if target.table in OF_EVERY_TYPE else []
        conditions = (*own, *_filters(target, table), value.is_not(None), ~better)
        return Driver(table, conditions, date=date, order=value)

    def absent(self, scope: Scope) -> ColumnElement[bool]:
        """Return when the resource of `scope` has no value in the key's own table."""
        (target,) = self.targets
        table = scope.alias(scope.table(target.table))
        there = self._value(target, table).is_not(None)
        return ~exists().where(table.c.key == scope.key, *_filters(target, table), there)

    @staticmethod
    def _value(target: SearchTarget, table: FromClause) -> ColumnElement[Any]:
        value = table.c[target.columns[_ROLES[target.kind]]]
        return prefix_of(value) if target.kind in TEXTS else value

    def column(self, scope: Scope) -> ColumnElement[Any]:
        """Return the value of the resource of `scope`."""
        if len(self.targets) == 1:
            target = self.targets[0]
            role = target.columns[_ROLES[target.kind]]
            if target.table == resource.name:
                return scope.resource().c[role]
            if target.is_main and not target.filters:
                date = scope.driver.date
                copied = scope.type is not None and role == scope.parts.schema.layout(scope.type).main_date
                return date if copied and date is not None else scope.main().c[role]
        return self._of_many(scope)

    def _of_many(self, scope: Scope) -> ColumnElement[Any]:
        best = func.max if self.descending else func.min
        parts = []
        for target in self.targets:
            table = scope.alias(scope.table(target.table))
            value: ColumnElement[Any] = table.c[target.columns[_ROLES[target.kind]]]
            if target.kind == "boolean":  # PostgreSQL has no least truth value
                value = case((value.is_(True), literal_column("'true'")), (value.is_(False), literal_column("'false'")))
            filters = _filters(target, table)
            # Said, because inside a subquery of the FROM clause it is not found out.
            own = select(best(value).label("v")).where(table.c.key == scope.key, *filters).correlate(scope.key.table)
            parts.append(own)
        if len(parts) == 1:
            return parts[0].scalar_subquery()
        united = union_all(*parts).subquery(scope.build.name())
        return select(best(united.c.v)).scalar_subquery()


def _filters(target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
    return [among(table.c[name], values) for name, values in target.filters]


def sort_key(names: Names, resource_type: str | None, text: str) -> SortKey:
    """Return the sort key of "code" or "-code". Raises UnsupportedParameter."""
    code = text.removeprefix("-")
    targets = tuple(target for target in names.targets(resource_type, code) if _sortable(target))
    if not targets or (resource_type is None and targets[0].table != resource.name):
        raise names.refused(resource_type, f"_sort={code}", code)
    return SortKey(code, text.startswith("-"), targets)


def _sortable(target: SearchTarget) -> bool:
    return target.columns.get(_ROLES.get(target.kind, ""), "") != ""
