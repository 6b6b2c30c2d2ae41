"""The Bundle of a search: what was used, how many match, its pages, and what is made of unknown parameters.

https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import urllib.parse

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.r4 import FORM
from conformance.samples import Resource
from conformance.searching import alike, matched, pages, search
from conformance.target import Target

_UNKNOWN = "conformance-no-such-parameter"


def _self_link(target: Target) -> None:
    criteria, _ = alike(target, 1)
    url = expect.link(search(target, criteria), "self") or expect.fail("the searchset has no self link")
    names = [name for name, _ in urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)]
    if "identifier" not in names:
        expect.fail(f"the self link {url} does not name the parameter identifier that was used")


def _total(target: Target) -> None:
    criteria, _ = alike(target, 3)
    total = search(target, f"{criteria}&_count=1").get("total")
    if total is None:
        raise Skipped("the server gives no total")
    if total != 3:
        expect.fail(f"total is {total}, three resources match")


def _count(target: Target) -> None:
    criteria, _ = alike(target, 3)
    if (number := len(matched(search(target, f"{criteria}&_count=2")))) > 2:
        expect.fail(f"a page has {number} matches although _count is 2")


def _paging(target: Target) -> None:
    criteria, made = alike(target, 5)
    seen = _pages(target, search(target, f"{criteria}&_count=2"))
    if sorted(seen) != sorted(one.id for one in made):
        expect.fail(f"following the next links gives {len(seen)} matches, {len(set(seen))} different; 5 match")


def _unknown_strict(target: Target) -> None:
    response = target.get(f"{target.type}?{_UNKNOWN}=x", headers={"Prefer": "handling=strict"})
    expect.refused(response)
    expect.outcome(response)


def _unknown_lenient(target: Target) -> None:
    criteria, (made,) = alike(target, 1)
    query = f"{criteria}&{_UNKNOWN}=x"
    found = expect.bundle(target.get(f"{target.type}?{query}", headers={"Prefer": "handling=lenient"}), "searchset")
    if matched(found) != [made.id]:
        expect.fail(f"with an unknown parameter to ignore the search finds {matched(found)}")


def _unknown_told(target: Target) -> None:
    criteria, _ = alike(target, 1)
    response = target.get(f"{target.type}?{criteria}&{_UNKNOWN}=x", headers={"Prefer": "handling=lenient"})
    if response.status != 200:
        raise Skipped(f"{response}, so the parameter was not ignored")
    url = expect.link(expect.bundle(response, "searchset"), "self") or ""
    if _UNKNOWN in url:
        expect.fail(f"the self link {url} names a parameter that was not used")


def _outcomes(target: Target) -> None:
    criteria, _ = alike(target, 1)
    response = target.get(f"{target.type}?{criteria}&{_UNKNOWN}=x", headers={"Prefer": "handling=lenient"})
    if response.status != 200:
        raise Skipped(f"{response}, so the parameter was not ignored")
    for entry in expect.entries(expect.json(response)):
        body = entry.get("resource", {})
        if body.get("resourceType") == "OperationOutcome":
            if entry.get("search", {}).get("mode") != "outcome":
                expect.fail("an OperationOutcome in the searchset is not marked with the mode outcome")
            if expect.has_errors(body):
                expect.fail("an OperationOutcome in the searchset holds an error")


def _bad_value(target: Target) -> None:
    response = target.get(f"{target.type}?_lastUpdated=not-a-date", headers={"Prefer": "handling=strict"})
    if response.status == 200:
        found = expect.bundle(response, "searchset")
        if "_lastUpdated" in (expect.link(found, "self") or ""):
            expect.fail("a value that is no date is said to have been used")
        return
    expect.refused(response)
    expect.outcome(response)


def _pages(target: Target, found: Resource) -> list[str]:
    """Return the ids of a searchset and of all pages after it."""
    return [id_ for page in pages(target, found) for id_ in matched(page)]


def _post_paging(target: Target) -> None:
    criteria, made = alike(target, 3)
    form = f"{criteria}&_count=2".encode()
    found = expect.bundle(target.send("POST", f"{target.type}/_search", form, content_type=FORM), "searchset")
    if "identifier" not in (expect.link(found, "self") or ""):
        expect.fail("the self link of a search by POST does not name the parameter that was used")
    if (seen := sorted(_pages(target, found))) != sorted(one.id for one in made):
        expect.fail(f"a search by POST and its next links by GET give {len(seen)} matches; 3 match")


def _paging_drift(target: Target) -> None:
    criteria, made = alike(target, 4)
    first = search(target, f"{criteria}&_count=2")
    target.create(identifier=[target.samples.identifier(target.value_of(made[0]))])
    seen = _pages(target, first)
    if twice := {id_ for id_ in seen if seen.count(id_) > 1}:
        expect.fail(f"{len(twice)} matches stand on two pages after another match was created in between")
    if missing := {one.id for one in made} - set(seen):
        expect.fail(f"{len(missing)} matches stand on no page after another match was created in between")


_SEARCH = need.interactions("search-type")
_CREATE = need.interactions("create", "read", "search-type")
_IDENTIFIER = (_CREATE, need.search_param("identifier"))

GROUP = Group(
    "searchset",
    "The Bundle of a search",
    (
        Check(
            "search-self-link",
            "The self link holds the parameters that were used",
            "search.html#conformance",
            Level.SHALL,
            _self_link,
            _IDENTIFIER,
        ),
        Check(
            "search-total",
            "A total is the number of all matches, not of those on the page",
            "bundle-definitions.html#Bundle.total",
            Level.SHALL,
            _total,
            _IDENTIFIER,
        ),
        Check(
            "search-count",
            "A page has no more matches than _count",
            "search.html#count",
            Level.SHALL,
            _count,
            _IDENTIFIER,
        ),
        Check(
            "search-paging",
            "The next links lead through all matches, each once",
            "http.html#paging",
            Level.SHALL,
            _paging,
            _IDENTIFIER,
        ),
        Check(
            "search-unknown-strict",
            "With handling=strict an unknown parameter is refused",
            "search.html#errors",
            Level.SHOULD,
            _unknown_strict,
            (_SEARCH,),
        ),
        Check(
            "search-unknown-lenient",
            "With handling=lenient an unknown parameter is ignored",
            "search.html#errors",
            Level.SHOULD,
            _unknown_lenient,
            _IDENTIFIER,
        ),
        Check(
            "search-unknown-told",
            "The self link does not hold a parameter that was ignored",
            "search.html#conformance",
            Level.SHALL,
            _unknown_told,
            _IDENTIFIER,
        ),
        Check(
            "search-outcome-mode",
            "An OperationOutcome in a searchset has the mode outcome and no errors",
            "http.html#search",
            Level.SHALL,
            _outcomes,
            _IDENTIFIER,
        ),
        Check(
            "search-bad-value",
            "A search with a value that is no date fails with an OperationOutcome, or does not use it",
            "http.html#search",
            Level.SHALL,
            _bad_value,
            (_SEARCH,),
        ),
        Check(
            "search-paging-post",
            "The pages of a search by POST are fetched by GET",
            "http.html#paging",
            Level.SHALL,
            _post_paging,
            _IDENTIFIER,
        ),
        Check(
            "search-paging-drift",
            "A match created between two pages neither repeats nor hides another",
            "http.html#paging",
            Level.SHOULD,
            _paging_drift,
            _IDENTIFIER,
        ),
    ),
)
