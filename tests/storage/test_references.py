"""https://hl7.org/fhir/R4/references.html and the rewriting rules of https://hl7.org/fhir/R4/http.html#transaction"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhir_server.storage.references import EVERY_ROLE, REFERENCES, Kind, Role, classify, rewrite, walk

BASE = "https://clinic.example/fhir"


@pytest.mark.parametrize(
    ("text", "kind", "type_", "id_", "version"),
    [
        ("Patient/1", Kind.LOCAL, "Patient", "1", None),
        ("Patient/1/_history/7", Kind.LOCAL, "Patient", "1", 7),
        ("Patient/1#part", Kind.LOCAL, "Patient", "1", None),
        (f"{BASE}/Patient/1", Kind.LOCAL, "Patient", "1", None),
        (f"{BASE}/Patient/1/_history/2", Kind.LOCAL, "Patient", "1", 2),
        ("#p1", Kind.CONTAINED, "", "p1", None),
        ("#", Kind.CONTAINED, "", "", None),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", Kind.URN, "", "", None),
        ("urn:oid:1.2.3", Kind.URN, "", "", None),
        ("Patient?identifier=urn:x|1", Kind.CONDITIONAL, "Patient", "", None),
        (f"{BASE}/Patient?identifier=1", Kind.CONDITIONAL, "Patient", "", None),
        ("https://elsewhere.example/fhir/Patient/1", Kind.ABSOLUTE, "", "", None),
        (f"{BASE}2/Patient/1", Kind.ABSOLUTE, "", "", None),
        ("http://[broken/Patient/1", Kind.OTHER, "", "", None),
        ("Nothing/1", Kind.OTHER, "", "", None),
        ("Nothing?x=1", Kind.OTHER, "", "", None),
        ("Patient/1/2", Kind.OTHER, "", "", None),
        ("Patient/1/_history/0", Kind.OTHER, "", "", None),
        ("Patient/1/_history/99999999999", Kind.OTHER, "", "", None),
        ("Patient/" + "x" * 65, Kind.OTHER, "", "", None),
        ("Patient/a\x00", Kind.OTHER, "", "", None),
        ("Patient/", Kind.OTHER, "", "", None),
        ("/Patient/1", Kind.OTHER, "", "", None),
        ("", Kind.OTHER, "", "", None),
    ],
)
def test_a_reference_text_is_of_one_kind(text: str, kind: Kind, type_: str, id_: str, version: int | None) -> None:
    found = classify(text, BASE)
    assert (found.kind, found.type, found.id, found.version) == (kind, type_, id_, version)
    assert found.text == text


def test_the_criteria_of_a_conditional_reference_are_kept() -> None:
    assert classify("Patient?identifier=urn:x|1&active=true", BASE).criteria == "identifier=urn:x|1&active=true"


DOCUMENT: dict[str, Any] = {
    "resourceType": "Observation",
    "text": {
        "status": "generated",
        "div": "<div><a title='x > y' href=\"urn:uuid:1?a=1&amp;b=2\">x</a>"
        "<img src='urn:uuid:2'/>href=\"urn:uuid:2\"</div>",
    },
    "contained": [
        {"resourceType": "Patient", "id": "p", "link": [{"other": {"reference": "urn:uuid:2"}, "type": "seealso"}]}
    ],
    "identifier": [{"system": "urn:uuid:2", "value": "urn:uuid:2"}],
    "status": "final",
    "_status": {"extension": [{"url": "urn:x", "valueReference": {"reference": "urn:uuid:2"}}]},
    "subject": {"reference": "urn:uuid:2", "display": "urn:uuid:2"},
    "hasMember": [{"reference": "Observation/1"}, {"display": "no reference"}, {"reference": "urn:uuid:2"}],
    "derivedFrom": [{"reference": "#p"}],
    "extension": [{"url": "urn:y", "valueAttachment": {"url": "urn:uuid:2"}}],
    "meta": {"profile": ["urn:uuid:2"]},
}


def test_references_are_found_in_contained_resources_arrays_and_extensions() -> None:
    assert [(place.expression, place.text) for place in walk(DOCUMENT)] == [
        ("contained[0].link[0].other.reference", "urn:uuid:2"),
        ("status.extension[0].valueReference.reference", "urn:uuid:2"),
        ("subject.reference", "urn:uuid:2"),
        ("hasMember[0].reference", "Observation/1"),
        ("hasMember[2].reference", "urn:uuid:2"),
        ("derivedFrom[0].reference", "#p"),
    ]


def test_links_are_also_found_in_uris_attachments_and_the_narrative() -> None:
    found = [(place.expression, place.text, place.role) for place in walk(DOCUMENT, EVERY_ROLE)]
    assert ("text.div", "urn:uuid:1?a=1&b=2", Role.NARRATIVE) in found
    assert ("text.div", "urn:uuid:2", Role.NARRATIVE) in found
    assert ("identifier[0].system", "urn:uuid:2", Role.URI) in found
    assert ("extension[0].valueAttachment.url", "urn:uuid:2", Role.URI) in found


def test_elements_of_type_canonical_and_string_are_not_replaced() -> None:
    before = copy.deepcopy(DOCUMENT)
    after = rewrite(DOCUMENT, {"urn:uuid:2": "Patient/2", "urn:uuid:1?a=1&b=2": 'Patient/1?"<&'}.get)
    assert before == DOCUMENT, "the document handed in is never changed"
    assert after["meta"] == {"profile": ["urn:uuid:2"]}
    assert after["identifier"] == [{"system": "Patient/2", "value": "urn:uuid:2"}]
    assert after["subject"] == {"reference": "Patient/2", "display": "urn:uuid:2"}
    assert after["hasMember"] == [
        {"reference": "Observation/1"},
        {"display": "no reference"},
        {"reference": "Patient/2"},
    ]
    assert after["_status"]["extension"][0]["valueReference"] == {"reference": "Patient/2"}
    assert after["contained"][0]["link"][0]["other"] == {"reference": "Patient/2"}
    assert after["extension"][0]["valueAttachment"] == {"url": "Patient/2"}
    assert after["text"]["div"] == (
        '<div><a title=\'x > y\' href="Patient/1?&quot;&lt;&amp;">x</a><img src="Patient/2"/>href="urn:uuid:2"</div>'
    )


def test_elements_of_type_uuid_and_oid_stay_for_a_relative_url_is_neither() -> None:
    extension = [{"url": "urn:x", "valueUuid": "urn:uuid:2"}, {"url": "urn:x", "valueOid": "urn:oid:1.2"}]
    document = {"resourceType": "Patient", "extension": extension}
    assert rewrite(document, {"urn:uuid:2": "Patient/2", "urn:oid:1.2": "Patient/3"}.get) is document


def test_only_the_roles_asked_for_are_replaced() -> None:
    after = rewrite(DOCUMENT, {"urn:uuid:2": "Patient/2"}.get, REFERENCES)
    assert after["subject"]["reference"] == "Patient/2"
    assert after["identifier"] == DOCUMENT["identifier"]
    assert after["text"] is DOCUMENT["text"], "parts without a change are shared"


def test_a_document_without_a_match_is_returned_itself() -> None:
    assert rewrite(DOCUMENT, {}.get) is DOCUMENT


def test_the_entries_of_a_stored_bundle_are_left_alone() -> None:
    inner = {"resourceType": "Observation", "subject": {"reference": "urn:uuid:2"}}
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "link": [{"relation": "self", "url": "urn:uuid:2"}],
        "entry": [{"fullUrl": "urn:uuid:2", "resource": inner, "request": {"method": "GET", "url": "urn:uuid:2"}}],
    }
    assert walk(bundle) == []
    assert rewrite(bundle, {"urn:uuid:2": "Patient/2"}.get)["entry"] is bundle["entry"]


def test_the_resources_inside_parameters_are_visited() -> None:
    inner = {"resourceType": "Observation", "subject": {"reference": "urn:uuid:2"}}
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": inner}]}
    assert [place.expression for place in walk(parameters)] == ["parameter[0].resource.subject.reference"]


@pytest.mark.parametrize(
    "document", [{}, {"resourceType": 7}, {"resourceType": "Nothing"}, {"resourceType": "Element"}]
)
def test_what_is_not_a_resource_has_no_references(document: dict[str, Any]) -> None:
    assert walk(document) == []
    assert rewrite(document, {"a": "b"}.get) is document


def test_malformed_parts_are_passed_over() -> None:
    document = {"resourceType": "Observation", "subject": ["x", {"reference": 7}], "hasMember": "Patient/1"}
    assert walk(document) == []
    assert rewrite(document, lambda text: "x") is document
