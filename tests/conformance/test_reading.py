"""What the suite reads: CapabilityStatements, JSON with its digits, and resources in JSON and XML as one table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance import flat
from conformance.claims import Claims
from conformance.json_content import NotJson, decode, encode
from conformance.ledger import located
from conformance.xml_writer import encode as encode_xml

_STATEMENT: dict[str, Any] = {
    "format": ["application/fhir+json", "xml"],
    "rest": [
        {"mode": "client", "resource": [{"type": "Device"}]},
        {
            "mode": "server",
            "interaction": [{"code": "batch"}],
            "operation": [{"name": "$meta"}],
            "searchParam": [{"name": "_id", "type": "token"}],
            "resource": [
                {"type": "Patient", "interaction": [{"code": "read"}]},
                {
                    "type": "Organization",
                    "interaction": [{"code": code} for code in ("read", "create", "update", "vread")],
                    "conditionalCreate": True,
                    "searchParam": [{"name": "name", "type": "string"}],
                },
            ],
        },
    ],
}


def test_claims_of_the_server_are_read() -> None:
    claims = Claims.read(_STATEMENT)
    assert set(claims.resources) == {"Patient", "Organization"}
    assert claims.interactions == {"batch"}
    assert claims.operations == {"meta"}
    assert claims.json
    assert claims.xml
    assert claims.of("Organization").conditional_create
    assert not claims.of("Patient").conditional_create
    assert claims.search_type("Organization", "name") == "string"
    assert claims.search_type("Organization", "_id") == "token"
    assert claims.search_type("Patient", "name") is None
    assert claims.of("Device").interactions == frozenset()


def test_the_subject_is_the_first_type_that_can_do_most() -> None:
    assert Claims.read(_STATEMENT).subject.type == "Organization"
    assert Claims.read({}).subject.type == "Patient"


def test_versions_are_seen_though_versioning_is_not_claimed() -> None:
    claims = Claims.read(_STATEMENT)
    assert claims.of("Organization").is_versioned
    assert not claims.of("Patient").is_versioned


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"rest": 7},
        {"rest": [7]},
        {"rest": [{"mode": "server", "resource": {"type": "Patient"}}]},
        {"format": "json"},
    ],
)
def test_a_malformed_statement_is_read_as_far_as_it_goes(statement: dict[str, Any]) -> None:
    assert Claims.read(statement).resources == {}


def test_json_keeps_digits() -> None:
    text = b'{"a":1.00,"b":[0.00000001,-3.0,12],"c":"\xc3\xa9","d":true,"e":null}'
    assert encode(decode(text)) == text
    assert decode(text)["a"] == Decimal("1.00")


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_told(raw: bytes) -> None:
    with pytest.raises(NotJson):
        decode(raw)


_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"tag": [{"system": "urn:x", "code": "a"}]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; <b>b</b></p></div>'},
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "N"}],
    "extension": [{"url": "http://e/x", "valueDecimal": Decimal("1.50")}],
    "active": True,
    "_active": {"id": "e1", "extension": [{"url": "http://e/y", "valueCode": "z"}]},
    "name": [{"given": ["A", None, "C"], "_given": [None, {"extension": [{"url": "u", "valueString": "v"}]}, None]}],
}


def test_json_and_xml_of_a_resource_give_the_same_table() -> None:
    table = flat.from_json(_PATIENT)
    assert flat.from_xml(encode_xml(_PATIENT)) == table
    assert table["Patient.id[0]/@value"] == "p1"
    assert table["Patient.active[0]/@id"] == "e1"
    assert table["Patient.extension[0]/@url"] == "http://e/x"
    assert table["Patient.extension[0].valueDecimal[0]/@value"] == "1.50"
    assert table["Patient.contained[0]/Organization.name[0]/@value"] == "N"
    assert table["Patient.name[0].given[1].extension[0].valueString[0]/@value"] == "v"
    assert "Patient.name[0].given[1]/@value" not in table


def test_differences_are_told_by_path() -> None:
    other = {**_PATIENT, "active": False, "id": "p2", "gender": "male"}
    other["name"] = [{"given": ["A"]}]
    found = flat.differences(flat.from_json(_PATIENT), flat.from_json(other), but=("id",))
    assert "Patient.active[0]/@value is 'false', was 'true'" in found
    assert "Patient.gender[0]/@value was added ('male')" in found
    assert any(text.startswith("Patient.name[0].given[2]/@value is missing") for text in found)
    assert not any("Patient.id" in text for text in found)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<Patient/>",
        b"<Patient xmlns='http://hl7.org/fhir'>",
        b"<!DOCTYPE a><a xmlns='http://hl7.org/fhir'/>",
        b"{}",
    ],
)
def test_what_is_no_fhir_xml_is_told(raw: bytes) -> None:
    with pytest.raises(flat.NotXml):
        flat.from_xml(raw)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://h/fhir/Patient/1/_history/2", ("Patient", "1", "2")),
        ("Patient/1", ("Patient", "1", None)),
        ("/fhir/Patient/a-b.c/", ("Patient", "a-b.c", None)),
        ("http://h/Fhir/Patient", None),
        ("http://h/fhir/NoType/1", None),
        ("urn:uuid:1", None),
        ("", None),
        (None, None),
    ],
)
def test_locations_are_taken_apart(location: str | None, expected: tuple[str, str, str | None] | None) -> None:
    assert located(location) == expected
