"""Search, as far as the RESTful API asks for it, and the parameters that the server claims.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.r4 import FORM
from conformance.searching import alike, matched, search
from conformance.target import Target

_LONGEST = 60.0  # seconds for trying every claimed parameter


_BOOLEANS = {  # token parameters over a boolean
    "Group": ("actual", "exclude"),
    "HealthcareService": ("active",),
    "ImplementationGuide": ("experimental",),
    "OperationDefinition": ("instance", "system", "type"),
    "Organization": ("active",),
    "OrganizationAffiliation": ("active",),
    "Patient": ("active", "deceased"),
    "Practitioner": ("active",),
    "PractitionerRole": ("active",),
    "RelatedPerson": ("active",),
    "Schedule": ("active",),
    "StructureDefinition": ("abstract", "experimental"),
}
_PLAUSIBLE = {
    "token": "x",
    "string": "x",
    "reference": "Patient/conformance-no-such-id",
    "date": "1901-02-03",
    "number": "1",
    "quantity": "1",
    "uri": "http://example.org/x",
}


def _searchset(target: Target) -> None:
    criteria, (made,) = alike(target, 1)
    found = search(target, criteria)
    if matched(found) != [made.id]:
        expect.fail(f"the search finds {matched(found)}, expected {made.id}")
    for entry in expect.entries(found):
        url = entry.get("fullUrl")
        if url is None:
            target.note("an entry has no fullUrl")
        elif not str(url).endswith(f"/{made.path}") or not str(url).startswith(("http://", "https://")):
            expect.fail(f"fullUrl is {url!r}, which is not the absolute URL of {made.path}")
        if entry.get("search", {}).get("mode") != "match":
            target.note("an entry does not say that it is a match")


def _nothing(target: Target) -> None:
    found = search(target, target.criteria(target.samples.value()))
    if expect.matches(found) or found.get("total") not in (None, 0):
        expect.fail(f"a search that matches nothing has total {found.get('total')!r} and {len(matched(found))} matches")


def _by_id(target: Target) -> None:
    stored = target.sample()
    if stored.type != target.type:
        raise Skipped(f"there is no {target.type} to search for")
    if (ids := matched(search(target, f"_id={stored.id}"))) != [stored.id]:
        expect.fail(f"_id={stored.id} finds {ids}")
    if ids := matched(search(target, "_id=conformance-no-such-id")):
        expect.fail(f"_id of an unknown resource finds {ids}")


def _combined(target: Target) -> None:
    one, two = target.create(), target.create()
    if sorted(matched(search(target, f"_id={one.id},{two.id}"))) != sorted([one.id, two.id]):
        expect.fail("_id=a,b does not find both a and b")
    if ids := matched(search(target, f"_id={one.id}&_id={two.id}")):
        expect.fail(f"_id=a&_id=b finds {ids}; repeated parameters are joined with AND")


def _token(target: Target) -> None:
    stored = target.create()
    value = target.value_of(stored)
    system = urllib.parse.quote(target.run.system, safe="")
    target.found(target.type, target.criteria(value), 1)
    wanted = {
        f"identifier={value}": [stored.id],
        f"identifier={system}%7C{value}": [stored.id],
        f"identifier=urn:uuid:none%7C{value}": [],
        f"identifier=%7C{value}": [],
    }
    for query, expected in wanted.items():
        if (ids := matched(search(target, query))) != expected:
            expect.fail(f"{query} finds {ids}, expected {expected}")


def _escaped(target: Target) -> None:
    value = f"{target.samples.value()},x|y$z"
    stored = target.create(identifier=[target.samples.identifier(value)])
    text = value.replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")
    criteria = "identifier=" + urllib.parse.quote(f"{target.run.system}|{text}", safe="")
    if [one.get("id") for one in target.found(target.type, criteria, 1)] != [stored.id]:
        expect.fail(f"a value with escaped separators is not found by {criteria}")


def _post(target: Target) -> None:
    target.create()
    criteria, (made,) = alike(target, 1)
    response = target.send("POST", f"{target.type}/_search", criteria.encode(), content_type=FORM)
    if (ids := matched(expect.bundle(response, "searchset"))) != [made.id]:
        expect.fail(f"POST _search finds {ids}, GET finds {made.id}")
    form = f"{FORM}; charset=UTF-8"
    expect.bundle(target.send("POST", f"{target.type}/_search", criteria.encode(), content_type=form), "searchset")


def _post_both(target: Target) -> None:
    criteria, (made, _) = alike(target, 2)
    for url, form in ((f"_id={made.id}", criteria), (criteria, f"_id={made.id}")):
        response = target.send("POST", f"{target.type}/_search?{url}", form.encode(), content_type=FORM)
        if (ids := matched(expect.bundle(response, "searchset"))) != [made.id]:
            expect.fail(f"parameters in both URL and body find {ids}, expected only {made.id}")


def _slash(target: Target) -> None:
    expect.bundle(target.get(f"{target.type}/?_count=1"), "searchset")


def _last_updated(target: Target) -> None:
    criteria, _ = alike(target, 1)
    if len(matched(search(target, f"{criteria}&_lastUpdated=gt2000-01-01"))) != 1:
        expect.fail("_lastUpdated=gt2000-01-01 does not find a resource made just now")
    if matched(search(target, f"{criteria}&_lastUpdated=lt2000-01-01")):
        expect.fail("_lastUpdated=lt2000-01-01 finds a resource made just now")


def _tag(target: Target) -> None:
    criteria, (made,) = alike(target, 1)
    tag = urllib.parse.quote(f"{target.run.system}|conformance", safe="")
    if matched(search(target, f"{criteria}&_tag={tag}")) != [made.id]:
        expect.fail("_tag does not find a resource by its tag")
    if matched(search(target, f"{criteria}&_tag=no-such-tag")):
        expect.fail("_tag=no-such-tag finds a resource that has not that tag")


def _head(target: Target) -> None:
    response = target.send("HEAD", f"{target.type}?_count=1")
    expect.status(response, 200, 405, 501)
    if response.body:
        expect.fail(f"{response} with a body")


def _system(target: Target) -> None:
    stored = target.create()
    found = expect.bundle(target.get(f"?_id={stored.id}"), "searchset")
    if (stored.type, stored.id) not in [
        (m["resource"].get("resourceType"), m["resource"].get("id")) for m in expect.matches(found)
    ]:
        expect.fail(f"a search of the whole system by _id does not find {stored.path}")


def _after_update(target: Target) -> None:
    criteria, (made,) = alike(target, 1)
    other = target.samples.identifier()
    target.update(made, identifier=[other])
    if target.found(target.type, criteria, 0):
        expect.fail("a search still finds the resource by an identifier that it no longer has")
    if len(target.found(target.type, target.criteria(other["value"]), 1)) != 1:
        expect.fail("a search does not find the resource by its new identifier")


def _characters(target: Target) -> None:
    value = f"{target.samples.value()} \u00e9\u00df \u5c71 +&="
    stored = target.create(identifier=[target.samples.identifier(value)])
    if [one.get("id") for one in target.found(target.type, target.criteria(value), 1)] != [stored.id]:
        expect.fail("a value with spaces, letters beyond ASCII and +&= is not found")


def _unknown_modifier(target: Target) -> None:
    response = target.get(f"{target.type}?identifier:no-such-modifier=x")
    expect.refused(response)
    expect.outcome(response)


def _repeated(target: Target) -> None:
    both = [target.samples.identifier(), target.samples.identifier()]
    stored = target.create(identifier=both)
    other = target.create(identifier=[both[0]])
    one, two = (target.criteria(identifier["value"]) for identifier in both)
    if sorted(found["id"] for found in target.found(target.type, one, 2)) != sorted([stored.id, other.id]):
        expect.fail(f"a search by {one} does not find both resources that have the identifier")
    if (ids := matched(search(target, f"{one}&{two}"))) != [stored.id]:
        expect.fail(f"two identifiers joined with AND find {ids}, expected {stored.id}")


def _claimed(target: Target) -> None:
    stop = time.monotonic() + _LONGEST
    tried = 0
    broken: list[str] = []
    for query in _claimed_searches(target):
        if time.monotonic() > stop and not broken:
            raise Skipped(f"after {_LONGEST:.0f} s {tried} claimed parameters had been tried; all answered")
        answer = target.get(query)
        tried += 1
        if answer.status not in (200, 401, 403):
            broken.append(f"{answer}, expected 200")
    if not tried:
        raise Skipped("the server claims no search parameter")
    if broken:
        expect.fail("; ".join(broken[:10]) + (f"; and {len(broken) - 10} more" if len(broken) > 10 else ""))


def _claimed_searches(target: Target) -> Iterator[str]:
    """Yield a search by each claimed parameter that a value can be made up for, the usual types first."""
    for name in dict.fromkeys((target.type, "Observation", "Encounter", *target.claims.resources)):
        if "search-type" not in target.claims.of(name).interactions:
            continue
        for parameter, kind in {**target.claims.search_params, **target.claims.of(name).search_params}.items():
            if kind in _PLAUSIBLE and (not parameter.startswith("_") or parameter in ("_id", "_lastUpdated", "_tag")):
                value = "true" if parameter in _BOOLEANS.get(name, ()) else _PLAUSIBLE[kind]
                yield f"{name}?{parameter}={urllib.parse.quote(value)}&_count=1"


_SEARCH = need.interactions("search-type")
_CREATE = need.interactions("create", "read", "search-type")
_IDENTIFIER = (_CREATE, need.search_param("identifier"))

GROUP = Group(
    "search",
    "search",
    (
        Check(
            "search-searchset",
            "A search returns 200 and a searchset with the matches",
            "http.html#search",
            Level.SHALL,
            _searchset,
            _IDENTIFIER,
        ),
        Check(
            "search-nothing",
            "A search that matches nothing returns 200 and an empty searchset",
            "http.html#search",
            Level.SHALL,
            _nothing,
            (_SEARCH, need.search_param("identifier")),
        ),
        Check(
            "search-id",
            "_id finds the resource with that id, and no other",
            "search.html#id",
            Level.SHALL,
            _by_id,
            (_SEARCH, need.interactions("read")),
        ),
        Check(
            "search-and-or",
            "A comma joins values with OR, repeating a parameter joins them with AND",
            "search.html#combining",
            Level.SHALL,
            _combined,
            (_CREATE,),
        ),
        Check(
            "search-token",
            "A token is matched with and without its system",
            "search.html#token",
            Level.SHALL,
            _token,
            _IDENTIFIER,
        ),
        Check(
            "search-escaped",
            "Separators in a value can be escaped",
            "search.html#escaping",
            Level.SHALL,
            _escaped,
            _IDENTIFIER,
        ),
        Check(
            "search-post",
            "POST [type]/_search finds the same as GET",
            "http.html#search",
            Level.SHALL,
            _post,
            _IDENTIFIER,
        ),
        Check(
            "search-post-both",
            "Parameters of POST _search may stand in the URL and in the body",
            "http.html#search",
            Level.SHALL,
            _post_both,
            _IDENTIFIER,
        ),
        Check(
            "search-trailing-slash",
            "A search at [base]/[type]/ is served as one at [base]/[type]",
            "http.html#root",
            Level.SHALL,
            _slash,
            (_SEARCH,),
        ),
        Check(
            "search-last-updated",
            "_lastUpdated finds by the time of the last change",
            "search.html#lastUpdated",
            Level.SHALL,
            _last_updated,
            (*_IDENTIFIER, need.search_param("_lastUpdated")),
        ),
        Check(
            "search-tag",
            "_tag finds by tag",
            "search.html#tag",
            Level.SHALL,
            _tag,
            (*_IDENTIFIER, need.search_param("_tag")),
        ),
        Check(
            "search-head",
            "HEAD of a search is answered without a body, or with 405 or 501",
            "http.html#head",
            Level.SHALL,
            _head,
            (_SEARCH,),
        ),
        Check(
            "search-system",
            "A search of the whole system finds resources of any type",
            "http.html#search",
            Level.SHALL,
            _system,
            (_CREATE, need.system("search-system")),
        ),
        Check(
            "search-after-update",
            "A search finds a resource by what it holds now",
            "http.html#search",
            Level.SHALL,
            _after_update,
            (*_IDENTIFIER, need.interactions("update")),
        ),
        Check(
            "search-claimed",
            "Every search parameter that is claimed can be used",
            "capabilitystatement-definitions.html#CapabilityStatement.rest.resource.searchParam",
            Level.SHALL,
            _claimed,
            (_SEARCH,),
        ),
        Check(
            "search-characters",
            "A value may hold spaces, letters of any script and reserved characters",
            "http.html#root",
            Level.SHALL,
            _characters,
            _IDENTIFIER,
        ),
        Check(
            "search-unknown-modifier",
            "A modifier that is none is refused",
            "search.html#modifiers",
            Level.SHALL,
            _unknown_modifier,
            (_SEARCH, need.search_param("identifier")),
        ),
        Check(
            "search-repeated",
            "A repeated parameter may be met by different repetitions of an element",
            "search.html#combining",
            Level.SHALL,
            _repeated,
            _IDENTIFIER,
        ),
    ),
)
