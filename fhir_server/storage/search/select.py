"""From a plan to SQL: which rows match, one page of them, and how many there are.

https://hl7.org/fhir/R4/search.html

Criteria on the type's main table are conditions on one join to it; those on child tables are sets of keys. What does
not match (`:not`, `:missing=true`) is asked with NOT EXISTS, which, unlike NOT IN, is an anti-join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    distinct,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)

from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.common import LOOSE_REFERENCE
from fhir_server.storage.cursor import after
from fhir_server.storage.parts import Parts
from fhir_server.storage.restriction import restriction
from fhir_server.storage.search.plan import KINDS, Criterion, Plan
from fhir_server.storage.search.reference import Link, loose_condition
from fhir_server.storage.tables import resource, resource_version
from fhir_server.storage.targets import SearchTarget

# Aliases are made once: each costs as much as a small statement. Tables of criteria need none, because every one
# stands alone in a subquery of its own.
_R = resource.alias("r")
_V = resource_version.alias("v")
# The columns of the subquery "page", by name: SQLAlchemy would make its own for every statement.
_PAGE = {
    column.name: literal_column(f"page.{column.name}", column.type)
    for column in (_R.c.type, _R.c.id, _R.c.version, _R.c.last_updated, _R.c.key)
}
_OUTER = [column.label(name) for name, column in _PAGE.items()]
_SAME_VERSION = and_(_V.c.key == _PAGE["key"], _V.c.version == _PAGE["version"])
_SORT_COLUMNS = {"_lastUpdated": "last_updated", "_id": "id"}


class Compiler:
    """Compiles one plan for one caller."""

    def __init__(self, parts: Parts, access: Access, plan: Plan, interactions: Iterable[Interaction]) -> None:
        self._parts = parts
        self._plan = plan
        self._r = _R
        self._main: FromClause | None = None
        self._conditions: list[ColumnElement[bool]] = [~self._r.c.deleted]
        if plan.type is not None:
            self._conditions.insert(0, self._r.c.type == plan.type)
        self._limit = restriction(parts, access, interactions, self._r, plan.type)
        if self._limit is not None:
            self._conditions.append(self._limit)
        self._conditions += [self._criterion(criterion) for criterion in plan.criteria]
        self._key: ColumnElement[Any] = self._r.c.key
        if plan.type is not None and not plan.sort and all(each.modifier in _NEGATIVE for each in plan.criteria):
            # Nothing selects: the type's main table gives its resources in the order of their keys.
            self._main = parts.main_table(plan.type)
            self._key = self._main.c.key

    def page(self) -> Select[Any]:
        """Return the statement of one page, with one row more than it holds, in order.

        Columns: type, id, version, last_updated, key, method, content.
        """
        r, plan = self._r, self._plan
        columns = [*(r.c[_SORT_COLUMNS[key.code]] for key in plan.sort), self._key]
        # The key breaks ties in the direction of the last sort key, so that one index serves both.
        directions = [key.descending for key in plan.sort]
        directions.append(directions[-1] if directions else False)
        chosen = select(r.c.key, r.c.type, r.c.id, r.c.version, r.c.last_updated).select_from(self._source())
        chosen = chosen.where(*self._conditions)
        if plan.after is not None:
            chosen = chosen.where(after(columns, directions, plan.after))
        chosen = chosen.order_by(*_ordered(columns, directions)).limit(plan.count + 1)
        # Only the rows of the page fetch their documents.
        page = chosen.subquery("page")
        outer = [*(_PAGE[_SORT_COLUMNS[key.code]] for key in plan.sort), _PAGE["key"]]
        return (
            select(*_OUTER, _V.c.method, _V.c.content)
            .select_from(page.join(_V, _SAME_VERSION))
            .order_by(*_ordered(outer, directions))
        )

    def count(self) -> Select[Any]:
        """Return the statement of the exact number of matches."""
        alone = self._alone()
        if alone is not None:
            return alone
        return select(func.count()).select_from(self._source()).where(*self._conditions)

    def _alone(self) -> Select[Any] | None:
        """Count in one table when one criterion answers alone: rows exist only for what is current and not deleted."""
        plan = self._plan
        if self._limit is not None or plan.type is None or len(plan.criteria) > 1:
            return None
        if not plan.criteria:
            return select(func.count()).select_from(self._parts.main_table(plan.type))
        criterion = plan.criteria[0]
        if criterion.modifier in _NEGATIVE or len(criterion.targets) != 1:
            return None
        target = criterion.targets[0]
        if target.table == resource.name or _loose_values(criterion, target):
            return None
        table = self._table(target)
        return select(func.count(distinct(table.c.key))).where(*self._rows(criterion, target, table))

    def _source(self) -> FromClause:
        return self._r if self._main is None else self._r.join(self._main, self._main.c.key == self._r.c.key)

    def _table(self, target: SearchTarget) -> Table:
        return self._parts.table(self._plan.type, target.table)

    def _criterion(self, criterion: Criterion) -> ColumnElement[bool]:
        if criterion.modifier == "missing":
            return self._missing(criterion)
        if criterion.modifier == "not":
            return and_(*(self._unmatched(criterion, target) for target in criterion.targets))
        return or_(*(self._matched(criterion, target) for target in criterion.targets))

    def _matched(self, criterion: Criterion, target: SearchTarget) -> ColumnElement[bool]:
        if target.table == resource.name:
            return and_(*self._rows(criterion, target, self._r))
        if target.is_main:
            found = and_(*self._rows(criterion, target, self._main_table(target)))
        else:
            table = self._table(target)
            found = self._r.c.key.in_(_keys(table, self._rows(criterion, target, table)))
        loose = _loose_values(criterion, target)
        if not loose:
            return found
        loose_table = self._parts.table(None, LOOSE_REFERENCE)
        elsewhere = or_(*(loose_condition(value, target, loose_table) for value in loose))
        return or_(found, self._r.c.key.in_(_keys(loose_table, [elsewhere])))

    def _unmatched(self, criterion: Criterion, target: SearchTarget) -> ColumnElement[bool]:
        if target.table == resource.name:
            return and_(*self._rows(criterion, target, self._r)).is_not(true())
        return self._no_row(target, lambda table: self._rows(criterion, target, table))

    def _no_row(
        self, target: SearchTarget, conditions: Callable[[FromClause], list[ColumnElement[bool]]]
    ) -> ColumnElement[bool]:
        table = self._table(target)
        return ~exists().where(table.c.key == self._r.c.key, *conditions(table)).correlate(self._r)

    def _missing(self, criterion: Criterion) -> ColumnElement[bool]:
        parts: list[ColumnElement[bool]] = []
        for target in criterion.targets:
            if target.table == resource.name:
                parts.append(true() if not criterion.values[0] else false())
                continue
            nothing = self._no_row(target, lambda table, target=target: _has_value(target, table))  # type: ignore[misc]
            parts.append(nothing if criterion.values[0] else ~nothing)
        return and_(*parts) if criterion.values[0] else or_(*parts)

    def _main_table(self, target: SearchTarget) -> FromClause:
        if self._main is None:
            self._main = self._table(target)
        return self._main

    def _rows(self, criterion: Criterion, target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
        """Return the conditions for rows of `table`, an alias of the target's table."""
        kind = KINDS[criterion.kind]
        modifier = "" if criterion.modifier == "not" else criterion.modifier
        conditions: list[ColumnElement[bool]] = [table.c[column].in_(values) for column, values in target.filters]
        if self._plan.type is not None and "type" in table.c and target.table in _OF_EVERY_TYPE:
            conditions.append(table.c.type == self._plan.type)
        found = [kind.condition(value, modifier, target, table) for value in criterion.values]
        conditions.append(or_(*found) if len(found) > 1 else found[0])
        return conditions


_NEGATIVE = ("not", "missing")
_OF_EVERY_TYPE = frozenset({"meta_tag", "meta_security", "meta_profile", "meta_source"})


def _keys(table: FromClause, conditions: Iterable[ColumnElement[bool]]) -> Select[Any]:
    """Return a set of keys that stands alone: its table is another one than a table of that name around it."""
    return select(table.c.key).where(*conditions).correlate(None)


def _has_value(target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [table.c[column].in_(values) for column, values in target.filters]
    conditions.append(or_(*(table.c[name].is_not(None) for name in target.columns.values())))
    return conditions


def _loose_values(criterion: Criterion, target: SearchTarget) -> list[Link]:
    if target.kind != "reference":
        return []
    return [value for value in criterion.values if isinstance(value, Link) and value.text]


def _ordered(columns: Iterable[ColumnElement[Any]], directions: Iterable[bool]) -> list[ColumnElement[Any]]:
    return [column.desc() if down else column.asc() for column, down in zip(columns, directions, strict=True)]
