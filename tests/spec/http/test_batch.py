"""https://hl7.org/fhir/R4/http.html#brules"""

from __future__ import annotations

import pytest

from tests.spec.http.client import BASE, Fhir, codes, entry, observation, patient, statuses, unique, urn


def test_entries_are_independent(fhir: Fhir) -> None:
    one = fhir.create(patient())
    answer = fhir.transaction(
        entry("POST", "Patient", patient()),
        entry("POST", "Patient", patient(gender="banana")),
        entry("GET", f"Patient/{one['id']}"),
        entry("GET", "Patient/nobody"),
        entry("GET", "Nothing/1"),
        entry("DELETE", f"Patient/{one['id']}"),
        kind="batch",
    )
    assert answer.json["type"] == "batch-response"
    assert statuses(answer) == ["201", "422", "200", "404", "404", "204"]
    bad = answer.json["entry"][1]["response"]["outcome"]
    assert bad["issue"][0]["expression"] == ["Bundle.entry[1].resource.gender"]
    assert answer.json["entry"][2]["resource"]["id"] == one["id"]


def test_searches_and_histories_are_answered_with_bundles(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value))
    answer = fhir.transaction(
        entry("GET", f"Patient?identifier={value}"),
        entry("GET", f"Patient/{one['id']}/_history"),
        entry("GET", f"Patient/{one['id']}?_elements=active"),
        entry("HEAD", f"Patient/{one['id']}"),
        kind="batch",
    )
    found, history, part, head = answer.json["entry"]
    assert (found["resource"]["type"], history["resource"]["type"]) == ("searchset", "history")
    assert set(part["resource"]) == {"resourceType", "id", "meta"}
    assert ("resource" in head, head["response"]["etag"]) == (False, 'W/"1"')


def test_a_reference_to_another_entry_is_refused(fhir: Fhir) -> None:
    url = urn()
    answer = fhir.transaction(
        entry("POST", "Patient", patient(), url), entry("POST", "Observation", observation(url)), kind="batch"
    )
    assert statuses(answer) == ["201", "400"]


def test_more_entries_than_the_limit_are_413(strict: Fhir) -> None:
    answer = strict.transaction(*[entry("GET", "metadata")] * 4, kind="batch")
    assert (answer.status_code, codes(answer)) == (413, ["too-costly"])


def test_the_statement_can_be_asked_for(fhir: Fhir) -> None:
    answer = fhir.transaction(entry("GET", "metadata"), kind="batch")
    assert answer.json["entry"][0]["resource"]["resourceType"] == "CapabilityStatement"


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("url", ["?x=1", "/?_format=json", f"{BASE}?x=1"])
def test_a_bundle_is_not_carried_out_inside_another_one(fhir: Fhir, kind: str, url: str) -> None:
    value = unique()
    inner = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", patient(value))]}
    answer = fhir.transaction(entry("POST", url, inner), kind=kind)
    assert (statuses(answer) if kind == "batch" else [str(answer.status_code)]) == ["400"]
    assert fhir.get(f"/Patient?identifier={value}&_summary=count").json["total"] == 0


def test_if_modified_since_of_an_entry_is_an_instant(fhir: Fhir) -> None:
    one = fhir.create(patient())
    url = f"Patient/{one['id']}"
    times = ["2001-01-01T00:00:00Z", one["meta"]["lastUpdated"], "2099-12-31T23:59:60.5+01:00"]
    answer = fhir.transaction(*[entry("GET", url, ifModifiedSince=time) for time in times], kind="batch")
    assert statuses(answer) == ["200", "304", "304"]
    assert "resource" not in answer.json["entry"][2]
