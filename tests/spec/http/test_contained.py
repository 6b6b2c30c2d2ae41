"""https://hl7.org/fhir/R4/search.html#contained"""

from __future__ import annotations

import json
from typing import Any

import flask
import pytest

from fhir_server.rest.message import Request
from fhir_server.storage.access import Access, Grant
from tests.spec.http.client import BASE, Fhir, codes, patient, unique
from tests.spec.http.searching import FORM, ids, links, pages

INEZ = {"resourceType": "Patient", "id": "p", "name": [{"given": ["Inez"]}], "gender": "female"}


def held(value: str, *others: str, **more: Any) -> dict[str, Any]:
    """Return an observation about a contained patient with an identifier."""
    inner = [{**INEZ, "id": id_, "identifier": [{"system": "urn:x", "value": value}]} for id_ in ("p", *others)]
    performers = {"performer": [{"reference": f"#{id_}"} for id_ in others]} if others else {}
    about = {"status": "final", "code": {"text": "x"}, "subject": {"reference": "#p"}}
    return {"resourceType": "Observation", "contained": inner, **about, **performers, **more}


def test_contained_resources_are_not_returned_by_default(fhir: Fhir) -> None:
    value = unique()
    fhir.create(held(value))
    for query in ("", "&_contained=false", "&_contained=false&_containedType=contained", "&_containedType=contained"):
        assert ids(fhir.get(f"/Patient?identifier={value}{query}")) == [], query


def test_containers_are_returned_as_matches(fhir: Fhir) -> None:
    value = unique()
    id_ = fhir.create(held(value))["id"]
    for query in ("_contained=true", "_contained=true&_containedType=container"):
        answer = fhir.get(f"/Patient?identifier={value}&{query}")
        (entry,) = answer.json["entry"]
        assert entry["fullUrl"] == f"{BASE}/Observation/{id_}"
        assert entry["resource"]["contained"][0]["id"] == "p"
        assert entry["search"] == {"mode": "match"}
        assert answer.json["total"] == 1
        assert links(answer)["self"] == f"/Patient?identifier={value}&{query}"


def test_contained_resources_alone_tell_their_container(fhir: Fhir) -> None:
    value = unique()
    id_ = fhir.create(held(value, "q"))["id"]
    answer = fhir.get(f"/Patient?identifier={value}&_contained=true&_containedType=contained")
    assert [entry["fullUrl"] for entry in answer.json["entry"]] == [f"{BASE}/Observation/{id_}#{p}" for p in "pq"]
    assert answer.json["entry"][0]["resource"] == held(value)["contained"][0]
    assert {entry["search"]["mode"] for entry in answer.json["entry"]} == {"match"}
    assert answer.json["total"] == 2
    posted = fhir.post(
        "/Patient/_search", f"identifier={value}&_contained=true&_containedType=contained", Content_Type=FORM
    )
    assert posted.json["entry"] == answer.json["entry"]
    short = fhir.get(f"/Patient?identifier={value}&_contained=true&_containedType=contained&_elements=gender")
    assert short.json["entry"][0]["resource"]["gender"] == "female"
    assert "name" not in short.json["entry"][0]["resource"]


def test_both_returns_ordinary_resources_first_and_pages_go_on(fhir: Fhir) -> None:
    value = unique()
    wanted = [fhir.create(patient(value))["id"] for _ in range(3)]
    holders = [fhir.create(held(value))["id"] for _ in range(4)]
    path = f"/Patient?identifier={value}&_contained=both&_count=2&_total=accurate"
    found = list(pages(fhir, path))
    assert [ids(page) for page in found] == [wanted[:2], [wanted[2], holders[0]], holders[1:3], holders[3:]]
    assert {page.json["total"] for page in found} == {7}
    back = [ids(page) for page in pages(fhir, links(found[-1])["self"], "previous")]
    assert back[::-1] == [ids(page) for page in found]
    assert fhir.get(f"/Patient?identifier={value}&_contained=both&_summary=count").json["total"] == 7


def test_a_chain_is_evaluated_inside_contained_resources(fhir: Fhir) -> None:
    value = unique()
    id_ = fhir.create(held(value))["id"]
    other = fhir.create(patient(value))["id"]
    stored = fhir.create(held(value, contained=[], subject={"reference": f"Patient/{other}"}) | {"contained": [INEZ],
        "performer": [{"reference": "#p"}]})["id"]  # fmt: skip
    assert set(ids(fhir.get(f"/Observation?subject:Patient.identifier={value}"))) == {id_, stored}
    assert ids(fhir.get(f"/Observation?subject:Patient.identifier={value}&subject:Patient.given=Inez")) == [id_]
    assert ids(fhir.get(f"/Patient?_has:Observation:subject:performer.given=Inez&identifier={value}")) == [other]


@pytest.mark.parametrize("query", ["_contained=", "_contained=yes", "_contained=true&_contained=both",
                                   "_containedType=", "_containedType=x", "_contained=true,both"])  # fmt: skip
def test_other_values_are_refused(fhir: Fhir, query: str) -> None:
    for headers in ({}, {"Prefer": "handling=lenient"}):
        answer = fhir.get(f"/Patient?{query}", **headers)
        assert (answer.status_code, codes(answer)) == (400, ["value"])


@pytest.mark.parametrize("query", ["_contained=true&_include=Patient:organization", "_contained=both&_sort=_id",
                                   "_contained=true&_revinclude=Observation:subject"])  # fmt: skip
def test_what_would_have_no_clear_meaning_is_refused(fhir: Fhir, query: str) -> None:
    answer = fhir.get(f"/Patient?{query}")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


def test_a_conditional_interaction_has_no_contained_matches(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", patient(), If_None_Exist="identifier=x&_contained=true")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


def test_the_statement_and_the_description_tell_of_it(fhir: Fhir) -> None:
    (rest,) = fhir.get("/metadata").json["rest"]
    assert {"_contained", "_containedType"} <= {one["name"] for one in rest["searchParam"]}


def test_a_restricted_caller_sees_contained_resources_with_their_container(
    fhir: Fhir, application: flask.Flask
) -> None:
    value = unique()
    mine, other = (fhir.create(patient())["id"] for _ in range(2))
    found = {}
    for owner in (mine, other):
        subject = {"subject": {"reference": f"Patient/{owner}"}, "performer": [{"reference": "#p"}]}
        found[owner] = fhir.create(held(value, **subject))["id"]
    access = Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", mine))])
    endpoint = application.extensions["fhir_server"].endpoint

    def seen(kind: str, *query: tuple[str, str]) -> tuple[list[str], int]:
        answer = endpoint.handle(Request("GET", kind, [*query, ("_total", "accurate")], access))
        bundle = json.loads(answer.text)
        return [one["fullUrl"] for one in bundle.get("entry", [])], bundle["total"]

    identifier, container = ("identifier", value), f"{BASE}/Observation/{found[mine]}"
    for contained in ("true", "both"):
        assert seen("Patient", identifier, ("_contained", contained)) == ([container], 1)
        alone = seen("Patient", identifier, ("_contained", contained), ("_containedType", "contained"))
        assert alone == ([f"{container}#p"], 1)
    assert seen("Observation", ("performer:Patient.identifier", value)) == ([container], 1)
    assert len(ids(fhir.get(f"/Patient?identifier={value}&_contained=true"))) == 2
