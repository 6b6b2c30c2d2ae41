"""Searches, as the checks make them.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from conformance import expect
from conformance.samples import Resource
from conformance.target import Stored, Target


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
