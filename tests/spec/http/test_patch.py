"""https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.spec.http.client import XML, Fhir, codes, entry, patient, statuses, unique

JSON_PATCH = "application/json-patch+json"
XML_PATCH = "application/xml-patch+xml"
ACTIVATE = [{"op": "add", "path": "/active", "value": True}]
ACTIVATE_XML = b"""<diff xmlns:f="http://hl7.org/fhir">
  <add sel="f:Patient"><active xmlns="http://hl7.org/fhir" value="true"/></add>
</diff>"""


def fhirpath_patch(path: str, name: str, **value: Any) -> dict[str, Any]:
    parts = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": path},
        {"name": "name", "valueString": name},
        {"name": "value", **value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


ACTIVATE_FHIRPATH = fhirpath_patch("Patient", "active", valueBoolean=True)


@pytest.mark.parametrize(
    "body, kind",
    [(ACTIVATE, JSON_PATCH), (ACTIVATE_XML, XML_PATCH), (ACTIVATE_FHIRPATH, "application/fhir+json")],
    ids=["json", "xml", "fhirpath"],
)
def test_each_kind_of_patch_makes_the_next_version(fhir: Fhir, body: Any, kind: str) -> None:
    made = fhir.create(patient())
    answer = fhir.patch(f"/Patient/{made['id']}", body, Content_Type=kind)
    assert answer.status_code == 200, answer.text
    assert (answer.json["active"], answer.headers["ETag"]) == (True, 'W/"2"')


def test_a_fhirpath_patch_in_xml_works(fhir: Fhir) -> None:
    made = fhir.create(patient())
    text = b"""<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
      <part><name value="type"/><valueCode value="add"/></part>
      <part><name value="path"/><valueString value="Patient"/></part>
      <part><name value="name"/><valueString value="active"/></part>
      <part><name value="value"/><valueBoolean value="true"/></part></parameter></Parameters>"""
    answer = fhir.patch(f"/Patient/{made['id']}", text, Content_Type=XML)
    assert answer.status_code == 200, answer.text


def test_if_match_is_respected(fhir: Fhir) -> None:
    made = fhir.create(patient())
    path = f"/Patient/{made['id']}"
    assert fhir.patch(path, ACTIVATE, Content_Type=JSON_PATCH, If_Match='W/"2"').status_code == 412
    assert fhir.patch(path, ACTIVATE, Content_Type=JSON_PATCH, If_Match='W/"1"').status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("tag", ["*", 'W/"1"'])
def test_if_none_match_is_respected_by_every_write(fhir: Fhir, method: str, tag: str) -> None:
    path = f"/Patient/{fhir.create(patient())['id']}"
    body = [{"op": "add", "path": "/active", "value": True}]
    answer = fhir.send(method, path, body, Content_Type="application/json-patch+json", If_None_Match=tag)
    assert answer.status_code == 412
    assert fhir.get(path).headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("path, status", [("Patient.name[[", "400"), ("Patient.repeat(children()|$this)", "422")])
def test_a_path_that_cannot_be_evaluated_names_its_entry(fhir: Fhir, kind: str, path: str, status: str) -> None:
    made = fhir.create(patient())
    part = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
    answer = fhir.transaction(entry("PATCH", f"Patient/{made['id']}", body), kind=kind)
    response = answer.json["entry"][0]["response"] if kind == "batch" else {"status": str(answer.status_code)}
    outcome = response.get("outcome", answer.json)
    assert response["status"][:3] == status
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[0].resource.parameter[0]"]


def test_a_patch_of_nothing_is_404_and_of_the_deleted_410(fhir: Fhir) -> None:
    made = fhir.create(patient())
    fhir.delete(f"/Patient/{made['id']}")
    assert fhir.patch(f"/Patient/{made['id']}", ACTIVATE, Content_Type=JSON_PATCH).status_code == 410
    assert fhir.patch(f"/Patient/{unique()}", ACTIVATE, Content_Type=JSON_PATCH).status_code == 404


def test_a_patch_to_something_invalid_is_refused_and_changes_nothing(fhir: Fhir) -> None:
    made = fhir.create(patient())
    bad = [{"op": "add", "path": "/gender", "value": "banana"}]
    answer = fhir.patch(f"/Patient/{made['id']}", bad, Content_Type=JSON_PATCH)
    assert (answer.status_code, codes(answer)) == (422, ["code-invalid"])
    assert fhir.get(f"/Patient/{made['id']}").headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("path, value", [("/id", "other"), ("/resourceType", "Person")])
def test_a_patch_may_not_change_what_the_resource_is(fhir: Fhir, path: str, value: str) -> None:
    made = fhir.create(patient())
    answer = fhir.patch(
        f"/Patient/{made['id']}", [{"op": "replace", "path": path, "value": value}], Content_Type=JSON_PATCH
    )
    assert answer.status_code == 400


def test_another_media_type_is_415_and_names_those_that_work(fhir: Fhir) -> None:
    made = fhir.create(patient())
    answer = fhir.patch(f"/Patient/{made['id']}", ACTIVATE, Content_Type="text/plain")
    assert (answer.status_code, codes(answer)) == (415, ["not-supported"])
    assert JSON_PATCH in answer.headers["Accept-Patch"]


def test_a_resource_that_is_no_patch_is_400(fhir: Fhir) -> None:
    made = fhir.create(patient())
    assert fhir.patch(f"/Patient/{made['id']}", made).status_code == 400


def test_too_many_operations_are_400(strict: Fhir) -> None:
    made = strict.create(patient())
    answer = strict.patch(f"/Patient/{made['id']}", ACTIVATE * 3, Content_Type=JSON_PATCH)
    assert (answer.status_code, codes(answer)) == (400, ["too-costly"])


def test_a_conditional_patch_changes_the_one_match(fhir: Fhir) -> None:
    value = unique()
    path = f"/Patient?identifier={value}"
    assert fhir.patch(path, ACTIVATE, Content_Type=JSON_PATCH).status_code == 404
    made = fhir.create(patient(value))
    answer = fhir.patch(path, ACTIVATE, Content_Type=JSON_PATCH)
    assert (answer.status_code, answer.json["id"], answer.json["active"]) == (200, made["id"], True)
    fhir.create(patient(value))
    assert fhir.patch(path, ACTIVATE, Content_Type=JSON_PATCH).status_code == 412


def test_a_conditional_patch_without_criteria_is_400(fhir: Fhir) -> None:
    assert fhir.patch("/Patient", ACTIVATE, Content_Type=JSON_PATCH).status_code == 400


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_patches_travel_in_bundles(fhir: Fhir, kind: str) -> None:
    ids = [fhir.create(patient())["id"] for _ in range(3)]

    def binary(content_type: str, raw: bytes) -> dict[str, Any]:
        return {"resourceType": "Binary", "contentType": content_type, "data": base64.b64encode(raw).decode()}

    json_patch = binary(JSON_PATCH, b'[{"op":"add","path":"/active","value":true}]')
    answer = fhir.transaction(
        entry("PATCH", f"Patient/{ids[0]}", json_patch),
        entry("PATCH", f"Patient/{ids[1]}", binary(XML_PATCH, ACTIVATE_XML)),
        entry("PATCH", f"Patient/{ids[2]}", ACTIVATE_FHIRPATH, ifMatch='W/"1"'),
        kind=kind,
    )
    assert statuses(answer) == ["200"] * 3
    assert [fhir.get(f"/Patient/{name}").json["active"] for name in ids] == [True] * 3
