"""Asks a store and the oracle the same searches, and makes the smallest example of what they disagree on.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import itertools
import pprint
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fhir_server.definitions import load
from fhir_server.errors import FhirError
from fhir_server.formats.json import decode
from fhir_server.storage.access import INTERACTIONS, Access, Grant
from fhir_server.storage.model import SearchPage, SearchRequest, Version, Write
from fhir_server.storage.repository import Store
from tests.search.oracle import Oracle, Resource, name_of
from tests.search.queries import Search
from tests.stores import BASE_URL, EVERYONE, Clock

_ALL = 1000  # more than a set holds
_LONGEST = 500  # characters of an error
_STEPS = 400  # tries to make an example smaller


@dataclass(frozen=True)
class Disagreement:
    """A search over `resources` on which the store and the oracle differ, and how."""

    resources: tuple[Resource, ...]
    search: Search
    difference: str

    def __str__(self) -> str:
        search = {name: value for name, value in vars(self.search).items() if value and name != "features"}
        shown = pprint.pformat(list(self.resources), width=110, sort_dicts=False)
        return f"{self.difference}\n  search {search}\n  over {shown}"


class Court:
    """One store, filled with one set of resources after the other."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.oracle = Oracle((), load(), BASE_URL, clock.now)
        self._moments: list[str] = []
        self.telling = 0  # searches that some of the resources matched, and not all of their type

    def fill(self, resources: Sequence[Resource]) -> None:
        """Let the store hold `resources` and nothing else; they are written at two moments, "@0" and "@1"."""
        names = {name_of(each) for each in resources}
        old = [name.split("/") for name in self.oracle.by_name if name not in names]
        deletes = [Write("delete", type_, id_, None) for type_, id_ in old]
        updates = [Write("update", each["resourceType"], each["id"], each) for each in resources]
        half, stored = len(updates) // 2, list[Version]()
        self._moments = []
        for batch in (deletes + updates[:half], updates[half:]):
            self._moments.append(f"{self.clock.advance(seconds=1):%Y-%m-%dT%H:%M:%SZ}")
            stored += self.store.write(EVERYONE, lambda unit, batch=batch: unit.persist(batch))  # type: ignore[misc]
        self._moments.append(f"{self.clock.advance(seconds=1):%Y-%m-%dT%H:%M:%SZ}")
        stored.sort(key=lambda version: version.key)
        kept = [decode(version.content.encode()) for version in stored if not version.deleted]
        self.oracle = Oracle(kept, load(), BASE_URL, self.clock.now)

    def differences(self, searches: Iterable[Search]) -> list[Disagreement]:
        """Return what store and oracle disagree on over the resources that are in the store."""
        resources = tuple(self.oracle.resources)
        found = ((search, self.difference(search)) for search in searches)
        return [Disagreement(resources, search, difference) for search, difference in found if difference]

    def difference(self, search: Search) -> str:
        """Return how store and oracle differ on a search, "" when they agree."""
        oracle = self.seen(search.reader)
        expected = [name_of(each) for each in self.matches(oracle, search)]
        self.telling += (
            0 < len(expected) < len([each for each in oracle.resources if search.type in (None, each["resourceType"])])
        )
        request = self._request(search)
        try:
            page, added = self._complete(_access(search), request)
        except FhirError as error:
            return f"refused: {error.diagnostics}"
        except Exception as error:  # noqa: BLE001 - whatever it is, no specification knows it
            return f"broke: {type(error).__name__}: {error}"[:_LONGEST]
        found = [f"{row.type}/{row.id}" for row in page.rows]
        if sorted(found) != sorted(expected):
            more, less = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
            return f"the store finds {more} too much and misses {less}; it finds {found}"
        if page.total != len(expected):
            return f"the total is {page.total}, not {len(expected)}"
        wanted = [name_of(each) for each in oracle.included([oracle.by_name[name] for name in found], search.include)]
        if sorted(added) != sorted(wanted):
            return f"to {found} the store adds {sorted(added)}, not {sorted(wanted)}"
        if not oracle.in_order([oracle.by_name[name] for name in found], search.sort):
            return f"the order is not that of {search.sort}: {found}"
        return ""

    def matches(self, oracle: Oracle, search: Search) -> list[Resource]:
        """Return what should be found by who sees what `oracle` holds."""
        inside = oracle.resources if search.compartment is None else oracle.compartment(*search.compartment)
        return [each for each in oracle.matches(search.type, self.dated(search)) if each in inside]

    def _request(self, search: Search) -> SearchRequest:
        return SearchRequest(
            search.type,
            self.dated(search),
            _ALL,
            total=True,
            sort=search.sort,
            includes=search.include,
            compartment=search.compartment,
        )

    def _complete(self, access: Access, request: SearchRequest) -> tuple[SearchPage, list[str]]:
        """Return the one page of a search and the names of all that is included, which can take pages of its own."""
        page = first = self.store.search(access, request)
        added = list(page.included)
        while page.next_cursor:
            page = self.store.search(access, replace(request, cursor=page.next_cursor))
            added += page.included
        return first, [f"{each.type}/{each.id}" for each in added]

    def seen(self, reader: tuple[str, str] | None) -> Oracle:
        """Return the oracle over what a reader sees."""
        if reader is None:
            return self.oracle
        return Oracle(self.oracle.compartment(*reader), load(), BASE_URL, self.clock.now)

    def pages(self, search: Search, count: int) -> str:
        """Return how the pages of a search, joined, differ from the search at once, "" when they do not.

        They are read forwards, then backwards by the links to the page before.
        """
        access, request = _access(search), replace(self._request(search), includes=())
        whole = [row.key for row in self.store.search(access, request).rows]
        pages = [self.store.search(access, replace(request, count=count))]
        while pages[-1].next_cursor and len(pages) < _ALL:
            pages.append(self.store.search(access, replace(request, count=count, cursor=pages[-1].next_cursor)))
        joined = [row.key for page in pages for row in page.rows]
        if joined != whole:
            return f"pages of {count} give {joined}, at once it is {whole}"
        for before, page in itertools.pairwise(pages):
            back = self.store.search(access, replace(request, count=count, cursor=page.previous_cursor))
            if [row.key for row in back.rows] != [row.key for row in before.rows]:
                return f"the page before {[row.key for row in page.rows]} is {[row.key for row in back.rows]}"
        return ""

    def dated(self, search: Search) -> tuple[tuple[str, str], ...]:
        """Return the parameters of a search with moments for \"@0\", \"@1\", \"@2\"."""
        moments = {f"@{number}": moment for number, moment in enumerate(self._moments)}
        return tuple((name, _replaced(text, moments)) for name, text in search.parameters)

    def smallest(self, found: Disagreement) -> Disagreement:
        """Return a disagreement on the same search, over as little as possible."""
        steps = 0

        def differs(resources: Sequence[Resource], search: Search) -> str:
            nonlocal steps
            steps += 1
            self.fill(resources)
            return self.difference(search) if steps < _STEPS else ""

        search = found.search
        for smaller in _simpler(search):
            if differs(found.resources, smaller):
                search = smaller
        resources = _fewer(list(found.resources), lambda kept: differs(kept, search))
        for index, resource in enumerate(resources):
            before, after = resources[:index], resources[index + 1 :]
            parts = [part for part in resource.items() if part[0] not in ("resourceType", "id")]
            core = {"resourceType": resource["resourceType"], "id": resource["id"]}
            whole = partial(_with, before, core, after)
            resources[index] = whole(_fewer(parts, partial(_asked, differs, whole, search)))[index]
        self.fill(resources)
        return Disagreement(tuple(resources), search, self.difference(search) or found.difference)


def _fewer(items: list[Any], differs: Callable[[list[Any]], str]) -> list[Any]:
    """Return as few of `items` as keep the difference."""
    for item in list(items):
        rest = [other for other in items if other is not item]
        if differs(rest):
            items = rest
    return items


def _asked(
    differs: Callable[[list[Resource], Search], str],
    whole: Callable[[list[Any]], list[Resource]],
    search: Search,
    parts: list[Any],
) -> str:
    return differs(whole(parts), search)


def _with(before: list[Resource], core: Resource, after: list[Resource], parts: list[Any]) -> list[Resource]:
    return [*before, core | dict(parts), *after]


def _simpler(search: Search) -> Iterable[Search]:
    if search.include:
        yield replace(search, include=())
    if search.sort:
        yield replace(search, sort=())
    if search.compartment:
        yield replace(search, compartment=None)
    if search.reader:
        yield replace(search, reader=None)
    if len(search.parameters) > 1:
        yield from (replace(search, parameters=(each,)) for each in search.parameters)


def _access(search: Search) -> Access:
    return Access.restricted([Grant("*", INTERACTIONS, search.reader)]) if search.reader else EVERYONE


def _replaced(text: str, moments: dict[str, str]) -> str:
    for mark, moment in moments.items():
        text = text.replace(mark, moment)
    return text
