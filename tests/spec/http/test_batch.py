"""https://hl7.org/fhir/R4/http.html#brules"""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.http.client import BASE, Fhir, codes, entry, observation, patient, places, statuses, unique, urn

UNKNOWN = {"extension": [{"url": "http://example.org/x", "valueCode": "a"}]}


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


BAD_REQUESTS: list[tuple[Any, str]] = [
    ({"request": {"method": "put", "url": "Patient/1"}}, "Bundle.entry[1].request.method"),
    ({"request": {"method": "TRACE", "url": "Patient/1"}}, "Bundle.entry[1].request.method"),
    ({"request": {"method": "GET"}}, "Bundle.entry[1].request"),
    ({"request": {"url": "Patient/1"}}, "Bundle.entry[1].request"),
    ({"request": {"method": "GET", "url": 5}}, "Bundle.entry[1].request.url"),
    ({"request": {"method": "GET", "url": "metadata", "ifModifiedSince": "x"}}, "Bundle.entry[1].request"),
    ({"request": {"method": "GET", "url": "metadata", "nonsense": 1}}, "Bundle.entry[1].request"),
    ({"request": {}}, "Bundle.entry[1].request"),
    ({"request": "GET metadata"}, "Bundle.entry[1].request"),
    ({"request": None}, "Bundle.entry[1].request"),
    ({"request": {"_method": UNKNOWN, "url": "Patient/1"}}, "Bundle.entry[1].request"),
    ({"request": {"method": "GET", "_url": UNKNOWN}}, "Bundle.entry[1].request"),
    ({}, "Bundle.entry[1].request"),
    ({"resource": patient()}, "Bundle.entry[1].request"),
    ({"fullUrl": "urn:uuid:8c3a5a6e-9b0a-4b0e-9d8c-0f6f5c8b5a11"}, "Bundle.entry[1].request"),
]


@pytest.mark.parametrize("bad, place", BAD_REQUESTS)
def test_an_entry_whose_request_makes_no_sense_is_400_and_the_others_run(fhir: Fhir, bad: Any, place: str) -> None:
    answer = fhir.transaction(
        entry("POST", "Patient", patient()), bad, entry("POST", "Patient", patient()), kind="batch"
    )
    assert statuses(answer) == ["201", "400", "201"]
    issues = answer.json["entry"][1]["response"]["outcome"]["issue"]
    assert {found.startswith(place) for issue in issues for found in issue["expression"]} == {True}, issues


@pytest.mark.parametrize("bad, place", BAD_REQUESTS)
def test_the_same_entry_refuses_a_transaction_and_is_named(fhir: Fhir, bad: Any, place: str) -> None:
    value = unique()
    answer = fhir.transaction(entry("POST", "Patient", patient(value)), bad)
    assert answer.status_code in (400, 422)
    assert all(found.startswith(place) for found in places(answer)), answer.text
    assert fhir.get(f"/Patient?identifier={value}&_summary=count").json["total"] == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"request": {"method": "put", "url": "x"}, "fullUrl": "relative"},
        {"request": {"method": "GET", "url": "metadata"}, "search": {"mode": "match"}},
        {"request": {"method": "GET", "url": "metadata"}, "nonsense": 1},
        "text",
    ],
)
def test_a_bundle_that_is_wrong_beside_its_requests_is_refused_as_a_whole(fhir: Fhir, bad: Any) -> None:
    value = unique()
    answer = fhir.transaction(entry("POST", "Patient", patient(value)), bad, kind="batch")
    assert answer.status_code in (400, 422)
    assert fhir.get(f"/Patient?identifier={value}&_summary=count").json["total"] == 0


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
