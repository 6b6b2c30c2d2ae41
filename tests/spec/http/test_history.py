"""https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.http.client import BASE, Fhir, codes, patient, unique


def changed(fhir: Fhir) -> str:
    """Create, update, delete and revive a patient; return its id."""
    made = fhir.create(patient())
    path = f"/Patient/{made['id']}"
    fhir.put(path, made | {"active": True})
    fhir.delete(path)
    fhir.put(path, made | {"active": False})
    return str(made["id"])


def walk(fhir: Fhir, path: str) -> list[dict[str, Any]]:
    """Return the entries of all pages."""
    found: list[dict[str, Any]] = []
    while path:
        page = fhir.get(path).json
        found += page.get("entry", [])
        links = {link["relation"]: link["url"] for link in page["link"]}
        path = links.get("next", "").removeprefix(BASE)
    return found


def test_the_history_of_a_resource_lists_its_versions_newest_first(fhir: Fhir) -> None:
    name = changed(fhir)
    bundle = fhir.get(f"/Patient/{name}/_history").json
    assert (bundle["type"], bundle["total"]) == ("history", 4)
    entries = bundle["entry"]
    assert [entry["response"]["etag"] for entry in entries] == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert [entry["request"]["method"] for entry in entries] == ["PUT", "DELETE", "PUT", "POST"]
    assert [entry["request"]["url"] for entry in entries] == [f"Patient/{name}"] * 3 + ["Patient"]
    assert ["resource" in entry for entry in entries] == [True, False, True, True]
    assert {entry["fullUrl"] for entry in entries} == {f"{BASE}/Patient/{name}"}
    assert entries[0]["response"]["lastModified"] == entries[0]["resource"]["meta"]["lastUpdated"]


def test_the_status_of_an_entry_is_that_of_the_interaction_itself(fhir: Fhir) -> None:
    path = f"/Patient/{unique()}"
    body = patient(id=path.rpartition("/")[2])
    answers = [fhir.put(path, body), fhir.put(path, body | {"active": True}), fhir.delete(path), fhir.put(path, body)]
    answers += [fhir.delete(path), fhir.put(path, body), fhir.put(path, body | {"active": True})]
    told = [str(answer.status_code) for answer in answers]
    assert told == ["201", "200", "204", "201", "204", "201", "200"]
    entries = walk(fhir, f"{path}/_history?_count=2")
    assert [entry["response"]["status"][:3] for entry in entries] == told[::-1]


@pytest.mark.parametrize("scope", ["/Patient/{}", "/Patient", ""])
def test_pages_add_up_to_the_whole(fhir: Fhir, scope: str) -> None:
    name = changed(fhir)
    since = fhir.get(f"/Patient/{name}/_history/1").json["meta"]["lastUpdated"]
    path = f"{scope.format(name)}/_history?_count=3&_since={since}"
    mine = [entry for entry in walk(fhir, path) if entry["fullUrl"].endswith(name)]
    assert [entry["response"]["etag"] for entry in mine] == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']


def test_since_leaves_older_versions_out(fhir: Fhir) -> None:
    name = changed(fhir)
    path = f"/Patient/{name}/_history"
    moment = fhir.get(path).json["entry"][1]["response"]["lastModified"]
    assert len(fhir.get(f"{path}?_since={moment}").json["entry"]) == 2
    assert "entry" not in fhir.get(f"{path}?_since=2999-01-01T00:00:00%2B01:00").json


def test_at_shows_what_was_current_then(fhir: Fhir) -> None:
    name = changed(fhir)
    path = f"/Patient/{name}/_history"
    moment = fhir.get(f"{path}").json["entry"][2]["response"]["lastModified"]
    found = fhir.get(f"{path}?_at={moment}").json["entry"]
    assert [entry["response"]["etag"] for entry in found] == ['W/"2"']


def test_count_zero_and_summary_count_give_the_total_alone(fhir: Fhir) -> None:
    name = changed(fhir)
    for query in ("_count=0", "_summary=count"):
        bundle = fhir.get(f"/Patient/{name}/_history?{query}").json
        assert (bundle["total"], "entry" in bundle) == (4, False)


def test_elements_are_cut_in_every_entry(fhir: Fhir) -> None:
    name = changed(fhir)
    bundle = fhir.get(f"/Patient/{name}/_history?_elements=active").json
    resource = bundle["entry"][0]["resource"]
    assert set(resource) == {"resourceType", "id", "meta", "active"}
    assert resource["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_the_history_of_nothing_is_404_and_of_the_deleted_200(fhir: Fhir) -> None:
    assert fhir.get(f"/Patient/{unique()}/_history").status_code == 404
    made = fhir.create(patient())
    fhir.delete(f"/Patient/{made['id']}")
    assert fhir.get(f"/Patient/{made['id']}/_history").json["total"] == 2


@pytest.mark.parametrize(
    "query",
    ["_since=yesterday", "_at=2024-02-30", "_count=-1", "_count=x", "_since=", "name=x", "_page=forged", "_page="],
)
def test_a_parameter_that_cannot_be_is_400(fhir: Fhir, query: str) -> None:
    answer = fhir.get(f"/Patient/_history?{query}")
    assert answer.status_code == 400
    assert set(codes(answer)) <= {"value", "invalid", "not-supported"}
