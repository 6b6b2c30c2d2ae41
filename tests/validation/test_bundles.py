"""Bundles: https://hl7.org/fhir/R4/bundle.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.validation import BundleIndex, Policy, Validator

VALIDATOR = Validator(load())
PATIENT = {"resourceType": "Patient", "id": "1"}
ROOT = "http://example.org/fhir/"


def outcome(kind: str, *entries: dict[str, Any], **content: Any) -> list[tuple[str, str]]:
    """Return (code, expression) of every issue of a Bundle."""
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind, **content}
    if entries:
        bundle["entry"] = list(entries)
    return [(i.code, i.expression) for i in VALIDATOR.validate(bundle)]


def document(*entries: dict[str, Any], **composition: Any) -> list[tuple[str, str]]:
    """Return the issues of a document whose Composition has this content."""
    first = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "x"},
        "date": "2024",
        "title": "x",
        "author": [{"reference": "Patient/1"}],
        **composition,
    }
    return outcome(
        "document",
        {"fullUrl": ROOT + "Composition/c", "resource": first},
        *entries,
        identifier={"system": "http://example.org/documents", "value": "1"},
        timestamp="2024-01-01T00:00:00Z",
    )


def test_a_resource_in_an_entry_is_checked_with_its_place() -> None:
    assert outcome("collection", {"resource": {"resourceType": "Patient", "gender": "x"}}) == [
        ("code-invalid", "Bundle.entry[0].resource.gender")
    ]


@pytest.mark.parametrize(
    ("kind", "entry", "content", "expression"),
    [
        ("collection", {}, {"total": 1}, "Bundle"),  # bdl-1
        ("collection", {"resource": PATIENT, "search": {"mode": "match"}}, {}, "Bundle"),  # bdl-2
        ("collection", {"resource": PATIENT, "request": {"method": "GET", "url": "x"}}, {}, "Bundle"),  # bdl-3
        ("transaction", {"resource": PATIENT}, {}, "Bundle"),  # bdl-3
        ("batch-response", {"resource": PATIENT}, {}, "Bundle"),  # bdl-4
        ("collection", {"fullUrl": ROOT + "Patient/1"}, {}, "Bundle.entry[0]"),  # bdl-5
        ("collection", {"fullUrl": ROOT + "Patient/1/_history/1", "resource": PATIENT}, {}, "Bundle.entry[0]"),  # bdl-8
        ("document", {"resource": PATIENT}, {}, "Bundle"),  # bdl-9 to bdl-11
        ("message", {"resource": PATIENT}, {}, "Bundle"),  # bdl-12
        ("collection", {"fullUrl": "Patient/1", "resource": PATIENT}, {}, "Bundle.entry[0].fullUrl"),
        ("collection", {"fullUrl": ROOT + "Patient/1", "resource": {"resourceType": "Patient"}}, {}, "Bundle.entry[0]"),
        ("searchset", {"resource": {"resourceType": "Patient"}}, {}, "Bundle.entry[0].resource"),
        ("searchset", {"resource": PATIENT, "search": {"mode": "outcome"}}, {}, "Bundle.entry[0].resource"),
    ],
)
def test_the_rules_of_a_bundle(kind: str, entry: dict[str, Any], content: dict[str, Any], expression: str) -> None:
    found = outcome(kind, *([entry] if entry else []), **content)
    assert ("invariant", expression) in found
    assert {code for code, _ in found} == {"invariant"}


def test_a_full_url_stands_once_unless_its_versions_differ() -> None:
    first = {"fullUrl": ROOT + "Patient/1", "resource": {**PATIENT, "meta": {"versionId": "1"}}}
    second = {"fullUrl": ROOT + "Patient/1", "resource": {**PATIENT, "meta": {"versionId": "2"}}}
    assert outcome("collection", first, second) == []
    assert outcome("collection", first, first) == [("invariant", "Bundle")]


def test_a_page_link_stands_once() -> None:
    links = [{"relation": "self", "url": "http://e.org/"}, {"relation": "self", "url": "http://e.org/"}]
    assert outcome("searchset", link=links) == [("invariant", "Bundle.link[1]")]


def test_a_reference_in_a_bundle_may_point_only_at_entries_of_an_allowed_type() -> None:
    urn = "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"
    coverage = {"resourceType": "Coverage", "id": "1", "status": "active", "payor": [{"reference": "Organization/1"}]}
    entries = [
        {"fullUrl": ROOT + "Coverage/1", "resource": {**coverage, "beneficiary": {"reference": urn}}},
        {"fullUrl": urn, "resource": {"resourceType": "Location", "name": "x"}},
    ]
    assert outcome("collection", *entries) == [("invariant", "Bundle.entry[0].resource.beneficiary")]
    entries[1]["resource"] = {"resourceType": "Patient"}
    assert outcome("collection", *entries) == []


def test_a_resource_out_of_a_bundle_is_judged_with_its_neighbours() -> None:
    urn = "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"
    slot = {"resourceType": "Slot", "status": "free", "start": "2024-01-01T10:00:00Z", "end": "2024-01-01T11:00:00Z"}
    slot["schedule"] = {"reference": urn}  # type: ignore[assignment]
    bundle = {"entry": [{"fullUrl": urn, "resource": PATIENT}, {"resource": slot}]}
    assert not VALIDATOR.validate(slot)
    issues = VALIDATOR.validate(slot, neighbours=BundleIndex(bundle))
    assert [(issue.code, issue.expression) for issue in issues] == [("invariant", "Slot.schedule")]


def test_a_full_url_that_differs_from_the_id_is_a_warning() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection"}
    bundle["entry"] = [{"fullUrl": ROOT + "Patient/2", "resource": PATIENT}]  # type: ignore[assignment]
    assert not VALIDATOR.validate(bundle)
    issues = Validator(load(), Policy(warnings=True)).validate(bundle)
    assert ("warning", "Bundle.entry[0].fullUrl") in {(issue.severity, issue.expression) for issue in issues}


def test_a_document_holds_what_its_composition_points_at() -> None:
    patient = {"fullUrl": ROOT + "Patient/1", "resource": PATIENT}
    assert document(patient) == []
    assert document() == [("not-found", "Bundle.entry[0].resource.author[0]")]
    section = {"title": "x", "section": [{"title": "y", "entry": [{"reference": "Observation/1"}]}]}
    assert document(patient, section=[section]) == [
        ("not-found", "Bundle.entry[0].resource.section[0].section[0].entry[0]")
    ]


def test_a_reference_of_a_document_names_one_entry_and_its_version() -> None:
    one = {"fullUrl": ROOT + "Patient/1", "resource": {**PATIENT, "meta": {"versionId": "1"}}}
    two = {"fullUrl": ROOT + "Patient/1", "resource": {**PATIENT, "meta": {"versionId": "2"}}}
    fault = [("not-found", "Bundle.entry[0].resource.author[0]")]
    assert document(one, two) == fault
    assert document(one, two, author=[{"reference": "Patient/1/_history/2"}]) == []
    assert document(one, two, author=[{"reference": "Patient/1/_history/3"}]) == fault


def test_bundles_in_bundles_are_bounded() -> None:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    for _ in range(5_000):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": bundle}]}
    assert [issue.code for issue in VALIDATOR.validate(bundle)] == ["structure"]
