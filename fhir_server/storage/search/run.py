"""Runs searches: plan first, then SQL, then rows; no connection is taken before the plan exists.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from sqlalchemy import Select

from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.model import SearchPage, SearchRequest, Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.contained.holders import Reader
from fhir_server.storage.search.contained.links import Inward
from fhir_server.storage.search.included import Included
from fhir_server.storage.search.names import Names
from fhir_server.storage.search.plan import Plan, Position, plan, unknown_page
from fhir_server.storage.search.rows import FIXED, version_of
from fhir_server.storage.search.scope import Build, compartments, rights
from fhir_server.storage.search.select import Compiler
from fhir_server.storage.search.statement import Statement
from fhir_server.storage.search.text import settled
from fhir_server.storage.session import Row, Session
from fhir_server.storage.terminology import Terminology

SEARCHING: tuple[Interaction, ...] = ("search",)
"""What a caller must be allowed in order to find something by a search."""
# Whoever may change a resource may also name it by criteria, and learns no more than whether there is one.
_MATCH: tuple[Interaction, ...] = ("search", "read", "update", "delete")

Fetch = Callable[[Statement, dict[str, Any]], list[Row]]


def search(parts: Parts, access: Access, request: SearchRequest) -> SearchPage:
    """Return one page of matches. Errors as `plan` raises them."""
    with settled(parts.texts, (name for name, _ in request.parameters)):
        fetch = reading(parts)
        return Run(parts, access, planned(parts, access, request, SEARCHING, fetch), SEARCHING, fetch).answer()


def matches(parts: Parts, access: Access, request: SearchRequest, session: Session) -> list[Version]:
    """Return at most `request.count` matches, as the open transaction of `session` sees them."""

    def fetch(made: Statement, values: dict[str, Any]) -> list[Row]:
        return session.run(made.sql, made.bound(values))

    with settled(parts.texts, (name for name, _ in request.parameters)):
        run = Run(parts, access, planned(parts, access, request, _MATCH, fetch), _MATCH, fetch)
        return [found.version for found in run.rows(None, request.count)]


def planned(
    parts: Parts, access: Access, request: SearchRequest, interactions: tuple[Interaction, ...], fetch: Fetch
) -> Plan:
    """Return the plan of a request. Raises Unavailable while the type's projection has gaps."""
    parts.gaps.refuse(request.type)
    reader = Reader(parts, access, interactions, fetch)
    understanding = replace(names(parts, access), beyond=Inward(reader))
    made = plan(request, understanding)
    # Chains, reverse chains, lists and includes look at the tables of other types.
    for resource_type in sorted(understanding.touched):
        parts.gaps.refuse(resource_type)
    return made


def names(parts: Parts, access: Access) -> Names:
    """Return what understands the names and values of a caller's parameters now."""

    def find(caller: Access, request: SearchRequest) -> list[Version]:
        return search(parts, caller, request).rows

    terms = Terminology(access, find, parts.definitions, parts.base_url)
    return Names(parts.schema, parts.definitions, parts.base_url, parts.clock().astimezone(UTC), terms, parts.texts)


def reading(parts: Parts) -> Fetch:
    """Return what runs a statement outside any transaction."""
    return lambda made, values: parts.database.read(lambda session: session.run(made.sql, made.bound(values)))


@dataclass(frozen=True, slots=True)
class Found:
    """One row of a page: the resource, and where it stands in the order."""

    version: Version
    phase: int
    values: tuple[Any, ...]


class Run:
    """One plan, run for one caller."""

    def __init__(
        self, parts: Parts, access: Access, made: Plan, interactions: tuple[Interaction, ...], fetch: Fetch
    ) -> None:
        self.parts = parts
        self.access = access
        self.plan = made
        self.interactions = interactions
        self.fetch = fetch
        self._values: dict[str, Any] = {f"p{number}": value for number, value in enumerate(made.data())}
        owners = [owner_id for _, owner_id in compartments(access)]
        self._values |= {f"a{number}": owner_id for number, owner_id in enumerate(owners)}
        self._shape = (rights(access), interactions, made.shape())
        self._compiler: Compiler | None = None

    def answer(self) -> SearchPage:
        """Return the page."""
        made, position = self.plan, self.plan.position
        total = self.total() if made.total or not made.count else None
        if not made.count:
            return SearchPage([], "", total)
        rows = self.rows(position, made.count + 1)
        more = len(rows) > made.count
        rows = rows[: made.count]
        backward = position is not None and position.backward
        if backward:
            rows.reverse()
            if not more:
                # The beginning was reached: the first page is as full as any other.
                return self._first(total)
        following = self._place(rows[-1], backward=False) if rows and (more or backward) else ""
        previous = self._place(rows[0], backward=True) if rows and (more if backward else position is not None) else ""
        versions = [row.version for row in rows]
        if not made.includes or not rows:
            return SearchPage(versions, following, total, previous)
        return self._with_includes(versions, SearchPage(versions, following, total, previous))

    def _place(self, row: Found, *, backward: bool) -> str:
        return Position(backward, row.phase, row.values, self.plan.order).cursor()

    def _first(self, total: int | None) -> SearchPage:
        first = Run(
            self.parts, self.access, replace(self.plan, position=None, total=False), self.interactions, self.fetch
        )
        return replace(first.answer(), total=total)

    def total(self) -> int:
        """Return the exact number of matches."""
        made = self.statement("count", self._count)
        return int(self.fetch(made, self._values)[0][0])

    def _count(self) -> Select[Any]:
        return self.compiler.count()  # composed only where the statement is not known: that takes longer than to run it

    def rows(self, position: Position | None, limit: int) -> list[Found]:
        """Return at most `limit` rows from a position on, in the order in which they are read."""
        backward = position is not None and position.backward
        phases = range(self.form[0])
        found: list[Found] = []
        for phase in reversed(phases) if backward else phases:
            if position is not None and (phase > position.phase if backward else phase < position.phase):
                continue
            start = position if position is not None and position.phase == phase and position.values else None
            found += self._phase(start, phase, limit - len(found), backward=backward)
            if len(found) >= limit:
                break
        return found

    @property
    def form(self) -> tuple[int, int]:
        """How many statements a page may take, and how many terms its order has."""
        return self.parts.statements.fact(
            ("form", self._shape), lambda: (self.compiler.phases, len(self.compiler.terms))
        )

    def _phase(self, start: Position | None, phase: int, limit: int, *, backward: bool) -> list[Found]:
        if start is not None and len(start.values) != self.form[1] - phase:
            raise unknown_page()
        nothing = tuple(value is None for value in start.values) if start is not None else None
        made = self.statement(
            ("page", phase, backward, nothing), lambda: self.compiler.page(start, phase, backward=backward)
        )
        values = self._values | {"limit": limit}
        if start is not None:
            values |= {f"c{number}": value for number, value in enumerate(start.values)}
        rows = self.fetch(made, values)
        return [Found(version_of(row), phase, (*row[FIXED:], row[4])) for row in rows]

    def statement(self, what: Hashable, make: Callable[[], Select[Any]]) -> Statement:
        """Return a statement of the plan, from the store's cache where it is known."""
        return self.parts.statements.get((what, self._shape), make)

    @property
    def compiler(self) -> Compiler:
        """What composes statements; made only when one is not known yet."""
        if self._compiler is None:
            self._compiler = Compiler(Build(self.parts, self.access, self.interactions), self.plan)
        return self._compiler

    def _with_includes(self, versions: list[Version], page: SearchPage) -> SearchPage:
        position = self.plan.position
        included = Included(self.parts, self.access, self.plan.includes, self.interactions, self.fetch)
        behind = position.includes if position is not None else -1
        added, last = included.of(versions, behind)
        shown = [] if behind >= 0 else versions
        following = page.next_cursor
        if last is not None:
            start = position or Position(backward=False, phase=0, values=(), order=self.plan.order)
            following = replace(start, includes=last).cursor()
        return replace(page, rows=shown, included=added, next_cursor=following)
