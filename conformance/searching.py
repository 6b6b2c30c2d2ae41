"""Searches, as the checks make them.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import urllib.parse

from conformance import expect
from conformance.check import Skipped
from conformance.exchange import Response
from conformance.r4 import FORM
from conformance.samples import Resource
from conformance.target import Stored, Target

_MOST_PAGES = 30
_STRICT = {"Prefer": "handling=strict", "Cache-Control": "no-cache"}


def matched(found: Resource) -> list[str]:
    """Return the ids of the matches of a searchset."""
    return [str(entry["resource"].get("id")) for entry in expect.matches(found)]


def search(target: Target, query: str) -> Resource:
    """Return the searchset of a search for the subject type."""
    return expect.bundle(target.get(f"{target.type}?{query}"), "searchset")


def alike(target: Target, number: int) -> tuple[str, list[Stored]]:
    """Create resources with one identifier value; return criteria that a search finds them with."""
    value = target.samples.value()
    made = [target.create(identifier=[target.samples.identifier(value)]) for _ in range(number)]
    criteria = target.criteria(value)
    if len(target.found(target.type, criteria, number)) != number:
        expect.fail(f"a search by {criteria} does not find the {number} resources that have the identifier")
    return criteria, made


def encoded(query: str) -> str:
    """Return a query that is written as one reads it ("name=Ann Lee&date=ge2020"), escaped for a URL.

    A value cannot hold "&"; "%" and "+" stand for themselves.
    """
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(
        f"{urllib.parse.quote(name, safe=':')}={urllib.parse.quote(value, safe='')}" for name, _, value in pairs
    )


def asked(target: Target, path: str, query: str, *, promised: bool, post: bool = False) -> Resource:
    """Search with strict handling and return the searchset.

    path      "Patient", "" for the whole system, "Patient/1/Observation" for a compartment
    query     as `encoded` takes it
    promised  the server claims all that the query uses: a refusal is a failure. Otherwise the check is skipped when
              the server refuses the query, or says by the self link that it did not use a part of it.
    post      by POST and _search

    Raises Failed, Skipped.
    """
    if post:
        place = f"{path}/_search" if path else "_search"
        response = target.send("POST", place, encoded(query).encode(), headers=_STRICT, content_type=FORM)
    else:
        response = target.get(f"{path}?{encoded(query)}", headers=_STRICT)
    if not promised and (400 <= response.status < 500 or response.status == 501):
        raise Skipped(f"the server does not offer this search: {response}")
    found = expect.bundle(response, "searchset")
    if not promised and (unused := _names(query) - used(found)):
        raise Skipped(f"the self link says that {', '.join(sorted(unused))} was not used: {response}")
    return found


def refusable(target: Target, path: str, query: str) -> Response:
    """Send a search with strict handling and return the answer, whatever it is."""
    return target.get(f"{path}?{encoded(query)}", headers=_STRICT)


def used(found: Resource) -> set[str]:
    """Return the names of the parameters that the self link of a searchset holds."""
    return {name for name, _ in used_pairs(found)}


def used_pairs(found: Resource) -> list[tuple[str, str]]:
    """Return the parameters that the self link of a searchset holds."""
    url = expect.link(found, "self") or ""
    return urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True)


def pages(target: Target, found: Resource) -> list[Resource]:
    """Return a searchset and all that its next links lead to."""
    read = [found]
    while (url := expect.link(read[-1], "next")) is not None:
        if len(read) == _MOST_PAGES:
            expect.fail(f"after {_MOST_PAGES} pages there is still a next link")
        read.append(expect.bundle(target.get(url), "searchset"))
    return read


def included(found: Resource) -> list[Resource]:
    """Return the entries of a searchset whose mode is include."""
    return [entry for entry in expect.entries(found) if entry.get("search", {}).get("mode") == "include"]


def path_of(entry: Resource) -> str:
    """Return "Type/id" of the resource of an entry."""
    body = entry.get("resource") or {}
    return f"{body.get('resourceType')}/{body.get('id')}"


def _names(query: str) -> set[str]:
    return {part.partition("=")[0] for part in query.split("&") if part}
