"""_include and _revinclude, iterated or not, and how included resources are told from matches.

https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from conformance import expect, graph
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.samples import Resource
from conformance.searching import included, pages, path_of
from conformance.shelf import Shelf
from conformance.target import Target


def _promised(target: Target, resource_type: str, name: str, value: str) -> bool:
    """Whether the server claims an include of a search for that type."""
    return target.claims.of(resource_type).promises(name, value)


def _included(target: Target, shelf: Shelf, query: str, *, promised: bool = False) -> set[str]:
    """Return "Type/id" of what a search includes, on all its pages."""
    found = pages(target, shelf.ask(target, query, promised=promised))
    return {path_of(entry) for page in found for entry in included(page)}


def _expect(target: Target, shelf: Shelf, query: str, wanted: set[str], *, promised: bool = False) -> None:
    found = _included(target, shelf, query, promised=promised)
    if found != wanted:
        more, less = ", ".join(sorted(found - wanted)), ", ".join(sorted(wanted - found))
        expect.fail(
            f"{shelf.type}?{query} includes too much: {more or 'nothing'}; does not include: {less or 'nothing'}"
        )


def _forwards(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    promised = _promised(target, "Observation", "_include", "Observation:subject")
    _expect(
        target,
        facts,
        "_include=Observation:subject",
        {people.path("ann"), people.path("bob")},
        promised=promised,
    )
    _expect(
        target, facts, f"_id={facts.id('b1')}&_include=Observation:subject", {people.path("bob")}, promised=promised
    )


def _several(target: Target) -> None:
    people, owners = graph.patients(target), graph.organizations(target)
    query = f"_id={people.id('ann')}&_include=Patient:organization&_include=Patient:general-practitioner"
    _expect(target, people, query, {owners.path("part"), owners.path("top")})


def _typed(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    _expect(target, facts, "_include=Observation:subject:Patient", {people.path("ann"), people.path("bob")})
    _expect(target, facts, "_include=Observation:subject:Device", set())


def _absent(target: Target) -> None:
    owners = graph.organizations(target)
    _expect(target, owners, f"_id={owners.id('top')}&_include=Organization:partof", set())


def _not_iterated(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    query = f"_id={facts.id('b1')}&_include=Observation:subject&_include=Patient:organization"
    _expect(target, facts, query, {people.path("bob")})


def _iterated(target: Target) -> None:
    people, facts, owners = graph.patients(target), graph.observations(target), graph.organizations(target)
    query = f"_id={facts.id('b1')}&_include=Observation:subject&_include:iterate=Patient:organization"
    _expect(target, facts, query, {people.path("bob"), owners.path("top")})


def _circular(target: Target) -> None:
    owners = graph.organizations(target)
    leaf = f"_id={owners.id('leaf')}"
    _expect(target, owners, f"{leaf}&_include=Organization:partof", {owners.path("part")})
    _expect(target, owners, f"{leaf}&_include:iterate=Organization:partof", {owners.path("part"), owners.path("top")})


def _backwards(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    _expect(
        target,
        people,
        f"_id={people.id('ann')}&_revinclude=Observation:subject",
        {facts.path("a1"), facts.path("a2")},
        promised=_promised(target, "Patient", "_revinclude", "Observation:subject"),
    )
    _expect(target, people, f"_id={people.id('cid')}&_revinclude=Observation:subject", set())


def _backwards_iterated(target: Target) -> None:
    people, facts, owners = graph.patients(target), graph.observations(target), graph.organizations(target)
    query = f"_id={owners.id('top')}&_revinclude=Patient:organization"
    wanted = {people.path("bob")}
    _expect(target, owners, query, wanted)
    _expect(target, owners, f"{query}&_revinclude:iterate=Observation:subject", wanted | {facts.path("b1")})


def _wildcard(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    query = f"_id={facts.id('a2')}&_include=Observation:*"
    _expect(target, facts, query, {people.path("ann"), facts.path("a1")})


def _modes(target: Target) -> None:
    facts = graph.observations(target)
    found = facts.ask(target, "_include=Observation:subject", promised=False)
    for entry in expect.entries(found):
        kind, mode = entry.get("resource", {}).get("resourceType"), entry.get("search", {}).get("mode")
        wanted = {"Observation": "match", "Patient": "include", "OperationOutcome": "outcome"}.get(str(kind))
        if mode != wanted:
            expect.fail(f"{path_of(entry)} has the search mode {mode!r}, expected {wanted!r}")


def _once(target: Target) -> None:
    facts = graph.observations(target)
    found = facts.ask(target, "_include=Observation:subject&_include=Observation:has-member", promised=False)
    paths = [path_of(entry) for entry in expect.entries(found)]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        expect.fail(f"{', '.join(twice)} stands in the searchset more than once")
    modes = {path_of(entry): entry.get("search", {}).get("mode") for entry in expect.entries(found)}
    if facts.path("a1") in modes and modes[facts.path("a1")] != "match":
        expect.fail("a match that another match refers to is marked as included")


def _total(target: Target) -> None:
    found = graph.observations(target).ask(target, "_include=Observation:subject&_total=accurate", promised=False)
    total = found.get("total")
    if total is None:
        raise Skipped("the server gives no total")
    if total != 4:
        expect.fail(f"total is {total}, four resources match and two are included")


def _count(target: Target) -> None:
    facts = graph.observations(target)
    found = facts.ask(target, "_include=Observation:subject&_count=2", promised=False)
    if (number := len(expect.matches(found))) > 2:
        expect.fail(f"a page has {number} matches although _count is 2")


def _by_page(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    owner = {facts.path("a1"): "ann", facts.path("a2"): "ann", facts.path("b1"): "bob"}
    first = facts.ask(target, "_include=Observation:subject&_count=1", promised=False)
    for page in pages(target, first):
        here = {path_of(entry) for entry in included(page)}
        needed = {people.path(owner[path]) for path in map(path_of, expect.matches(page)) if path in owner}
        if not needed <= here:
            expect.fail("a page lacks a resource that its matches refer to")


def _pages_hold_all(target: Target) -> None:
    facts = graph.observations(target)
    names = facts.found(target, "_include=Observation:subject&_count=1", promised=False)
    if sorted(names) != ["a1", "a2", "b1", "free"]:
        expect.fail(f"the pages of a search with _include hold the matches {names}")


def _whole(target: Target) -> None:
    facts = graph.observations(target)
    query = f"_id={facts.id('b1')}&_include=Observation:subject&_elements=status,code"
    for entry in included(facts.ask(target, query, promised=False)):
        body: Resource = entry["resource"]
        if "name" not in body or "managingOrganization" not in body:
            expect.fail(f"_elements was applied to {path_of(entry)}, which is included")


def _unknown(target: Target) -> None:
    facts = graph.observations(target)
    for value in ("Observation:no-such-parameter", "Observation:code", "NoSuchType:subject"):
        response = target.get(
            f"Observation?_id={facts.id('b1')}&_include={value}", headers={"Prefer": "handling=strict"}
        )
        expect.refused(response)
        expect.outcome(response)


_ALL = (
    *need.searchable("Organization", "partof"),
    *need.searchable("Patient", "organization", "general-practitioner"),
    *need.searchable("Observation", "subject", "has-member"),
)

GROUP = Group(
    "search-include",
    "Included resources",
    (
        Check(
            "search-include",
            "_include adds the resources that matches refer to",
            "search.html#include",
            Level.SHALL,
            _forwards,
            _ALL,
        ),
        Check(
            "search-include-several",
            "_include may be repeated",
            "search.html#include",
            Level.SHALL,
            _several,
            _ALL,
        ),
        Check(
            "search-include-type",
            "_include may be limited to a type of target",
            "search.html#include",
            Level.SHALL,
            _typed,
            _ALL,
        ),
        Check(
            "search-include-absent",
            "_include of a reference that is not there adds nothing and is no error",
            "search.html#include",
            Level.SHALL,
            _absent,
            _ALL,
        ),
        Check(
            "search-include-once",
            "_include without :iterate is not applied to included resources",
            "search.html#include",
            Level.SHALL,
            _not_iterated,
            _ALL,
        ),
        Check(
            "search-include-iterate",
            "_include:iterate is applied to included resources",
            "search.html#include",
            Level.SHOULD,
            _iterated,
            _ALL,
        ),
        Check(
            "search-include-circular",
            "_include:iterate follows references between resources of one type",
            "search.html#include",
            Level.SHOULD,
            _circular,
            _ALL,
        ),
        Check(
            "search-revinclude",
            "_revinclude adds the resources that refer to matches",
            "search.html#revinclude",
            Level.SHALL,
            _backwards,
            _ALL,
        ),
        Check(
            "search-revinclude-iterate",
            "_revinclude:iterate adds what refers to included resources",
            "search.html#revinclude",
            Level.SHOULD,
            _backwards_iterated,
            _ALL,
        ),
        Check(
            "search-include-wildcard",
            "_include of * adds what any reference of the matches leads to",
            "search.html#include",
            Level.SHOULD,
            _wildcard,
            _ALL,
        ),
        Check(
            "search-include-modes",
            "Matches, included resources and outcomes are told apart by search.mode",
            "search.html#include",
            Level.SHALL,
            _modes,
            _ALL,
        ),
        Check(
            "search-include-unique",
            "A resource stands in a searchset once, as a match when it is one",
            "bundle.html#bdl-7",
            Level.SHALL,
            _once,
            _ALL,
        ),
        Check(
            "search-include-total",
            "A total does not count included resources",
            "search.html#count",
            Level.SHALL,
            _total,
            _ALL,
        ),
        Check(
            "search-include-count",
            "_count is about matches, whatever is included",
            "search.html#count",
            Level.SHALL,
            _count,
            _ALL,
        ),
        Check(
            "search-include-by-page",
            "Each page holds what its own matches refer to",
            "search.html#Paging",
            Level.SHOULD,
            _by_page,
            _ALL,
        ),
        Check(
            "search-include-paging",
            "The pages of a search with _include hold all matches, each once",
            "http.html#paging",
            Level.SHALL,
            _pages_hold_all,
            _ALL,
        ),
        Check(
            "search-include-elements",
            "_elements does not apply to included resources",
            "search.html#elements",
            Level.SHOULD,
            _whole,
            _ALL,
        ),
        Check(
            "search-include-unknown",
            "An _include that cannot be followed is refused with handling=strict",
            "search.html#errors",
            Level.SHOULD,
            _unknown,
            _ALL,
        ),
    ),
)
