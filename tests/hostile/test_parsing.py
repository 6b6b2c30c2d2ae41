"""Cases 1-31: bodies that are not what they claim to be.

https://hl7.org/fhir/R4/json.html
https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]
XML = {"Content_Type": "application/fhir+xml"}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


@pytest.mark.parametrize("method, path", [("POST", "/Patient"), ("PUT", "/Patient/a")])
def test_case_01_an_empty_body_is_refused(wire: Wire, refused: Refused, method: str, path: str) -> None:
    refused(wire.send(method, path, b""), {400}, {"structure"})


def test_case_02_truncated_json_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Patient", b'{"resourceType": "Patient", "active": tr'), {400}, {"structure"})


@pytest.mark.parametrize("body", [b"[]", b'"Patient"', b"null", b"7", b"true"])
def test_case_03_a_body_that_is_not_an_object_is_refused(wire: Wire, refused: Refused, body: bytes) -> None:
    refused(wire.post("/Patient", body), {400}, {"structure"})


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_case_04_a_hundred_thousand_nested_brackets_are_refused(wire: Wire, refused: Refused, body: bytes) -> None:
    refused(wire.post("/Patient", body), {400}, {"structure", "too-long"})


def test_case_05_nesting_beyond_the_limit_is_refused(wire: Wire, refused: Refused) -> None:
    extension: dict[str, Any] = {"url": "http://example.org/leaf", "valueString": "x"}
    for _ in range(65):
        extension = {"url": "http://example.org/branch", "extension": [extension]}
    refused(wire.post("/Patient", patient(extension=[extension])), {400}, {"too-long", "structure"})


def test_case_06_a_duplicate_key_is_refused_and_named(wire: Wire, refused: Refused) -> None:
    answer = refused(
        wire.post("/Patient", b'{"resourceType":"Patient","gender":"male","gender":"female"}'), {400}, {"structure"}
    )
    assert b"gender" in answer.body


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_case_07_numbers_that_json_does_not_have_are_refused(wire: Wire, refused: Refused, number: bytes) -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":' + number + b"}}"
    refused(wire.post("/Observation", body), {400}, {"structure"})


def test_case_08_an_integer_of_five_thousand_digits_is_refused(wire: Wire, refused: Refused) -> None:
    body = b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 5000 + b"}"
    refused(wire.post("/Patient", body), {400}, {"value", "structure"})


@pytest.mark.parametrize("number", [b"1e400", b"1E999999999", b"-1e-999999999"])
def test_case_09_a_decimal_of_absurd_size_is_refused(wire: Wire, refused: Refused, number: bytes) -> None:
    body = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":' + number + b"}}"
    )
    refused(wire.post("/Observation", body), {400, 422}, {"value"})


def test_case_10_decimals_keep_every_digit(wire: Wire) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'
    created = wire.post("/Observation", body)
    assert created.status == 201
    read = wire.get(created.headers["location"].split("/fhir", 1)[1])
    assert b'"value":1.00}' in read.body


def test_case_11_invalid_utf8_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Patient", b'{"resourceType":"Patient","name":[{"family":"\xff\xfe"}]}'), {400}, {"structure"})


def test_case_12_a_byte_order_mark_is_answered_the_same_way_for_json_and_xml(wire: Wire) -> None:
    json_answer = wire.post("/Patient", b"\xef\xbb\xbf" + json.dumps(patient()).encode())
    assert json_answer.status in {201, 400}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_case_12_utf16_and_utf32_are_refused(wire: Wire, refused: Refused, encoding: str) -> None:
    refused(wire.post("/Patient", json.dumps(patient()).encode(encoding)), {400, 415}, {"structure", "not-supported"})
    header = {"Content_Type": f"application/fhir+json; charset={encoding}"}
    refused(
        wire.post("/Patient", json.dumps(patient()).encode(encoding), **header),
        {400, 415},
        {"structure", "not-supported"},
    )


def test_case_13_a_lone_surrogate_is_refused(wire: Wire, refused: Refused) -> None:
    body = b'{"resourceType":"Patient","name":[{"family":"a\\ud800b"}]}'
    refused(wire.post("/Patient", body), {400}, {"value", "structure"})


@pytest.mark.parametrize("escape", [b"\\u0000", b"\\u0001", b"\\u001f"])
def test_case_14_control_characters_are_refused(wire: Wire, refused: Refused, escape: bytes) -> None:
    body = b'{"resourceType":"Patient","name":[{"family":"a' + escape + b'b"}]}'
    refused(wire.post("/Patient", body), {400, 422}, {"value"})


@pytest.mark.parametrize("text", ["a\u200bb", "a\u202eb", "e" + "\u0301" * 2000, "\U0001f600", "é", "e\u0301"])
def test_case_15_unusual_text_is_returned_as_it_was_sent(wire: Wire, text: str) -> None:
    created = wire.post("/Patient", json.dumps(patient(name=[{"family": text}]), ensure_ascii=False).encode())
    assert created.status == 201, created.body
    read = wire.get(created.headers["location"].split("/fhir", 1)[1])
    assert read.json()["name"][0]["family"] == text


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "image/png", ""])
def test_case_16_other_content_types_are_refused(wire: Wire, refused: Refused, content_type: str) -> None:
    refused(wire.post("/Patient", patient(), Content_Type=content_type), {415}, {"not-supported"})


def test_case_17_an_answer_in_another_format_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.get("/Patient", Accept="application/pdf"), {406}, {"not-supported"})


def test_case_18_json_labelled_xml_and_xml_labelled_json_are_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Patient", patient(), **XML), {400}, {"structure"})
    refused(wire.post("/Patient", b'<Patient xmlns="http://hl7.org/fhir"/>'), {400}, {"structure"})


@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE p SYSTEM "http://127.0.0.1:9/remote.dtd">',
    ],
)
def test_case_19_external_entities_are_refused(wire: Wire, refused: Refused, doctype: bytes) -> None:
    body = doctype + b'<Patient xmlns="http://hl7.org/fhir"><name><family value="x"/></name></Patient>'
    refused(wire.post("/Patient", body, **XML), {400}, {"structure"})


def test_case_20_entity_expansion_is_refused_at_once(wire: Wire, refused: Refused) -> None:
    levels = b"".join(
        b'<!ENTITY e%d "%s">' % (level, (b"&e%d;" % (level - 1)) * 10 if level else b"ha") for level in range(10)
    )
    body = b"<!DOCTYPE p [" + levels + b']><Patient xmlns="http://hl7.org/fhir"><id value="&e9;"/></Patient>'
    started = time.monotonic()
    answer = wire.post("/Patient", body, **XML)
    assert time.monotonic() - started < 10
    refused(answer, {400}, {"structure"})


@pytest.mark.parametrize("depth", [300, 200_000])
def test_case_21_deep_xml_is_refused(wire: Wire, refused: Refused, depth: int) -> None:
    body = b'<Patient xmlns="http://hl7.org/fhir">' + b"<contained>" * depth
    refused(wire.post("/Patient", body, **XML), {400}, {"structure", "too-long"})


@pytest.mark.parametrize(
    "body",
    [
        b'<?evil run?><Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><active value="true"><![CDATA[x]]></active></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><include xmlns="http://www.w3.org/2001/XInclude" href="f"/></Patient>',
        b'<Patient xmlns="http://example.org/other"><active value="true"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><active value="true" evil="x"/></Patient>',
        b'<Patient><active value="true"/></Patient>',
    ],
    ids=["processing instruction", "cdata", "xinclude", "wrong namespace", "unknown attribute", "no namespace"],
)
def test_case_22_xml_that_fhir_does_not_have_is_refused(wire: Wire, refused: Refused, body: bytes) -> None:
    refused(wire.post("/Patient", body, **XML), {400}, {"structure"})


def test_case_23_an_unknown_element_is_refused_and_located(wire: Wire, refused: Refused) -> None:
    answer = refused(wire.post("/Patient", patient(foo="bar")), {400, 422}, {"structure"})
    issue = answer.json()["issue"][0]
    assert issue["expression"] == ["Patient"], "the place is where the element stands: R4 has no Patient.foo"
    assert '"foo"' in issue["diagnostics"]


@pytest.mark.parametrize(
    "more, place",
    [
        ({"active": [True]}, "Patient.active"),
        ({"name": {"family": "x"}}, "Patient.name"),
        ({"name": ["x"]}, "Patient.name[0]"),
        ({"birthDate": 1990}, "Patient.birthDate"),
        ({"active": "true"}, "Patient.active"),
        ({"name": [{"given": ["a", "b"], "_given": [None]}]}, "Patient.name[0].given"),
        ({"name": []}, "Patient.name"),
        ({"maritalStatus": {}}, "Patient.maritalStatus"),
        ({"maritalStatus": None}, "Patient.maritalStatus"),
        ({"active": ""}, "Patient.active"),
    ],
)
def test_case_24_wrong_shapes_are_refused_and_located(
    wire: Wire, refused: Refused, more: dict[str, Any], place: str
) -> None:
    answer = refused(wire.post("/Patient", patient(**more)), {400, 422}, {"structure", "invariant", "value"})
    assert any(place in "".join(issue.get("expression", [])) for issue in answer.json()["issue"]), answer.body


def test_case_25_a_type_other_than_the_url_s_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Observation", patient()), {400}, {"invalid"})
    refused(wire.put("/Observation/a", patient(id="a")), {400}, {"invalid"})


def test_case_26_an_unknown_type_is_not_found(wire: Wire, refused: Refused) -> None:
    refused(wire.get("/Patientt/1"), {404}, {"not-supported"})
    refused(wire.post("/Foo", {"resourceType": "Foo"}), {404}, {"not-supported"})


def test_case_27_a_missing_required_element_is_refused(wire: Wire, refused: Refused) -> None:
    answer = refused(wire.post("/Observation", {"resourceType": "Observation"}), {400, 422}, {"required"})
    for element in ("status", "code"):
        assert any(element in issue["diagnostics"] for issue in answer.json()["issue"]), "the element is named"
    assert {issue["expression"][0] for issue in answer.json()["issue"]} == {"Observation"}, "the place is its parent"


def test_case_28_a_code_outside_a_required_binding_is_refused(wire: Wire, refused: Refused) -> None:
    answer = refused(wire.post("/Patient", patient(gender="banana")), {422}, {"code-invalid"})
    assert answer.json()["issue"][0]["expression"] == ["Patient.gender"]


def test_case_29_an_unknown_modifier_extension_is_refused(wire: Wire, refused: Refused) -> None:
    body = patient(modifierExtension=[{"url": "http://example.org/unknown", "valueBoolean": True}])
    refused(wire.post("/Patient", body), {422}, {"extension"})


@pytest.mark.parametrize("date", ["2024-02-30", "0000-01-01", "99999-01-01", "2024-13-01", "24-01-01", "2024-1-1"])
def test_case_30_a_date_that_does_not_exist_is_refused(wire: Wire, refused: Refused, date: str) -> None:
    answer = refused(wire.post("/Patient", patient(birthDate=date)), {400, 422}, {"value"})
    assert answer.json()["issue"][0]["expression"] == ["Patient.birthDate"]


def test_case_30_a_leap_second_is_accepted(wire: Wire) -> None:
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "effectiveDateTime": "2016-12-31T23:59:60Z",
    }
    assert wire.post("/Observation", body).status == 201


def test_case_31_malformed_base64_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Patient", patient(photo=[{"data": "@@@"}])), {400, 422}, {"value"})


def test_case_31_an_attachment_larger_than_the_limit_is_refused(wire: Wire, refused: Refused) -> None:
    body = json.dumps(patient(photo=[{"data": "QUJD" * 2_100_000}])).encode()
    refused(wire.post("/Patient", body), {413}, {"too-long"})


def test_a_gzipped_body_within_the_limits_is_read(wire: Wire) -> None:
    body = gzip.compress(json.dumps(patient(active=True)).encode())
    assert wire.post("/Patient", body, Content_Encoding="gzip").status == 201
