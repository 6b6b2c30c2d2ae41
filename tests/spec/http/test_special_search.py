"""`_list`, `_filter` and `near` over HTTP.

https://hl7.org/fhir/R4/search.html#special
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.spec.http.client import Fhir, observation, patient


def ids(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json.get("entry", ()) if entry["search"]["mode"] == "match"}


@pytest.fixture
def mark() -> str:
    """A family name nobody has."""
    return f"f{uuid.uuid4().hex[:12]}"


def test_a_list_and_a_filter_find_what_they_say(fhir: Fhir, mark: str) -> None:
    ann = fhir.create(patient(name=[{"family": mark, "given": ["Ann"]}], gender="female"))
    bob = fhir.create(patient(name=[{"family": mark, "given": ["Bob"]}], gender="male"))
    entries = [{"item": {"reference": f"Patient/{each['id']}"}} for each in (ann, bob)]
    found = fhir.create({"resourceType": "List", "status": "current", "mode": "working", "entry": entries})
    about = fhir.create(observation(f"Patient/{ann['id']}"))
    assert ids(fhir.get(f"/Patient?_list={found['id']}")) == {ann["id"], bob["id"]}
    assert ids(fhir.get(f"/Patient?_list=List/{found['id']}&gender=male")) == {bob["id"]}
    assert ids(fhir.get(f"/?_list={found['id']}")) == {ann["id"], bob["id"]}
    said = f'family eq {mark} and (given sw "bo" or gender eq female)'
    assert ids(fhir.get(f"/Patient?_filter={quote(said)}")) == {ann["id"], bob["id"]}
    form = urlencode({"_filter": f"subject[gender eq female].family eq {mark}", "_include": "Observation:subject"})
    answer = fhir.post("/Observation/_search", form, Content_Type="application/x-www-form-urlencoded")
    assert ids(answer) == {about["id"]}
    assert {entry["search"]["mode"] for entry in answer.json["entry"]} == {"match", "include"}


def test_a_filter_narrows_a_conditional_interaction(fhir: Fhir, mark: str) -> None:
    ann = fhir.create(patient(name=[{"family": mark}]))
    answer = fhir.put(f"/Patient?_filter={quote(f'family eq {mark}')}", patient(name=[{"family": mark}], active=True))
    assert answer.status_code == 200
    assert answer.json["id"] == ann["id"]


def test_locations_are_found_by_their_place(fhir: Fhir) -> None:
    place = {"latitude": -54.8019, "longitude": -68.3029}
    found = fhir.create({"resourceType": "Location", "position": place})
    assert ids(fhir.get("/Location?near=-54.8|-68.3|1|km")) == {found["id"]}
    assert ids(fhir.get("/Location?near=-54.8|-68.3|100|m")) == set()


def test_the_statement_names_them(fhir: Fhir) -> None:
    rest = fhir.get("/metadata").json["rest"][0]
    of_type = {found["type"]: {one["name"]: one["type"] for one in found["searchParam"]} for found in rest["resource"]}
    common = {one["name"]: one["type"] for one in rest["searchParam"]}
    for names in (common, of_type["Patient"], of_type["Location"]):
        assert (names["_list"], names["_filter"]) == ("token", "special")
    assert of_type["Location"]["near"] == "special"
    assert "near" not in of_type["Patient"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("/Patient?_list=$current-problems", "not-supported"),
        ("/Patient?_list=Patient/1", "value"),
        ("/Patient?_filter=name%20is%20x", "value"),
        ("/Patient?_filter=gender%20co%20x", "not-supported"),
        ("/Location?near=here", "value"),
        ("/Patient?near=1|2", "not-supported"),
    ],
)
def test_what_cannot_be_answered_is_refused(fhir: Fhir, query: str, code: str) -> None:
    for preference in ("handling=strict", "handling=lenient"):
        answer = fhir.get(query, Prefer=preference)
        if preference == "handling=lenient" and query.startswith("/Patient?near"):
            assert answer.status_code == 200, "an unknown parameter may be left out"
            continue
        assert answer.status_code == 400
        assert answer.json["issue"][0]["code"] == code
