"""https://hl7.org/fhir/R4/http.html#capabilities"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import flask
import pytest

from fhir_server.definitions import load
from tests.spec.http.client import BASE, XML, Fhir, patient


@pytest.fixture
def statement(fhir: Fhir) -> dict[str, Any]:
    answer = fhir.get("/metadata")
    assert answer.status_code == 200
    return dict(answer.json)


def resource(statement: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(found) for found in statement["rest"][0]["resource"] if found["type"] == name)


def test_the_statement_describes_this_instance(statement: dict[str, Any]) -> None:
    assert statement["resourceType"] == "CapabilityStatement"
    assert (statement["kind"], statement["fhirVersion"], statement["status"]) == ("instance", "4.0.1", "active")
    assert statement["implementation"]["url"] == BASE
    assert "application/json-patch+json" in statement["patchFormat"]


def test_the_statement_is_valid(application: flask.Flask, statement: dict[str, Any]) -> None:
    validator = application.extensions["fhir_server"].endpoint.validator
    assert [issue for issue in validator.validate(statement) if issue.severity == "error"] == []


def test_every_type_is_listed_with_every_interaction(statement: dict[str, Any]) -> None:
    assert {found["type"] for found in statement["rest"][0]["resource"]} == load().resource_type_set
    codes_ = {found["code"] for found in resource(statement, "Slot")["interaction"]}
    assert codes_ == {
        "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"
    }  # fmt: skip
    system = {found["code"] for found in statement["rest"][0]["interaction"]}
    assert system == {"transaction", "batch", "history-system", "search-system"}


VALUES = {
    "token": "true", "string": "x", "date": "2020", "reference": "Patient/x", "number": "1", "uri": "urn:x",
    "quantity": "5", "near": "47.1|8.5", "_filter": "_id eq x"
}  # fmt: skip


def test_every_search_parameter_that_is_listed_works(fhir: Fhir, statement: dict[str, Any]) -> None:
    known = load()
    for name in ("Patient", "Observation", "Slot", "Encounter", "ChargeItem", "Location", "MolecularSequence"):
        for parameter in resource(statement, name)["searchParam"]:
            if parameter["type"] == "composite":
                components = known.search_parameters_of(name)[parameter["name"]].components
                types = {one.url: one.type for one in known.search_parameters}
                value = "$".join(VALUES[types[component.definition]] for component in components)
            else:
                value = VALUES[parameter["name"] if parameter["type"] == "special" else parameter["type"]]
            answer = fhir.get(f"/{name}?{urlencode({parameter['name']: value})}&_count=0")
            assert answer.status_code == 200, (name, parameter, answer.text)


def test_every_include_that_is_listed_works(fhir: Fhir, statement: dict[str, Any]) -> None:
    fhir.create({"resourceType": "Patient"})
    for name in ("Patient", "Observation", "Slot", "Encounter", "List"):
        found = resource(statement, name)
        assert "*" in found["searchInclude"]
        for parameter, listed in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
            for start in range(0, len(found[listed]), 20):
                query = "&".join(f"{parameter}={value}" for value in found[listed][start : start + 20])
                answer = fhir.get(f"/{name}?_count=1&{query}")
                assert answer.status_code == 200, (name, query, answer.text)
    assert "Observation:subject" in resource(statement, "Patient")["searchRevInclude"]
    assert "Observation:subject" not in resource(statement, "Slot")["searchRevInclude"]


def test_an_include_that_is_not_listed_is_refused(fhir: Fhir, statement: dict[str, Any]) -> None:
    listed = set(resource(statement, "Observation")["searchInclude"])
    for code in load().search_parameters_of("Observation"):
        if f"Observation:{code}" not in listed:
            assert fhir.get(f"/Observation?_include=Observation:{code}").status_code == 400, code


def test_every_compartment_is_listed(fhir: Fhir, statement: dict[str, Any]) -> None:
    listed = statement["rest"][0]["compartment"]
    assert [url.rpartition("/")[2] for url in listed] == [
        "device", "encounter", "patient", "practitioner", "relatedperson"
    ]  # fmt: skip
    for name in ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"):
        assert fhir.get(f"/{name}/x/*").status_code == 200


def test_a_search_parameter_that_is_not_listed_is_refused(fhir: Fhir, statement: dict[str, Any]) -> None:
    listed = {parameter["name"] for parameter in resource(statement, "Observation")["searchParam"]}
    assert {"_id", "code", "subject", "date"} <= listed
    for code in load().search_parameters_of("Observation").keys() - listed:
        assert fhir.get(f"/Observation?{code}=1").status_code == 400


def test_operations_are_listed_where_they_work(statement: dict[str, Any]) -> None:
    assert {found["name"] for found in statement["rest"][0]["operation"]} == {"meta"}
    assert {found["name"] for found in resource(statement, "Slot")["operation"]} == {
        "validate", "meta", "meta-add", "meta-delete"
    }  # fmt: skip
    everything = next(found for found in resource(statement, "Patient")["operation"] if found["name"] == "everything")
    assert everything["definition"] == "http://hl7.org/fhir/OperationDefinition/Patient-everything"


def test_conditions_and_references_follow_the_settings(fhir: Fhir, strict: Fhir) -> None:
    ours, other = (resource(client.get("/metadata").json, "Patient") for client in (fhir, strict))
    assert (ours["updateCreate"], other["updateCreate"]) == (True, False)
    assert ("enforced" in ours["referencePolicy"], "enforced" in other["referencePolicy"]) == (True, False)
    assert (ours["conditionalCreate"], ours["conditionalUpdate"], ours["conditionalDelete"]) == (True, True, "single")
    assert ours["conditionalRead"] == "full-support"


def test_versioned_update_is_claimed_only_where_if_match_is_demanded(fhir: Fhir, guarded: Fhir) -> None:
    claims = [resource(client.get("/metadata").json, "Patient")["versioning"] for client in (fhir, guarded)]
    assert claims == ["versioned", "versioned-update"]


def test_the_statement_comes_in_xml_and_in_parts(fhir: Fhir) -> None:
    assert fhir.get("/metadata", Accept=XML).data.count(b"<type value=") >= 146
    assert "rest" not in fhir.get("/metadata?_elements=status").json


def test_a_client_that_has_the_statement_gets_304(fhir: Fhir) -> None:
    tag = fhir.get("/metadata").headers["ETag"]
    assert fhir.get("/metadata", If_None_Match=tag).status_code == 304
    assert fhir.get("/metadata", If_None_Match='W/"other"').status_code == 200


@pytest.mark.parametrize("mode, status", [("full", 200), ("normative", 200), ("terminology", 400), ("nonsense", 400)])
def test_modes(fhir: Fhir, mode: str, status: int) -> None:
    assert fhir.get(f"/metadata?mode={mode}").status_code == status


def test_a_resource_of_every_listed_type_can_be_asked_for(fhir: Fhir, statement: dict[str, Any]) -> None:
    fhir.create(patient())
    for found in statement["rest"][0]["resource"]:
        assert fhir.get(f"/{found['type']}/x").status_code == 404
