"""References between the entries of a transaction, and conditional references.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.bundles import absent, chain, entry, if_match, points, post, refused, urn
from conformance.check import Check, Group, Level
from conformance.samples import Resource, link
from conformance.target import Target


def _references(target: Target) -> None:
    name = urn()
    to, source = chain(
        target,
        entry("POST", target.type, target.samples.person(), name),
        entry("POST", target.type, target.samples.linked(name), urn()),
    )
    points(source, to)


def _references_forward(target: Target) -> None:
    name = urn()
    source, to = chain(
        target,
        entry("POST", target.type, target.samples.linked(name), urn()),
        entry("POST", target.type, target.samples.person(), name),
    )
    points(source, to)


def _references_circular(target: Target) -> None:
    one, two = urn(), urn()
    first, second = chain(
        target,
        entry("POST", target.type, target.samples.linked(two), one),
        entry("POST", target.type, target.samples.linked(one), two),
    )
    points(first, second)
    points(second, first)


def _references_url(target: Target) -> None:
    base = "http://source.example.org/fhir"
    to, absolute, relative = chain(
        target,
        entry("POST", target.type, target.samples.person(), f"{base}/{target.type}/a1"),
        entry("POST", target.type, target.samples.linked(f"{base}/{target.type}/a1"), f"{base}/{target.type}/a2"),
        entry("POST", target.type, target.samples.linked(f"{target.type}/a1"), f"{base}/{target.type}/a3"),
    )
    points(absolute, to)
    points(relative, to)


def _references_from_update(target: Target) -> None:
    stored = target.create()
    name = urn()
    source, to = chain(
        target,
        entry("PUT", stored.path, {**stored.resource, **link(target.type, name)}, **if_match(stored)),
        entry("POST", target.type, target.samples.person(), name),
    )
    points(source, to)


def _references_outside(target: Target) -> None:
    stored = target.create()
    (source,) = chain(target, entry("POST", target.type, target.samples.linked(stored.path), urn()))
    points(source, stored)


def _no_urn_left(target: Target, name: str, body: Resource) -> None:
    """Store a resource whose elements name another entry, and look for the name in what was stored."""
    to, source = chain(
        target,
        entry("POST", target.type, target.samples.person(), name),
        entry("POST", target.type, body, urn()),
    )
    text = target.get(source.path).text
    if name in text:
        expect.fail(f"the stored resource still holds {name}, expected it to be replaced by {to.path}")


def _links_uri(target: Target) -> None:
    name = urn()
    url = "http://example.org/fhir/StructureDefinition/conformance-link"
    held = [{"url": url, "valueUri": name}, {"url": url, "valueUrl": name}]
    _no_urn_left(target, name, target.samples.person(extension=held))


def _links_nested(target: Target) -> None:
    name = urn()
    url = "http://example.org/fhir/StructureDefinition/conformance-link"
    inner: Resource = {"resourceType": "Organization", "id": "c1", "name": "Contained", "partOf": {"reference": name}}
    here = [{"url": url, "valueReference": {"reference": "#c1"}}, {"url": url, "valueReference": {"reference": name}}]
    if target.type == "Patient":
        inner = {"resourceType": "Patient", "id": "c1", "link": [{"other": {"reference": name}, "type": "seealso"}]}
    _no_urn_left(target, name, target.samples.person(contained=[inner], extension=here))


def _links_narrative(target: Target) -> None:
    name = urn()
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>See <a href="{name}">the other</a></p></div>'
    _no_urn_left(target, name, target.samples.person(text={"status": "generated", "div": div}))


def _conditional_reference(target: Target) -> None:
    stored = target.create()
    criteria = target.criteria(target.value_of(stored))
    target.only_ours(target.type, criteria, 1)
    body = target.samples.linked(f"{target.type}?{criteria}")
    (source,) = chain(target, entry("POST", target.type, body, urn()))
    points(source, stored)


def _conditional_reference_none(target: Target) -> None:
    body = target.samples.linked(f"{target.type}?{target.criteria(target.samples.value())}")
    refused(target, post(target, "transaction", [entry("POST", target.type, body, urn())]))
    absent(target, target.value_of(body))


def _conditional_reference_many(target: Target) -> None:
    value = target.samples.value()
    for _ in range(2):
        target.create(identifier=[target.samples.identifier(value)])
    target.only_ours(target.type, target.criteria(value), 2)
    body = target.samples.linked(f"{target.type}?{target.criteria(value)}")
    refused(target, post(target, "transaction", [entry("POST", target.type, body, urn())]))
    absent(target, target.value_of(body))


def _left_alone(target: Target) -> None:
    name = urn()
    url = "http://example.org/fhir/StructureDefinition/conformance-link"
    held = [{"url": url, "valueString": name}, {"url": url, "valueCanonical": name}]
    _, source = chain(
        target,
        entry("POST", target.type, target.samples.person(), name),
        entry("POST", target.type, target.samples.person(extension=held), urn()),
    )
    kept = source.resource.get("extension", [])
    for one, sent in zip(kept, held, strict=True):
        if one != sent:
            expect.fail(f"{sent} was stored as {one}")


_LINKED = (need.system("transaction"), need.interactions("create", "read"), need.linkable)
_SEARCHED = (*_LINKED, need.interactions("search-type"), need.search_param("identifier"))

GROUP = Group(
    "references",
    "References within a transaction",
    (
        Check(
            "references-urn",
            "A reference by urn:uuid to another entry is replaced by the reference to the new resource",
            "http.html#trules",
            Level.SHALL,
            _references,
            _LINKED,
        ),
        Check(
            "references-forward",
            "The outcome does not depend on the order: a reference may name a later entry",
            "http.html#trules",
            Level.SHALL,
            _references_forward,
            _LINKED,
        ),
        Check(
            "references-circular",
            "Entries may refer to each other in a circle",
            "http.html#trules",
            Level.SHALL,
            _references_circular,
            _LINKED,
        ),
        Check(
            "references-url",
            "References by the fullUrl of another entry, absolute or relative to it, are replaced",
            "bundle.html#references",
            Level.SHALL,
            _references_url,
            _LINKED,
        ),
        Check(
            "references-from-update",
            "A PUT may refer to what a POST of the same transaction creates",
            "http.html#trules",
            Level.SHALL,
            _references_from_update,
            (*_LINKED, need.interactions("update")),
        ),
        Check(
            "references-outside",
            "References to resources outside the bundle are left untouched",
            "http.html#trules",
            Level.SHALL,
            _references_outside,
            _LINKED,
        ),
        Check(
            "references-nested",
            "References in contained resources and in extensions are replaced too",
            "http.html#trules",
            Level.SHALL,
            _links_nested,
            _LINKED,
        ),
        Check(
            "references-uri",
            "Elements of type uri and url that name another entry are replaced too",
            "http.html#trules",
            Level.SHALL,
            _links_uri,
            _LINKED,
        ),
        Check(
            "references-narrative",
            "Links in the narrative that name another entry are replaced too",
            "http.html#trules",
            Level.SHALL,
            _links_narrative,
            _LINKED,
        ),
        Check(
            "references-conditional",
            "A conditional reference with one match is replaced by the reference to it",
            "http.html#trules",
            Level.SHALL,
            _conditional_reference,
            _SEARCHED,
        ),
        Check(
            "references-conditional-none",
            "A conditional reference without a match fails the transaction",
            "http.html#trules",
            Level.SHALL,
            _conditional_reference_none,
            _SEARCHED,
        ),
        Check(
            "references-conditional-many",
            "A conditional reference with several matches fails the transaction",
            "http.html#trules",
            Level.SHALL,
            _conditional_reference_many,
            _SEARCHED,
        ),
        Check(
            "references-left-alone",
            "Strings and canonicals that look like the name of an entry are left untouched",
            "http.html#trules",
            Level.SHOULD,
            _left_alone,
            (need.system("transaction"), need.interactions("create", "read")),
        ),
    ),
)
