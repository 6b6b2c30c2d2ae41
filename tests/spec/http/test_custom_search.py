"""A SearchParameter that is posted becomes a search parameter of the server, and every description of it follows.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from fhir_server.storage.custom import builder as building
from tests.spec.http.client import Fhir


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_GRACE", 0.0)


@pytest.fixture
def code() -> str:
    """A code nobody has used."""
    return f"p{uuid.uuid4().hex[:12]}"


def parameter(code: str, **changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "url": f"http://clinic.example/SearchParameter/{code}",
        "name": code,
        "status": "active",
        "description": "The ward of a patient",
        "code": code,
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.extension('http://clinic.example/ward').value",
    } | changed


def patient(ward: str) -> dict[str, Any]:
    value = {"system": "http://clinic.example/wards", "code": ward}
    return {"resourceType": "Patient", "extension": [{"url": "http://clinic.example/ward", "valueCoding": value}]}


def build(fhir: Fhir) -> None:
    fhir.app.extensions["fhir_server"].endpoint.store.builder().run()


def ids(bundle: Any) -> set[str]:
    return {entry["resource"]["id"] for entry in bundle.json.get("entry", ())}


def promised(fhir: Fhir, code: str) -> list[dict[str, Any]]:
    """What the CapabilityStatement says of a parameter of patients."""
    (rest,) = fhir.get("/metadata").json["rest"]
    (described,) = (each for each in rest["resource"] if each["type"] == "Patient")
    return [each for each in described["searchParam"] if each["name"] == code]


def documented(fhir: Fhir, code: str) -> bool:
    return f'"{code}"' in fhir.plain("GET", "/openapi.json").text


def status(fhir: Fhir, created: dict[str, Any]) -> list[dict[str, Any]]:
    answer = fhir.get(f"/SearchParameter/{created['id']}/$status")
    assert answer.status_code == 200
    assert answer.json["resourceType"] == "Parameters"
    found = []
    for each in answer.json.get("parameter", ()):
        assert each["name"] == "parameter"
        found.append({part["name"]: next(v for k, v in part.items() if k != "name") for part in each["part"]})
    return found


def test_a_posted_parameter_is_refused_until_it_is_complete_and_then_promised_and_answered(
    fhir: Fhir, code: str
) -> None:
    before = fhir.create(patient("east"))
    statement = fhir.get("/metadata").headers["ETag"]
    assert fhir.get(f"/Patient?{code}=east").status_code == 400
    created = fhir.create(parameter(code))
    refused = fhir.get(f"/Patient?{code}=east")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    (issue,) = refused.json["issue"]
    assert issue["code"] == "transient"
    assert f"{code} of Patient is being built" in issue["diagnostics"]
    lenient = fhir.get(f"/Patient?{code}=east", Prefer="handling=lenient")
    assert lenient.status_code == 503, "a parameter the server has is not left out"
    assert promised(fhir, code) == []
    assert not documented(fhir, code)
    (waiting,) = status(fhir, created)
    assert (waiting["type"], waiting["code"], waiting["state"], waiting["percent"]) == ("Patient", code, "waiting", 0)
    build(fhir)
    (active,) = status(fhir, created)
    assert (active["state"], active["percent"], active["failed"]) == ("active", 100, 0)
    assert active["done"] == active["total"] > 0
    after = fhir.create(patient("east"))
    fhir.create(patient("west"))
    assert ids(fhir.get(f"/Patient?{code}=east")) >= {before["id"], after["id"]}
    assert ids(fhir.get(f"/Patient?{code}=http://clinic.example/wards|nowhere")) == set()
    assert promised(fhir, code) == [{"name": code, "definition": created["url"], "type": "token"}]
    assert documented(fhir, code)
    assert fhir.get("/metadata").headers["ETag"] != statement


def test_a_deleted_parameter_is_gone_everywhere(fhir: Fhir, code: str) -> None:
    created = fhir.create(parameter(code))
    build(fhir)
    assert promised(fhir, code)
    assert fhir.delete(f"/SearchParameter/{created['id']}").status_code == 204
    assert fhir.get(f"/Patient?{code}=east").status_code == 400
    assert promised(fhir, code) == []
    assert not documented(fhir, code)
    assert fhir.get(f"/SearchParameter/{created['id']}/$status").status_code == 410
    build(fhir)


def test_what_cannot_work_is_refused_with_its_place_also_in_a_transaction(fhir: Fhir, code: str) -> None:
    bad = parameter(code, expression="Patient.name")
    alone = fhir.post("/SearchParameter", bad)
    assert alone.status_code == 422
    assert alone.json["issue"][0]["expression"] == ["SearchParameter.type"]
    entry = {"resource": bad, "request": {"method": "POST", "url": "SearchParameter"}}
    other = {"resource": patient("east"), "request": {"method": "POST", "url": "Patient"}}
    together = fhir.transaction(other, entry)
    assert together.status_code == 422
    assert together.json["issue"][0]["expression"] == ["Bundle.entry[1].resource.type"]


def test_validation_tells_beforehand_and_changes_nothing(fhir: Fhir, code: str) -> None:
    for document, wrong in ((parameter(code, expression="Patient.name"), True), (parameter(code), False)):
        call = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "create"}]}
        call["parameter"].append({"name": "resource", "resource": document})  # type: ignore[attr-defined]
        answer = fhir.post("/SearchParameter/$validate", call)
        assert any(issue["severity"] == "error" for issue in answer.json["issue"]) is wrong, answer.text
    assert fhir.get(f"/Patient?{code}=east").status_code == 400


def test_a_parameter_can_name_the_resource_of_a_conditional_write(fhir: Fhir, code: str) -> None:
    fhir.create(parameter(code))
    ward = f"w{code}"
    early = fhir.send("POST", "/Patient", patient(ward), If_None_Exist=f"{code}={ward}")
    assert early.status_code == 503
    build(fhir)
    created = fhir.send("POST", "/Patient", patient(ward), If_None_Exist=f"{code}={ward}")
    again = fhir.send("POST", "/Patient", patient(ward), If_None_Exist=f"{code}={ward}")
    assert (created.status_code, again.status_code) == (201, 200)


def test_one_that_is_not_active_adds_nothing(fhir: Fhir, code: str) -> None:
    created = fhir.create(parameter(code, status="draft"))
    assert status(fhir, created) == []
    assert fhir.get(f"/Patient?{code}=east").status_code == 400
    answer = fhir.put(f"/SearchParameter/{created['id']}", parameter(code, id=created["id"]))
    assert answer.status_code == 200
    build(fhir)
    assert fhir.get(f"/Patient?{code}=east").status_code == 200


def test_the_status_is_an_operation_the_statement_lists(fhir: Fhir) -> None:
    (rest,) = fhir.get("/metadata").json["rest"]
    (described,) = (each for each in rest["resource"] if each["type"] == "SearchParameter")
    assert "status" in {each["name"] for each in described["operation"]}
    assert fhir.get("/SearchParameter/nobody/$status").status_code == 404
    assert fhir.get("/Patient/nobody/$status").status_code == 404
