"""A plain condition: a parameter, a modifier, and values of which one must match.

https://hl7.org/fhir/R4/search.html#combining
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, false, or_, select, true, union_all

from fhir_server.storage.common import LOOSE_REFERENCE
from fhir_server.storage.search import date, number, quantity, reference, string, token, uri
from fhir_server.storage.search.kind import Kind, Marks, among
from fhir_server.storage.search.node import (
    DATE,
    EXACT,
    FLAG,
    ID,
    IDENTIFIER,
    NEGATIVE,
    NUMBER,
    REFERENCE,
    STRING,
    TAG,
    TOKEN,
    URI,
    Driver,
    Node,
)
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import OF_EVERY_TYPE, SearchTarget

KINDS: dict[str, Kind] = {
    "token": token,
    "string": string,
    "date": date,
    "reference": reference,
    "number": number,
    "quantity": quantity,
    "uri": uri,
}
_RANKS = {"date": DATE, "number": NUMBER, "quantity": NUMBER, "uri": URI, "reference": REFERENCE, "string": STRING}
# Looked up by their keys; other child tables are asked by the resource's key whether a row is there.
_BY_SET = frozenset({"identifier", "reference", "id"})


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a request.

    code      the parameter
    modifier  as it was given
    kind      the search parameter type, a key of KINDS
    targets   where it is answered, ORed
    values    ORed; none for :missing
    missing   for :missing what was asked, else None
    """

    code: str
    modifier: str
    kind: str
    targets: tuple[SearchTarget, ...]
    values: tuple[Operand, ...]
    missing: bool | None = None

    @property
    def rank(self) -> int:
        if self.is_negative:
            return NEGATIVE
        if self.targets[0].table == resource.name:
            return ID if self.kind == "token" else DATE
        if self.targets[0].table in OF_EVERY_TYPE:
            return TAG
        if self.kind == "token":
            return self._token_rank()
        if self.kind == "string" and self.modifier == "contains":
            return NEGATIVE
        return EXACT if self.modifier == "exact" else _RANKS[self.kind]

    def _token_rank(self) -> int:
        kinds = {target.kind for target in self.targets}
        if "identifier" in kinds or "contact" in kinds:
            return IDENTIFIER
        return FLAG if kinds & {"boolean", "code"} else TOKEN

    @property
    def is_negative(self) -> bool:
        """Whether it matches what has no such row."""
        return self.missing is not None or self.modifier in KINDS[self.kind].NEGATIVE

    def shape(self) -> Hashable:
        shapes = tuple(value.shape for value in self.values)
        return ("criterion", self.code, self.modifier, self.missing, shapes, tuple(len(v.data) for v in self.values))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for value in self.values for item in value.data)

    def words(self) -> str:
        if self.missing is not None:
            return f"{self.code} is {'missing' if self.missing else 'present'}"
        how = f":{self.modifier}" if self.modifier else ""
        count = len(self.values)
        return f"{self.code}{how} ({self.kind})" + (f", any of {count} values" if count > 1 else "")

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        if self.is_negative or len(self.targets) != 1:
            return None
        target = self.targets[0]
        bare = Scope(build, resource_type, Driver(build.alias(resource), ()))  # lends its aliases only
        if next(self._elsewhere(bare, target, marks), None) is not None:
            return None
        if target.table == resource.name:
            table = build.alias(resource)
            own = [] if resource_type is None else [table.c.type == resource_type]
            found = (*own, *self._rows(bare, target, table, marks), ~table.c.deleted)
            # In the order of its own index what is asked for by its date is found without reading anything else; that
            # index begins with the type.
            order = table.c.last_updated if self.kind == "date" and resource_type is not None else None
            return Driver(table, found, is_resource=True, order=order)
        if resource_type is None and target.table in OF_EVERY_TYPE:
            return None  # `resource` is needed anyway, for the type
        table = build.alias(build.parts.table(resource_type, target.table))
        found = tuple(self._rows(bare, target, table, marks))
        day = table.c[target.date] if target.date else None
        if target.is_main and self.kind == "date":
            # What has no date matches no date.
            return Driver(table, found, is_main=True, date=day, order=table.c[target.columns["start"]])
        return Driver(table, found, is_main=target.is_main, date=day, order=day, sparse=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        if self.is_negative or any(target.table == resource.name for target in self.targets):
            return None
        parts = [part for target in self.targets for part in self._key_sets(scope, target, marks)]
        if len(parts) == 1:
            return parts[0]
        united = union_all(*parts).subquery(scope.build.name())
        return select(united.c.key)

    def _key_sets(self, scope: Scope, target: SearchTarget, marks: Marks) -> Iterator[Select[Any]]:
        table = scope.alias(scope.table(target.table))
        yield select(table.c.key).where(*self._rows(scope, target, table, marks))
        yield from self._elsewhere(scope, target, marks)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        if self.missing is not None:
            return self._missing(scope)
        if self.is_negative:
            return and_(*(self._unmatched(scope, target, marks) for target in self.targets))
        return or_(*(part for target in self.targets for part in self._matched(scope, target, marks)))

    def _matched(self, scope: Scope, target: SearchTarget, marks: Marks) -> Iterator[ColumnElement[bool]]:
        if target.table == resource.name:
            yield and_(*self._rows(scope, target, scope.resource(), marks))
        elif target.is_main:
            yield and_(*self._rows(scope, target, scope.main(), marks))
        else:
            table = scope.alias(scope.table(target.table))
            rows = self._rows(scope, target, table, marks)
            if target.kind in _BY_SET:
                yield scope.key.in_(select(table.c.key).where(*rows))
            else:
                yield exists().where(table.c.key == scope.key, *rows)
        for keys in self._elsewhere(scope, target, marks):
            yield scope.key.in_(keys)

    def _elsewhere(self, scope: Scope, target: SearchTarget, marks: Marks) -> Iterator[Select[Any]]:
        if self.kind == "reference":
            for value, own in self._valued(marks):
                keys = reference.elsewhere(value, own, target, scope)
                if keys is not None:
                    yield keys

    def _unmatched(self, scope: Scope, target: SearchTarget, marks: Marks) -> ColumnElement[bool]:
        if target.table == resource.name:
            return and_(*self._rows(scope, target, scope.resource(), marks)).is_not(true())
        table = scope.main() if target.is_main else scope.alias(scope.table(target.table))
        rows = self._rows(scope, target, table, marks)
        if target.is_main:
            return and_(*rows).is_not(true())
        return ~exists().where(table.c.key == scope.key, *rows)

    def _missing(self, scope: Scope) -> ColumnElement[bool]:
        found = or_(*(self._present(scope, target) for target in self.targets))
        return ~found if self.missing else found

    def _present(self, scope: Scope, target: SearchTarget) -> ColumnElement[bool]:
        if target.table == resource.name:
            return true()
        if target.is_main:
            found = and_(*_has_value(target, scope.main()))
        else:
            table = scope.alias(scope.table(target.table))
            found = exists().where(table.c.key == scope.key, *_has_value(target, table))
        if target.kind != "reference":
            return found
        loose = scope.alias(scope.parts.table(None, LOOSE_REFERENCE))
        own = (loose.c.key == scope.key, loose.c.path == target.loose, *reference.limited(target, loose))
        return or_(found, exists().where(*own))

    def _valued(self, marks: Marks) -> Iterator[tuple[Operand, Marks]]:
        start = 0
        for value in self.values:
            end = start + len(value.data)
            yield value, marks[start:end]
            start = end

    def _rows(self, scope: Scope, target: SearchTarget, table: FromClause, marks: Marks) -> list[ColumnElement[bool]]:
        """Return the conditions for rows of `table`, an alias of the target's table."""
        kind = KINDS[self.kind]
        conditions: list[ColumnElement[bool]] = [among(table.c[name], values) for name, values in target.filters]
        if scope.type is not None and target.table in OF_EVERY_TYPE:
            conditions.append(table.c.type == scope.type)
        found = [kind.condition(value, own, target, table, scope) for value, own in self._valued(marks)]
        conditions.append(or_(*found) if found else false())
        return conditions

    def implied(self, scope: Scope, copy: ColumnElement[Any], marks: Marks) -> ColumnElement[bool] | None:
        if len(self.values) != 1 or scope.type is None:
            return None
        if not self.is_dated(scope.parts.schema.layout(scope.type).main_date):
            return None
        return date.implied(self.values[0], marks, self.targets[0], copy, scope)

    def split(self, marks: Marks) -> list[tuple[Node, Marks]]:
        return [(replace(self, values=(value,)), own) for value, own in self._valued(marks)]

    def is_dated(self, main_date: str) -> bool:
        if self.kind != "date" or self.is_negative or len(self.targets) != 1:
            return False
        return self.targets[0].is_main and self.targets[0].columns.get("start") == main_date != ""


def _has_value(target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [among(table.c[name], values) for name, values in target.filters]
    conditions.append(or_(*(table.c[name].is_not(None) for name in target.columns.values())))
    return conditions
