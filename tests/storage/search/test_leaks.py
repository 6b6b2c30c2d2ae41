"""A caller whose rights are restricted finds what a store finds that holds nothing but what they may see.

https://hl7.org/fhir/R4/security.html#authorization

The matrix is every feature of search (`features`) times every kind of rights (ACCESSES), on both databases. For each
cell the same requests are made twice: by the restricted caller over the whole hospital, and by somebody unrestricted
over a store in which the hidden resources never existed. Rows, their order, includes, totals, pages in both directions
and errors have to be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.errors import FhirError
from fhir_server.storage import cursor as cursors
from fhir_server.storage.access import INTERACTIONS, Access, Grant, Interaction
from fhir_server.storage.custom import builder as building
from fhir_server.storage.model import SearchPage, SearchRequest, Version
from fhir_server.storage.repository import Store
from fhir_server.storage.search import included
from fhir_server.storage.search.include import includes_of
from fhir_server.storage.search.included import Included
from fhir_server.storage.search.run import names, reading
from fhir_server.storage.search.statement import Statement
from fhir_server.storage.session import Row
from fhir_server.storage.unit import WriteUnit
from tests.search.oracle import Oracle, Resource, name_of
from tests.storage.search.features import FEATURES, PENDING, Feature, features
from tests.storage.search.hospital import documents, later
from tests.stores import BASE_URL, EVERYONE, START, Clock, Templates, open_store, put

ANN, BOB = ("Patient", "ann"), ("Patient", "bob")
SEARCH: frozenset[Interaction] = frozenset({"search"})
MATCHING: frozenset[Interaction] = frozenset({"search", "read", "update", "delete"})  # criteria of a write
_CARE = ("Observation", "Encounter", "Condition", "List")


def _grants(
    kinds: Iterable[str], *compartments: tuple[str, str] | None, to: Iterable[Interaction] = SEARCH
) -> list[Grant]:
    return [Grant(kind, frozenset(to), each) for kind in kinds for each in compartments]


ACCESSES: dict[str, Access] = {
    "nothing": Access.nothing(),
    "a compartment": Access.restricted(_grants("*", ANN, to=INTERACTIONS)),
    "a compartment of nobody": Access.restricted(_grants("*", ("Patient", "nobody"), to=INTERACTIONS)),
    "some types of a compartment": Access.restricted(_grants(("Patient", "Observation", "Provenance"), ANN)),
    "observations everywhere, patients nowhere": Access.restricted(
        _grants(("Observation", "Practitioner", "ValueSet", "Location"), None)
    ),
    "patients everywhere, observations nowhere": Access.restricted(
        _grants(("Patient", "Encounter", "Condition", "Organization", "Group", "CodeSystem"), None)
    ),
    "two compartments": Access.restricted(
        [*_grants(_CARE, ANN, ("Encounter", "bob")), *_grants(("Patient",), BOB), *_grants(("Organization",), None)]
    ),
    "a practitioner's compartment": Access.restricted(_grants("*", ("Practitioner", "ann"))),
    "a compartment and what everybody shares": Access.restricted(
        [*_grants("*", ANN), *_grants(("Practitioner", "Organization", "Location", "CodeSystem"), None)]
    ),
    "search without read": Access.restricted(
        [*_grants(_CARE, BOB, to=("search",)), *_grants(("Patient",), ANN, to=("read", "update"))]
    ),
    "read without search": Access.restricted(_grants("*", ANN, to=("read", "update"))),
}  # fmt: skip
DIALECTS = ("sqlite", "postgresql")
UNORDERED = frozenset({"sort by reference"})
"""What is compared without its order: references sort by the database's numbers of their targets, hidden ones too."""
NICK = {
    "resourceType": "SearchParameter", "id": "nick", "url": "http://clinic.example/nick", "name": "nick",
    "status": "active", "description": "A parameter of our own", "code": "nick", "base": ["Patient"], "type": "string",
    "expression": "Patient.name.given",
}  # fmt: skip


class Hospital:
    """A store with some of the documents, and a search parameter of its own."""

    def __init__(self, templates: Templates, dialect: str, folder: Path) -> None:
        self._templates = templates
        self._url = templates.copy(dialect, folder)
        self.clock = Clock()
        self.store = open_store(self._url, clock=self.clock, referential_integrity="relaxed")

    def fill(self, seen: frozenset[str] | None = None) -> Hospital:
        """Store the documents that are named, None for all; the words of their later versions are not indexed yet."""
        for batch in (documents(), later()):
            while self.store.index_words():
                pass
            put(self.store, *(each for each in batch if seen is None or name_of(each) in seen))
            self.clock.advance(seconds=60)
        put(self.store, NICK)
        self.store.builder().run()
        return self

    def close(self) -> None:
        """Give the database back."""
        self.store.database.close()
        self._templates.drop(self._url)


@pytest.fixture(scope="module", autouse=True)
def _small_pages_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "_GRACE", 0.0)
        patch.setattr(included, "AT_ONCE", 2)  # so that what is included takes several pages
        yield


@pytest.fixture(scope="module", params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture(scope="module")
def whole(dialect: str, templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store of the whole hospital."""
    made = Hospital(templates, dialect, tmp_path_factory.mktemp("whole"))
    yield made.fill().store
    made.close()


def visible(access: Access, interactions: frozenset[Interaction]) -> frozenset[str]:
    """Return "Type/id" of what a caller may see, by the naive model of compartments."""
    oracle = Oracle(documents(), load(), BASE_URL, START)
    found: set[str] = set()
    for grant in access.grants:
        if not interactions.isdisjoint(grant.interactions):
            of = oracle.resources if grant.compartment is None else _inside(oracle, grant.compartment)
            found |= {name_of(each) for each in of if grant.type in ("*", each["resourceType"])}
    return frozenset(found)


def _inside(oracle: Oracle, compartment: tuple[str, str]) -> list[Resource]:
    return oracle.compartment(*compartment) if "/".join(compartment) in oracle.by_name else []


Search = Callable[[SearchRequest], SearchPage]
Way = Callable[[Store, Store, Access, frozenset[str], Feature], str]


def told(search: Search, feature: Feature) -> list[Any]:
    """Return all that a caller is told by the pages of a search: at once, then by twos to the end and back."""
    try:
        pages = [search(feature.request)]
        request = replace(feature.request, count=2)
        if len(pages[0].rows) + len(pages[0].contained) > 2 or pages[0].next_cursor:
            page = search(request)
            pages.append(page)
            while page.next_cursor:
                page = search(replace(request, cursor=page.next_cursor))
                pages.append(page)
            request = replace(request, total=False)
            while page.previous_cursor:
                page = search(replace(request, cursor=page.previous_cursor))
                pages.append(page)
        pages.append(search(replace(feature.request, count=0)))
    except FhirError as error:
        return [type(error).__name__, error.diagnostics, [issue.diagnostics for issue in error.all_issues()]]
    if feature.group in UNORDERED:
        return [(sorted({_shown(row) for page in pages for row in page.rows}), [], pages[0].total, len(pages))]
    return [_told(page) for page in pages]


def _told(page: SearchPage) -> tuple[Any, ...]:
    rows, added = [_shown(row) for row in page.rows], [_shown(row) for row in page.included]
    rows += [(*_shown(each.container), each.id, each.content) for each in page.contained]
    return rows, added, page.total, [_position(text) for text in (page.next_cursor, page.previous_cursor)]


def _shown(row: Version) -> tuple[Any, ...]:
    return f"{row.type}/{row.id}", row.version, row.last_updated, row.content


def _position(cursor: str) -> Any:
    """Return what a cursor says but for the keys of the database."""
    if not cursor:
        return None
    found = cursors.unpack(cursor)
    if len(found) == 3:  # among contained resources
        return *found[:2], _position(found[2])
    backward, phase, values, order, includes = found
    return backward, phase, values[:-1], order, includes >= 0


def names_in(pages: list[Any]) -> set[str]:
    """Return "Type/id" of all that pages show."""
    return {row[0] for page in pages if isinstance(page, tuple) for part in page[:2] for row in part}


def strangers(type_: str | None) -> Access:
    """Return the rights of somebody who sees everything but the search parameter, which every store needs."""
    if type_ is not None:
        return EVERYONE
    return Access.restricted(_grants((each for each in load().resource_types if each != "SearchParameter"), None))


@pytest.mark.parametrize("caller", ACCESSES)
def test_what_is_hidden_might_as_well_not_exist(
    whole: Store, dialect: str, caller: str, templates: Templates, tmp_path: Path
) -> None:
    access = ACCESSES[caller]
    ways: dict[frozenset[str], list[Way]] = {}
    for interactions, way in ((SEARCH, _searched), (MATCHING, _matched)):
        ways.setdefault(visible(access, interactions), []).append(way)
    for seen, ask in ways.items():
        rest = Hospital(templates, dialect, tmp_path)
        try:
            store = rest.fill(seen).store
            wrong = [
                found for feature in features() for way in ask if (found := way(whole, store, access, seen, feature))
            ]
        finally:
            rest.close()
        assert not wrong, "\n".join(wrong)


def _searched(whole: Store, rest: Store, access: Access, seen: frozenset[str], feature: Feature) -> str:
    """Return how a search over the whole differs from one over what is visible, "" where it does not."""
    got = told(lambda request: whole.search(access, request), feature)
    expected = told(lambda request: rest.search(strangers(request.type), request), feature)
    if not names_in(got) <= seen:
        return f"{feature.url} shows {names_in(got) - seen}"
    return "" if got == expected else f"{feature.url} tells {_short(got)}, not {_short(expected)}"


def _matched(whole: Store, rest: Store, access: Access, seen: frozenset[str], feature: Feature) -> str:
    """Return the same for criteria of a write."""
    kind, parameters = feature.request.type, feature.request.parameters
    request = feature.request
    if kind is None or request.compartment or request.includes or request.sort or request.contained != "false":
        return ""

    def ask(unit: WriteUnit) -> list[Any]:
        try:
            return [_shown(row) for row in unit.match(kind, parameters, limit=50)]
        except FhirError as error:
            return [type(error).__name__, error.diagnostics]

    got, expected = whole.write(access, ask), rest.write(EVERYONE, ask)
    return "" if got == expected else f"criteria {feature.url} match {_short(got)}, not {_short(expected)}"


def _short(pages: list[Any]) -> Any:
    return [
        ([row[0] for row in page[0]], [row[0] for row in page[1]], *page[2:])
        if isinstance(page, tuple) and isinstance(page[0], list)
        else page[0]
        if isinstance(page, tuple)
        else page
        for page in pages
    ]


def test_what_goes_out_of_reach_while_it_is_included_stays_hidden(store: Store) -> None:
    def of(patient: str) -> Resource:
        return {"resourceType": "Observation", "id": "o", "subject": {"reference": f"Patient/{patient}"}}

    put(store, *({"resourceType": "Patient", "id": each} for each in ("ann", "bob")), of("ann"))
    parts, access = store._parts, ACCESSES["a compartment"]
    includes = includes_of(names(parts, access), "Patient", [("_revinclude", "Observation:subject")])
    read, asked = reading(parts), list[str]()

    def fetch(made: Statement, values: dict[str, Any]) -> list[Row]:
        if asked:  # its key is known already
            put(store, of("bob"))
        asked.append(made.sql)
        return read(made, values)

    page = store.search(access, SearchRequest("Patient"))
    assert [row.id for row in page.rows] == ["ann"]
    found, _ = Included(parts, access, includes, ("search",), fetch).of(page.rows, -1)
    assert found == []
    assert len(asked) == 2


def test_every_feature_is_there(whole: Store) -> None:
    missing = {feature.group for feature in features() if whole.unsupported(feature.request)}
    assert missing == PENDING, "FEATURES and PENDING say what is there"


def test_the_features_find_something_on_either_side(whole: Store) -> None:
    """A matrix over requests that find nothing would prove nothing."""
    for group in FEATURES.keys() - PENDING:
        found = {
            name
            for feature in features()
            if feature.group == group
            for name in names_in(told(lambda request: whole.search(EVERYONE, request), feature))
        }
        assert {"ann", "bob"} <= {name.partition("/")[2].partition("-")[0] for name in found}, group


def test_callers_see_different_parts_of_the_hospital() -> None:
    sizes = {name: len(visible(access, SEARCH)) for name, access in ACCESSES.items()}
    assert sizes["nothing"] == sizes["a compartment of nobody"] == sizes["read without search"] == 0
    assert 0 < sizes["some types of a compartment"] < sizes["a compartment"] < len(documents()) - 10
    assert visible(ACCESSES["a compartment"], SEARCH) >= {"Patient/ann", "Patient/twin", "Observation/across"}
    assert not visible(ACCESSES["a compartment"], SEARCH) & {"Patient/bob", "Observation/bob-1", "Organization/ann"}
