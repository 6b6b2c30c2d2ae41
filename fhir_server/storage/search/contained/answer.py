"""Searches with `_contained`: contained resources that match, or what contains them.

https://hl7.org/fhir/R4/search.html#contained

With `both` the ordinary matches come first. Each page looks into the containers anew; where it begins is a place in the
order of the matches, so that pages neither repeat nor leave out what does not change meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fhir_server.errors import TooCostly
from fhir_server.formats import json
from fhir_server.storage import cursor as cursors
from fhir_server.storage.access import Access
from fhir_server.storage.model import Contained, SearchPage, SearchRequest, Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.contained.excerpt import ABOVE, Excerpt, container_of
from fhir_server.storage.search.contained.holders import MOST, Among, Reader
from fhir_server.storage.search.contained.links import Inward, inner_names, inside
from fhir_server.storage.search.contained.narrowing import holding
from fhir_server.storage.search.kind import unsupported_parameter
from fhir_server.storage.search.names import Names
from fhir_server.storage.search.plan import Plan, Position, plan, position_of, unknown_page
from fhir_server.storage.search.run import SEARCHING, Found, Run, names, reading

_NO_LIMIT = 2**31 - 1
_HERE = "contained"
_ABOUT_OTHERS = frozenset({"_has", "_filter", "_list"})  # and chains: the container may be among those others


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of the answer, and the first match because of which it is there."""

    first: Found
    container: Version

    @property
    def key(self) -> int:
        """The key of the match."""
        return self.first.version.key


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of contained matches begins; without a position, at their beginning or (backward) at their end."""

    backward: bool
    position: Position | None = None

    @classmethod
    def at(cls, item: _Item, order: str, *, backward: bool) -> _Place:
        """Return the place behind an item, or (backward) before it."""
        return cls(backward, Position(backward, item.first.phase, item.first.values, order))

    def cursor(self) -> str:
        """Return the text for it."""
        return cursors.pack([_HERE, self.backward, self.position.cursor() if self.position is not None else ""])


def search_contained(parts: Parts, access: Access, request: SearchRequest) -> SearchPage:
    """Return one page of a search in contained resources.

    Raises UnsupportedParameter for includes and for an order over both kinds, TooCostly when more than MOST resources
    would have to be looked into, and as `search` does.
    """
    if request.includes:
        raise unsupported_parameter("_include and _revinclude cannot be used together with _contained.")
    if request.sort and request.contained == "both":
        raise unsupported_parameter("_sort cannot be used together with _contained=both: ask for each kind by itself.")
    parts.gaps.refuse(None)  # containers are of any type
    with parts.texts.settled():  # one state of the database for all that is read
        return _Search(parts, access, request).page()


class _Search:
    def __init__(self, parts: Parts, access: Access, request: SearchRequest) -> None:
        self._parts = parts
        self._access = access
        self._request = request
        self._both = request.contained == "both"
        self._reader = Reader(parts, access, SEARCHING, reading(parts))
        self._names = replace(names(parts, access), beyond=Inward(self._reader))
        self._place, cursor = _place(request)
        # Chains of what is contained are followed where it lies.
        known = self._names if self._both else replace(self._names, beyond=None)
        self._plan = plan(replace(request, cursor=cursor), known)

    def page(self) -> SearchPage:
        """Return the page."""
        request, place = self._request, self._place
        with self._excerpt() as excerpt:
            matches = _Matches(excerpt, request, inner_names(self._names, excerpt, self._reader))
            items = self._once(matches.items())
            total = len(items) if request.total or not request.count else None
            if total is not None and self._both:
                total += self._ordinary(self._plan.position, 1).total()
            if not request.count:
                return SearchPage([], "", total)
            pages = _Pages(matches, items, self._ordinary if self._both else None, self._plan)
            page = pages.ordinary(self._plan.position) if place is None else pages.contained(place)
            return replace(page, total=total)

    def _excerpt(self) -> Excerpt:
        if self._plan.types == ("",):
            return self._reader.excerpt([], whole=False)
        keys = self._reader.keys(None, holding(self._plan), MOST + 1)
        if len(keys) > MOST:
            what = self._plan.type or " or ".join(self._plan.types) or "resource"
            raise TooCostly(
                f"More than {MOST:,} resources contain a {what}: too many to look into. Please narrow the search by "
                "_id, _lastUpdated, or a reference such as patient=Patient/[id]."
            )
        asked = [name for name, _ in self._request.parameters]
        whole = any("." in name or name.partition(":")[0] in _ABOUT_OTHERS for name in asked)
        return self._reader.excerpt(sorted(keys), whole=whole)

    def _ordinary(self, position: Position | None, count: int) -> Run:
        made = replace(self._plan, position=position, count=count, total=False)
        return Run(self._parts, self._access, made, SEARCHING, self._reader.fetch)

    def _once(self, items: list[_Item]) -> list[_Item]:
        """Return the items without containers that are ordinary matches themselves."""
        if not self._both or self._request.alone or not items:
            return items
        wanted = (Among(tuple(item.container.key for item in items)), *self._plan.nodes)
        there = replace(self._plan, nodes=wanted, position=None, total=False)
        run = Run(self._parts, self._access, there, SEARCHING, self._reader.fetch)
        twice = {found.version.key for found in run.rows(None, len(items))}
        return [item for item in items if item.container.key not in twice]


class _Matches:
    """The contained resources in an excerpt that match."""

    def __init__(self, excerpt: Excerpt, request: SearchRequest, inner: Names) -> None:
        self._excerpt = excerpt
        self._alone = request.alone
        made = plan(replace(request, cursor="", total=False), inner)
        reader = inside(excerpt)
        self._run = Run(reader.parts, reader.access, made, reader.interactions, reader.fetch)

    def items(self) -> list[_Item]:
        """Return all of the answer in its order: each match, or each container at the place of its first match."""
        found: dict[int, _Item] = {}
        for match in self._rows(None):
            container = container_of(match.version.key)
            found.setdefault(
                match.version.key if self._alone else container, _Item(match, self._excerpt.containers[container])
            )
        return list(found.values())

    def beyond(self, items: Sequence[_Item], position: Position) -> list[_Item]:
        """Return those items whose match lies on the far side of a position."""
        keys = {match.version.key for match in self._rows(position)}
        return [item for item in items if item.key in keys]

    def _rows(self, position: Position | None) -> list[Found]:
        return [match for match in self._run.rows(position, _NO_LIMIT) if match.version.key >= ABOVE]

    def shown(self, page: SearchPage, items: Sequence[_Item]) -> SearchPage:
        """Return a page with `items` behind its rows."""
        if self._alone:
            return replace(page, contained=[self._alone_of(item) for item in items])
        return replace(page, rows=page.rows + [item.container for item in items])

    def _alone_of(self, item: _Item) -> Contained:
        document = self._excerpt.document(item.key)
        return Contained(item.container, document.get("id", ""), json.encode(document).decode())


class _Pages:
    """Cuts the answer into pages: the ordinary matches, where there are any, then the items.

    run  makes the search for the ordinary matches from a position on, so many a page; None where they are not wanted
    """

    def __init__(
        self,
        matches: _Matches,
        items: list[_Item],
        run: Callable[[Position | None, int], Run] | None,
        plan: Plan,
    ) -> None:
        self._matches = matches
        self._items = items
        self._run = run
        self._count = plan.count
        self._order = plan.order
        self._end = Position(backward=True, phase=1, values=(), order=plan.order)  # of the ordinary matches

    def ordinary(self, position: Position | None) -> SearchPage:
        """Return a page that begins among the ordinary matches; the last one is filled up with items."""
        if self._run is None:
            return self.contained(None)
        page = self._run(position, self._count).answer()
        if page.next_cursor:
            return page
        rest = self._count - len(page.rows)
        following = ""
        if len(self._items) > rest:
            following = self._behind(self._items[:rest])
        previous = page.previous_cursor
        if position is not None and not page.rows:
            previous = self._end.cursor()
        return self._matches.shown(replace(page, next_cursor=following, previous_cursor=previous), self._items[:rest])

    def contained(self, place: _Place | None) -> SearchPage:
        """Return a page that begins among the items."""
        position = place.position if place is not None else None
        beyond = self._items if position is None else self._matches.beyond(self._items, position)
        if place is not None and place.backward:
            return self._before(beyond)
        shown = beyond[: self._count]
        following = self._behind(shown) if len(beyond) > self._count else ""
        previous = ""
        if place is not None:
            previous = (self._at(shown[0], backward=True) if shown else _Place(backward=True)).cursor()
        return self._matches.shown(SearchPage([], following, None, previous), shown)

    def _before(self, beyond: list[_Item]) -> SearchPage:
        shown = beyond[-self._count :]
        following = self._behind(shown)
        if len(beyond) > self._count:
            previous = self._at(shown[0], backward=True).cursor()
            return self._matches.shown(SearchPage([], following, None, previous), shown)
        if self._run is None:
            return self.contained(None)  # the beginning was reached: the first page is as full as any other
        rest = self._count - len(shown)
        page = self._run(self._end, max(rest, 1)).answer()
        if not rest:
            previous = self._end.cursor() if page.rows else ""
            return self._matches.shown(SearchPage([], following, None, previous), shown)
        if not page.previous_cursor:
            return self.ordinary(None)
        return self._matches.shown(replace(page, next_cursor=following), shown)

    def _at(self, item: _Item, *, backward: bool) -> _Place:
        return _Place.at(item, self._order, backward=backward)

    def _behind(self, shown: Sequence[_Item]) -> str:
        return (self._at(shown[-1], backward=False) if shown else _Place(backward=False)).cursor()


def _place(request: SearchRequest) -> tuple[_Place | None, str]:
    """Return where a page of contained matches begins, and the cursor of one of ordinary matches."""
    if not request.cursor:
        return None, ""
    values = cursors.unpack(request.cursor)
    if not values or values[0] != _HERE:
        if request.contained != "both":
            raise unknown_page()
        return None, request.cursor
    if len(values) != 3 or not isinstance(values[1], bool) or not isinstance(values[2], str):
        raise unknown_page()
    return _Place(values[1], position_of(replace(request, cursor=values[2]))), ""
