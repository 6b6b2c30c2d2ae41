"""The capabilities interaction, and whether the CapabilityStatement holds what it says.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from conformance import expect, flat
from conformance.check import Check, Group, Level, Skipped
from conformance.json_content import encode
from conformance.r4 import JSON, RESOURCE_TYPES, SYSTEM_INTERACTIONS, TYPE_INTERACTIONS, XML
from conformance.target import Target

_ABSENT = "conformance-no-such-id"
_LONGEST = 90.0  # seconds for trying every claimed type
_OFFICIAL = {
    "_id": "http://hl7.org/fhir/SearchParameter/Resource-id",
    "_lastUpdated": "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated",
    "_profile": "http://hl7.org/fhir/SearchParameter/Resource-profile",
    "_security": "http://hl7.org/fhir/SearchParameter/Resource-security",
    "_tag": "http://hl7.org/fhir/SearchParameter/Resource-tag",
}


def _statement(target: Target) -> dict[str, Any]:
    return expect.resource(target.get("metadata"), "CapabilityStatement")


def _served(target: Target) -> None:
    _statement(target)


def _version(target: Target) -> None:
    version = _statement(target).get("fhirVersion")
    if not (isinstance(version, str) and version.startswith("4.0.")):
        expect.fail(f"CapabilityStatement.fhirVersion is {version!r}, expected 4.0.1")


def _elements(target: Target) -> None:
    found = _statement(target)
    if missing := [name for name in ("status", "date", "kind", "fhirVersion", "format") if not found.get(name)]:
        expect.fail(f"CapabilityStatement lacks {', '.join(missing)}")
    if found["status"] not in ("draft", "active", "retired", "unknown"):
        expect.fail(f"CapabilityStatement.status is {found['status']!r}")
    if found["kind"] not in ("instance", "capability", "requirements"):
        expect.fail(f"CapabilityStatement.kind is {found['kind']!r}")
    if found["kind"] == "instance" and not found.get("implementation"):
        expect.fail("cpb-14: a statement of kind instance has an implementation")
    if not any(found.get(name) for name in ("rest", "messaging", "document")):
        expect.fail("cpb-1: at least one of rest, messaging and document is there")
    if not any(found.get(name) for name in ("description", "software", "implementation")):
        expect.fail("cpb-2: at least one of description, software and implementation is there")
    if found["kind"] != "instance":
        target.note(f"kind is {found['kind']!r}; a running server describes itself with kind instance")


def _rest(target: Target) -> list[dict[str, Any]]:
    resources = [
        r for rest in _statement(target).get("rest", []) if rest.get("mode") == "server" for r in rest["resource"]
    ]
    return resources or expect.fail("the CapabilityStatement describes no resource of a server")


def _known_codes(target: Target) -> None:
    for resource in _rest(target):
        name = resource.get("type")
        if name not in RESOURCE_TYPES:
            expect.fail(f"{name!r} is no resource type of R4")
        for interaction in resource.get("interaction", []):
            if interaction.get("code") not in TYPE_INTERACTIONS:
                expect.fail(f"{name} has the interaction {interaction.get('code')!r}, which is none of R4")
    if unknown := target.claims.interactions - SYSTEM_INTERACTIONS:
        expect.fail(f"the system has the interactions {', '.join(sorted(unknown))}, which are none of R4")


def _unique(target: Target) -> None:
    resources = _rest(target)
    twice = [name for name, number in Counter(str(r.get("type")) for r in resources).items() if number > 1]
    if twice:
        expect.fail(f"cpb-9: {', '.join(twice)} is described more than once")
    for resource in resources:
        names = Counter(str(p.get("name")) for p in resource.get("searchParam", []))
        if twice := [name for name, number in names.items() if number > 1]:
            expect.fail(f"cpb-12: {resource.get('type')} has {', '.join(twice)} more than once")


def _formats(target: Target) -> None:
    if not (target.claims.json or target.claims.xml):
        expect.fail(f"neither JSON nor XML is among the formats {', '.join(target.claims.formats)}")
    if target.claims.json:
        response = target.get("metadata", accept=JSON)
        expect.resource(response, "CapabilityStatement")
        if "json" not in response.media_type:
            expect.fail(f"{response} as {response.media_type!r} to a request for JSON")
    if target.claims.xml:
        response = target.get("metadata", accept=XML)
        expect.status(response, 200)
        try:
            root = flat.parse_xml(response.body)
        except flat.NotXml as error:
            expect.fail(f"{response} to a request for XML, but: {error}")
        if not str(root.tag).endswith("}CapabilityStatement"):
            expect.fail(f"{response} with the root element {root.tag}")


def _mode(target: Target) -> None:
    expect.resource(target.get("metadata?mode=full"), "CapabilityStatement")


def _etag(target: Target) -> None:
    expect.header(target.get("metadata"), "ETag")


def _stable(target: Target) -> None:
    first, second = _statement(target), _statement(target)
    for found in (first, second):
        for changing in ("date", "id", "meta", "text"):
            found.pop(changing, None)
    if encode(first) != encode(second):
        expect.fail("two answers one after the other describe different capabilities")


def _claims_hold(target: Target) -> None:
    stop = time.monotonic() + _LONGEST
    broken: list[str] = []
    resources = list(target.claims.resources.values())
    for number, resource in enumerate(resources):
        if time.monotonic() > stop and not broken:
            raise Skipped(f"after {_LONGEST:.0f} s {number} of {len(resources)} types had been tried; all answered")
        if "read" in resource.interactions:
            answer = target.get(f"{resource.type}/{_ABSENT}")
            if answer.status not in (401, 403, 404, 410):
                broken.append(f"{answer}, expected 404")
        if "search-type" in resource.interactions:
            answer = target.get(f"{resource.type}?_count=1")
            if answer.status not in (200, 401, 403):
                broken.append(f"{answer}, expected 200")
    if broken:
        expect.fail("; ".join(broken[:10]) + (f"; and {len(broken) - 10} more" if len(broken) > 10 else ""))


def _definitions(target: Target) -> None:
    wrong = []
    for rest in _statement(target).get("rest", []):
        for holder in (rest, *rest.get("resource", [])):
            for parameter in holder.get("searchParam", []):
                official = _OFFICIAL.get(str(parameter.get("name")))
                if official and parameter.get("definition") not in (None, official):
                    wrong.append(f"{parameter['name']} is defined by {parameter['definition']}, expected {official}")
    if wrong:
        expect.fail("; ".join(dict.fromkeys(wrong)))


GROUP = Group(
    "capabilities",
    "The CapabilityStatement and whether it is honest",
    (
        Check(
            "capabilities-served",
            "GET [base]/metadata returns a CapabilityStatement",
            "http.html#capabilities",
            Level.SHALL,
            _served,
        ),
        Check(
            "capabilities-fhir-version",
            "The CapabilityStatement says that the FHIR version is 4.0",
            "capabilitystatement-definitions.html#CapabilityStatement.fhirVersion",
            Level.SHALL,
            _version,
        ),
        Check(
            "capabilities-elements",
            "The CapabilityStatement has its mandatory elements and keeps its invariants",
            "capabilitystatement.html#resource",
            Level.SHALL,
            _elements,
        ),
        Check(
            "capabilities-codes",
            "Claimed resource types and interactions are those of R4",
            "capabilitystatement-definitions.html#CapabilityStatement.rest.resource.type",
            Level.SHALL,
            _known_codes,
        ),
        Check(
            "capabilities-unique",
            "A type is described once, and a search parameter once within a type",
            "capabilitystatement.html#invs",
            Level.SHALL,
            _unique,
        ),
        Check(
            "capabilities-formats",
            "The statement is served in each format that it claims",
            "http.html#mime-type",
            Level.SHALL,
            _formats,
        ),
        Check(
            "capabilities-mode",
            "mode=full returns the CapabilityStatement",
            "http.html#capabilities",
            Level.SHALL,
            _mode,
        ),
        Check(
            "capabilities-etag",
            "An ETag is returned with the CapabilityStatement",
            "http.html#capabilities",
            Level.SHOULD,
            _etag,
        ),
        Check(
            "capabilities-stable",
            "The statement does not change from one request to the next",
            "http.html#capabilities",
            Level.SHOULD,
            _stable,
        ),
        Check(
            "capabilities-hold",
            "Every type that is claimed to be readable or searchable answers reads and searches",
            "capabilitystatement.html#bnr",
            Level.SHALL,
            _claims_hold,
        ),
        Check(
            "capabilities-definitions",
            "The parameters of all resources are defined by the SearchParameters of R4",
            "resource.html#search",
            Level.SHOULD,
            _definitions,
        ),
    ),
)
