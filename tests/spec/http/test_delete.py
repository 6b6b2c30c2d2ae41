"""https://hl7.org/fhir/R4/http.html#delete"""

from __future__ import annotations

import pytest

from tests.spec.http.client import Fhir, codes, observation, patient, unique


def test_delete_is_204_and_leaves_410(fhir: Fhir) -> None:
    made = fhir.create(patient())
    answer = fhir.delete(f"/Patient/{made['id']}")
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (204, b"", 'W/"2"')
    assert fhir.get(f"/Patient/{made['id']}").status_code == 410


def test_delete_of_nothing_and_of_the_deleted_is_204(fhir: Fhir) -> None:
    made = fhir.create(patient())
    path = f"/Patient/{made['id']}"
    assert [fhir.delete(path).status_code for _ in range(2)] == [204, 204]
    assert fhir.delete(f"/Patient/{unique()}").status_code == 204
    assert fhir.get(f"{path}/_history").json["total"] == 2


def test_a_stale_if_match_is_412(fhir: Fhir) -> None:
    made = fhir.create(patient())
    path = f"/Patient/{made['id']}"
    fhir.put(path, made)
    assert fhir.delete(path, If_Match='W/"1"').status_code == 412
    assert fhir.delete(path, If_Match='W/"2"').status_code == 204


def test_a_referenced_resource_is_409(fhir: Fhir) -> None:
    made = fhir.create(patient())
    fhir.create(observation(f"Patient/{made['id']}"))
    answer = fhir.delete(f"/Patient/{made['id']}")
    assert (answer.status_code, codes(answer)) == (409, ["conflict"])
    assert fhir.get(f"/Patient/{made['id']}").status_code == 200


def test_prefer_operation_outcome_returns_one(fhir: Fhir) -> None:
    made = fhir.create(patient())
    answer = fhir.delete(f"/Patient/{made['id']}", Prefer="return=OperationOutcome")
    assert (answer.status_code, codes(answer)) == (200, ["informational"])


def test_criteria_that_match_one_delete_it(fhir: Fhir) -> None:
    value = unique()
    made = fhir.create(patient(value))
    assert fhir.delete(f"/Patient?identifier={value}").status_code == 204
    assert fhir.get(f"/Patient/{made['id']}").status_code == 410


def test_criteria_that_match_nothing_are_204(fhir: Fhir) -> None:
    assert fhir.delete(f"/Patient?identifier={unique()}").status_code == 204


def test_criteria_that_match_several_are_412(fhir: Fhir) -> None:
    value = unique()
    ids = [fhir.create(patient(value))["id"] for _ in range(2)]
    answer = fhir.delete(f"/Patient?identifier={value}")
    assert (answer.status_code, codes(answer)) == (412, ["multiple-matches"])
    assert [fhir.get(f"/Patient/{name}").status_code for name in ids] == [200, 200]


@pytest.mark.parametrize("path", ["/Patient", "", "/", "/Patient/_history", "/metadata"])
def test_a_whole_type_is_never_deleted(fhir: Fhir, path: str) -> None:
    answer = fhir.delete(path)
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])
    assert "GET" in answer.headers["Allow"]
    assert "DELETE" not in answer.headers["Allow"]
