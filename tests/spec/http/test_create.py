"""https://hl7.org/fhir/R4/http.html#create"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import flask
import pytest

from tests.spec.http.client import BASE, Fhir, codes, patient, places, unique


def test_create_answers_201_with_the_address_of_the_version(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(active=True))
    assert answer.status_code == 201
    made = answer.json
    assert answer.headers["Location"] == f"{BASE}/Patient/{made['id']}/_history/1"
    assert answer.headers["ETag"] == 'W/"1"'
    assert made["meta"]["versionId"] == "1"
    assert made["active"] is True


def test_create_ignores_the_id_and_the_version_in_the_body(fhir: Fhir) -> None:
    made = fhir.create(patient(id="mine", meta={"versionId": "9", "tag": [{"code": "kept"}]}))
    assert made["id"] != "mine"
    assert made["meta"]["versionId"] == "1"
    assert made["meta"]["tag"] == [{"code": "kept"}]


def test_digits_are_kept(fhir: Fhir) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'
    answer = fhir.post("/Observation", body)
    assert answer.status_code == 201
    assert b'"value":1.00}' in fhir.get(f"/Observation/{answer.json['id']}").data


def test_an_empty_body_is_400(fhir: Fhir) -> None:
    answer = fhir.send("POST", "/Patient")
    assert (answer.status_code, codes(answer)) == (400, ["structure"])


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json-patch+json"])
def test_another_media_type_is_415(fhir: Fhir, kind: str) -> None:
    answer = fhir.post("/Patient", patient(), Content_Type=kind)
    assert (answer.status_code, codes(answer)) == (415, ["not-supported"])


@pytest.mark.parametrize("kind", ["application/fhir+json; charset=utf-16", "application/fhir+json; fhirVersion=5.0"])
def test_another_charset_or_version_is_415(fhir: Fhir, kind: str) -> None:
    assert fhir.post("/Patient", patient(), Content_Type=kind).status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "application/fhir+json;fhirVersion=4.0", "text/json"])
def test_other_names_of_json_are_understood(fhir: Fhir, kind: str) -> None:
    assert fhir.post("/Patient", patient(), Content_Type=kind).status_code == 201


def test_a_body_of_another_type_than_the_url_is_400(fhir: Fhir) -> None:
    answer = fhir.post("/Observation", patient())
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


def test_an_unknown_element_is_400_and_named(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(foo="bar"))
    assert (answer.status_code, codes(answer)) == (400, ["structure"])
    assert "foo" in answer.text


def test_implicit_rules_that_the_server_does_not_know_are_422(fhir: Fhir) -> None:
    """A modifier element must not be ignored: https://hl7.org/fhir/R4/conformance-rules.html#isModifier"""
    ruled = patient(implicitRules="http://example.org/rules")
    made = fhir.create(patient())
    patch = [{"op": "add", "path": "/implicitRules", "value": "http://example.org/rules"}]
    path = f"/Patient/{made['id']}"
    for answer in (
        fhir.post("/Patient", ruled),
        fhir.put(path, ruled | {"id": made["id"]}),
        fhir.patch(path, patch, Content_Type="application/json-patch+json"),
    ):
        assert (answer.status_code, codes(answer), places(answer)) == (
            422,
            ["not-supported"],
            ["Patient.implicitRules"],
        )
    assert fhir.get(path).headers["ETag"] == 'W/"1"'


def test_a_broken_rule_is_422_with_all_its_issues(fhir: Fhir) -> None:
    answer = fhir.post("/Observation", {"resourceType": "Observation"})
    assert answer.status_code == 422
    assert codes(answer) == ["required", "required"]


def test_a_reference_to_nothing_is_422_where_integrity_is_enforced(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(generalPractitioner=[{"reference": "Practitioner/nobody"}]))
    assert answer.status_code == 422
    assert places(answer) == ["Patient.generalPractitioner[0].reference"]


def test_a_business_rule_is_422(fhir: Fhir, strict: Fhir) -> None:
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": "Schedule/any"},
        "status": "free",
        "start": "2026-11-20T10:00:00+01:00",
        "end": "2026-11-20T09:00:00Z",
    }
    answer = strict.post("/Slot", slot)
    assert (answer.status_code, codes(answer), places(answer)) == (422, ["business-rule"], ["Slot.end"])
    assert strict.post("/Slot", slot | {"end": "2026-11-20T09:00:01Z"}).status_code == 201


def test_prefer_minimal_returns_no_body(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(), Prefer="return=minimal")
    assert (answer.status_code, answer.data) == (201, b"")
    assert answer.headers["ETag"] == 'W/"1"'


def test_prefer_operation_outcome_returns_one(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(), Prefer="return=OperationOutcome")
    assert (answer.status_code, codes(answer)) == (201, ["informational"])


def test_if_none_exist_creates_once(fhir: Fhir) -> None:
    value = unique()
    criteria = f"identifier=urn:oid:1.2.36.146|{value}"
    first = fhir.post("/Patient", patient(value), If_None_Exist=criteria)
    second = fhir.post("/Patient", patient(value), If_None_Exist=criteria)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json["id"] == first.json["id"]
    assert second.headers["Location"] == first.headers["Location"]


def test_if_none_exist_with_several_matches_is_412(fhir: Fhir) -> None:
    value = unique()
    for _ in range(2):
        fhir.create(patient(value))
    answer = fhir.post("/Patient", patient(value), If_None_Exist=f"identifier=urn:oid:1.2.36.146|{value}")
    assert (answer.status_code, codes(answer)) == (412, ["multiple-matches"])


@pytest.mark.parametrize("criteria", ["", "identifier", "identifier=", "nonsense=1", "identifier=%"])
def test_if_none_exist_that_cannot_be_searched_is_400(fhir: Fhir, criteria: str) -> None:
    assert fhir.post("/Patient", patient(), If_None_Exist=criteria).status_code == 400


def test_parallel_conditional_creates_make_one_resource(application: flask.Flask) -> None:
    value = unique()
    criteria = f"identifier=urn:oid:1.2.36.146|{value}"

    def create(_: int) -> int:
        return Fhir(application).post("/Patient", patient(value), If_None_Exist=criteria).status_code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(create, range(16)))
    assert found == [200] * 15 + [201]
