"""From a plan to SQL: one page of the matches, and how many there are.

https://hl7.org/fhir/R4/search.html

A statement starts from the table of the condition that leaves the fewest resources (see `node`), is ordered by columns
that the index of that table gives in order, and fetches documents for the rows of the page only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, func, or_, select, tuple_, union_all

from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.kind import among
from fhir_server.storage.search.logic import conjuncts
from fhir_server.storage.search.node import shared
from fhir_server.storage.search.plan import Plan, Position
from fhir_server.storage.search.scope import Build, Marked, Scope, Start, mark
from fhir_server.storage.search.sort import TEXTS
from fhir_server.storage.search.statement import Raw
from fhir_server.storage.tables import resource, resource_version

_RAW = Raw()
Way = tuple["Scope", "list[Term]", list[ColumnElement[bool]]]
_MOST_PARTS = 10  # selects of which a page is put together


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the order: an expression, its direction, whether a resource may have none."""

    value: ColumnElement[Any]
    descending: bool
    nullable: bool


class Compiler:
    """Compiles one plan for one caller."""

    def __init__(self, build: Build, plan: Plan) -> None:
        self._build = build
        self._plan = plan
        marks = [mark(f"p{number}") for number in range(len(plan.data()))]
        self._nodes = list(conjuncts(shared(plan.nodes, marks)))
        # Whether the first sort key is had in order from the index of a table of its own.
        self._by_index = False
        self.scope = self._made(self._nodes, "narrowest")
        start = self._better_start()
        if start != "narrowest":
            self.scope = self._made(self._nodes, start)
        self.terms = self._terms(self.scope)
        self._scopes = self._split()

    def _made(self, nodes: Sequence[Marked], start: Start) -> Scope:
        scope = Scope.of(self._build, self._plan.type, nodes, start)
        if self._plan.types:
            scope.conditions.append(_one_of(scope.resource().c.type, self._plan))
        return scope

    def _better_start(self) -> Start:
        """Return from where the order of the first sort key is had without sorting all that match."""
        if not self._plan.sort or self._plan.type is None:
            return "narrowest"
        # With a choice PostgreSQL compares both ways by its statistics; SQLite would walk the whole type.
        free = self.scope.driving is None or self._build.parts.database.dialect == "postgresql"
        key = self._plan.sort[0]
        if not free or key.is_main_date(self.scope):
            return "narrowest"
        # A column of few different values, such as a category, is no help where others choose.
        self._by_index = key.has_own_table and (self.scope.driving is None or key.targets[0].kind in TEXTS)
        if key.always_there:
            return "resource"
        return "main" if key.is_main_column else "narrowest"

    def _split(self) -> list[Scope]:
        """Return a scope for each value of the driving condition: each gives its rows in order, all together do not."""
        scope = self.scope
        if scope.driving is None or scope.driver.order is None or scope.unique or not self.terms[:-1]:
            return [scope]
        if self.terms[0].value is not scope.driver.order:
            return [scope]
        (marks,) = [own for node, own in self._nodes if node is scope.driving]
        parts = scope.driving.split(marks)
        if not 1 < len(parts) <= _MOST_PARTS:
            return [scope]
        others = [pair for pair in self._nodes if pair[0] is not scope.driving]
        scopes = [self._made([part, *others], "narrowest") for part in parts]
        return scopes if all(each.driver.order is not None for each in scopes) else [scope]

    def _terms(self, scope: Scope) -> list[Term]:
        terms: list[Term] = []
        for key in self._plan.sort:
            value = key.column(scope)
            if key.targets[0].kind in TEXTS:
                value = prefix_of(value)
            dated = scope.is_dated and key.is_main_date(scope)
            terms.append(Term(value, key.descending, not (key.always_there or dated)))
        driver = scope.driver
        if not terms and driver.order is not None:
            # The order of the index the statement starts from, newest first: it costs nothing.
            terms.append(Term(driver.order, descending=True, nullable=driver.sparse and not scope.is_dated))
        # The key breaks ties in the direction of the last term, so that one index serves both.
        return [*terms, Term(scope.key, terms[-1].descending if terms else False, nullable=False)]

    @property
    def phases(self) -> int:
        """How many statements a page may take: with and without a value for the first term."""
        return 2 if self.terms[0].nullable else 1

    def page(self, position: Position | None, phase: int, *, backward: bool) -> Select[Any]:
        """Return the statement of one page in one phase.

        position  where it begins, None for the end it is read from; its values are bound as c0, c1 ...; the number of
                  rows as "limit"
        Columns: type, id, version, last_updated, key, method, content, then the values of the terms but the key.
        """
        parts = [self._keys(way, position, backward=backward) for way in self._ways(phase)]
        chosen, terms = parts[0]
        if len(parts) > 1:
            each = [select(part.subquery(self._build.name())) for part, _ in parts]
            whole = union_all(*each).subquery(self._build.name())
            columns = dict(whole.c)
            ordered = _ordered(terms, columns, whole.c.key, backward=backward)
            chosen = select(*columns.values()).distinct().order_by(*ordered).limit(mark("limit", _RAW))
        page = chosen.subquery("page")
        r, v = resource.alias("r"), resource_version.alias("v")
        values = [page.c[f"s{number}"] for number in range(len(terms) - 1)]
        return (
            select(r.c.type, r.c.id, r.c.version, r.c.last_updated, page.c.key, v.c.method, v.c.content, *values)
            .select_from(page.join(r, r.c.key == page.c.key).join(v, _same_version(r, v)))
            .order_by(*_ordered(terms, dict(page.c), page.c.key, backward=backward))
        )

    def _ways(self, phase: int) -> list[Way]:
        """Return the selects that together give the keys of one phase."""
        if self._by_index and self._plan.type is not None:
            first = self._plan.sort[0]
            if phase:
                return [(self.scope, self._terms(self.scope)[1:], [first.absent(self.scope)])]
            driver = first.starting(self._build, self._plan.type)
            scope = self._made(self._nodes, driver)
            value = scope.driver.order if scope.driver.order is not None else scope.key
            return [(scope, [Term(value, first.descending, nullable=False), *self._terms(scope)[1:]], [])]
        ways: list[Way] = []
        for scope in self._scopes:
            first_term, *rest = self._terms(scope)
            if not first_term.nullable:
                ways.append((scope, [first_term, *rest], []))
            elif phase:  # the first term says nothing here
                ways.append((scope, rest, [first_term.value.is_(None)]))
            else:
                sure = Term(first_term.value, first_term.descending, nullable=False)
                ways.append((scope, [sure, *rest], [sure.value.is_not(None)]))
        return ways

    def _keys(self, way: Way, position: Position | None, *, backward: bool) -> tuple[Select[Any], list[Term]]:
        """Return the select of the keys of a page with the values they are sorted by, and those terms."""
        scope, terms, more = way
        conditions = [*scope.conditions, *more]
        if backward:
            terms = [Term(term.value, not term.descending, term.nullable) for term in terms]
        if position is not None:
            marks = [mark(f"c{number}", _RAW) for number in range(len(terms))]
            conditions.append(_beyond(terms, marks, position.values, backward=backward))
        named = [term.value.label(f"s{number}") for number, term in enumerate(terms[:-1])]
        # Where a value may be missing, that comes first in the order; DISTINCT wants it among the columns.
        flags = [term.value.is_(None).label(f"n{number}") for number, term in enumerate(terms) if term.nullable]
        chosen = select(*named, *flags, scope.key.label("key")).select_from(scope.source).where(*conditions)
        if not scope.unique:
            chosen = chosen.distinct()
        inner: dict[str, ColumnElement[Any]] = {column.name: column for column in (*named, *flags)}
        ordered = _ordered(terms, inner, scope.key, backward=backward)
        return chosen.order_by(*ordered).limit(mark("limit", _RAW)), terms

    def count(self) -> Select[Any]:
        """Return the statement of the exact number of matches."""
        scope = self.scope
        how = func.count() if scope.unique else func.count(scope.key.distinct())
        return select(how).select_from(scope.source).where(*scope.conditions)


def _one_of(kind: ColumnElement[Any], plan: Plan) -> ColumnElement[bool]:
    return among(kind, plan.types) if plan.types != ("",) else false()


def _ordered(
    terms: Sequence[Term], columns: Mapping[str, ColumnElement[Any]], key: ColumnElement[Any], *, backward: bool
) -> list[ColumnElement[Any]]:
    found: list[ColumnElement[Any]] = []
    for number, term in enumerate(terms[:-1]):
        if term.nullable:
            missing = columns[f"n{number}"]
            found.append(missing.desc() if backward else missing.asc())
        column = columns[f"s{number}"]
        found.append(column.desc() if term.descending else column.asc())
    return [*found, key.desc() if terms[-1].descending else key.asc()]


def _same_version(r: FromClause, v: FromClause) -> ColumnElement[bool]:
    return and_(v.c.key == r.c.key, v.c.version == r.c.version)


def _beyond(
    terms: Sequence[Term], marks: Sequence[ColumnElement[Any]], values: Sequence[Any], *, backward: bool
) -> ColumnElement[bool]:
    """Return the condition for rows that come after the position in the order of `terms`.

    With one direction for all it is a row comparison, which an index on exactly these columns serves. Whether a value
    of the position is None belongs to the shape of the statement.
    """
    if not any(term.nullable for term in terms) and len({term.descending for term in terms}) == 1:
        if len(terms) == 1:
            return terms[0].value < marks[0] if terms[0].descending else terms[0].value > marks[0]
        left, right = tuple_(*(term.value for term in terms)), tuple_(*marks)
        return left < right if terms[0].descending else left > right
    steps: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for term, bound, value in zip(terms, marks, values, strict=True):
        steps.append(and_(*same, _further(term, bound, is_none=value is None, backward=backward)))
        same.append(term.value.is_(None) if value is None else term.value == bound)
    return or_(*steps)


def _further(term: Term, bound: ColumnElement[Any], *, is_none: bool, backward: bool) -> ColumnElement[bool]:
    if is_none:  # what has no value comes last
        return term.value.is_not(None) if backward else false()
    beyond = term.value < bound if term.descending else term.value > bound
    return or_(beyond, term.value.is_(None)) if term.nullable and not backward else beyond
