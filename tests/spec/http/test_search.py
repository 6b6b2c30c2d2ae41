"""https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.spec.http.client import BASE, XML, Fhir, codes, observation, patient, unique

FORM = "application/x-www-form-urlencoded"


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json.get("entry", []) if entry["search"]["mode"] == "match"]


def links(answer: Any) -> dict[str, str]:
    return {link["relation"]: link["url"].removeprefix(BASE) for link in answer.json["link"]}


def test_a_searchset_says_what_matched(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value))
    bundle = fhir.get(f"/Patient?identifier=urn:oid:1.2.36.146|{value}").json
    assert (bundle["type"], bundle["total"]) == ("searchset", 1)
    assert bundle["entry"] == [{"fullUrl": f"{BASE}/Patient/{one['id']}", "resource": one, "search": {"mode": "match"}}]


def test_tokens_strings_dates_and_references_are_searched(fhir: Fhir) -> None:
    name = unique()
    one = fhir.create(patient(name, name=[{"family": name}], birthDate="1970-05-04", active=True))
    two = fhir.create(observation(f"Patient/{one['id']}"))
    for query in (
        f"identifier={name}",
        f"family={name.upper()[:6]}",
        f"_id={one['id']}",
        f"birthdate=1970&family={name}",
        f"birthdate=lt1971&active=true&family:exact={name}",
    ):
        assert ids(fhir.get(f"/Patient?{query}")) == [one["id"]], query
    for subject in (f"Patient/{one['id']}", one["id"], f"{BASE}/Patient/{one['id']}"):
        assert ids(fhir.get(f"/Observation?subject={subject}")) == [two["id"]]
    assert ids(fhir.get(f"/Patient?family={name}&birthdate=1971")) == []


def test_a_deleted_resource_is_not_found(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value))
    fhir.delete(f"/Patient/{one['id']}")
    assert ids(fhir.get(f"/Patient?identifier={value}")) == []


@pytest.mark.parametrize("sort", ["", "&_sort=-_lastUpdated", "&_sort=_id"])
def test_pages_add_up_to_the_whole(fhir: Fhir, sort: str) -> None:
    value = unique()
    wanted = {fhir.create(patient(value))["id"] for _ in range(5)}
    path, found = f"/Patient?identifier={value}&_count=2{sort}", list[str]()
    while path:
        page = fhir.get(path)
        assert len(ids(page)) <= 2
        found += ids(page)
        path = links(page).get("next", "")
    assert sorted(found) == sorted(wanted)


def test_a_page_can_be_asked_for_in_another_format(fhir: Fhir) -> None:
    value = unique()
    for _ in range(3):
        fhir.create(patient(value))
    following = links(fhir.get(f"/Patient?identifier={value}&_count=1"))["next"]
    assert fhir.get(f"{following}&_format=xml").headers["Content-Type"].startswith(XML)


@pytest.mark.parametrize("change", ["identifier=other", "_count=3", "_page=AAAA"])
def test_a_next_link_that_was_changed_is_400(fhir: Fhir, change: str) -> None:
    value = unique()
    for _ in range(3):
        fhir.create(patient(value))
    following = links(fhir.get(f"/Patient?identifier={value}&_count=1"))["next"]
    name = change.partition("=")[0]
    old = next(pair for pair in following.partition("?")[2].split("&") if pair.startswith(name + "="))
    answer = fhir.get(following.replace(old, change))
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


def test_a_next_link_serves_its_type_only(fhir: Fhir) -> None:
    value = unique()
    for _ in range(2):
        fhir.create(patient(value))
    following = links(fhir.get(f"/Patient?identifier={value}&_count=1"))["next"]
    assert fhir.get(following.replace("/Patient", "/Person")).status_code == 400


def test_an_unknown_parameter_is_400(fhir: Fhir) -> None:
    answer = fhir.get("/Patient?nonsense=1")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


@pytest.mark.parametrize(
    "query, hint",
    [("Patient?nme=alma", "mean name?"), ("Patient?brithdate=2000", "mean birthdate?"), ("?_idd=1", "_id?")],
)
def test_a_parameter_close_to_a_known_one_is_told_its_name(fhir: Fhir, query: str, hint: str) -> None:
    assert hint in fhir.get(f"/{query}").json["issue"][0]["diagnostics"]
    assert "mean" not in fhir.get("/Patient?shoesize=42").text
    assert "mean" not in fhir.get("/Patient?name:unknown=42").text


def test_an_unknown_parameter_is_left_out_where_the_client_is_lenient(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value))
    answer = fhir.get(f"/Patient?nonsense=1&identifier={value}", Prefer="handling=lenient")
    assert ids(answer) == [one["id"]]
    assert links(answer)["self"] == f"/Patient?identifier={value}"
    remark = answer.json["entry"][-1]
    assert remark["search"]["mode"] == "outcome"
    assert remark["resource"]["issue"][0]["severity"] == "warning"


def test_lenient_next_links_lead_on(fhir: Fhir) -> None:
    value = unique()
    for _ in range(2):
        fhir.create(patient(value))
    answer = fhir.get(f"/Patient?identifier={value}&nonsense=1&_count=1&_sort=nonsense", Prefer="handling=lenient")
    assert len(ids(fhir.get(links(answer)["next"]))) == 1


@pytest.mark.parametrize(
    "query",
    ["identifier=,", "birthdate=xx2020", "birthdate=2024-02-30", "_count=x", "_count=-1", "_total=maybe",
     "_count=1&_count=2", "family:nonsense=x", "_sort=nonsense", "active:missing=maybe", "name=%00", "name=%ff",
     "name=%zz", "_summary=maybe", "_pretty=maybe", "_summary=true&_elements=id"],
)  # fmt: skip
def test_a_parameter_that_cannot_be_is_400(fhir: Fhir, query: str) -> None:
    answer = fhir.get(f"/Patient?{query}")
    assert answer.status_code == 400, answer.text
    assert set(codes(answer)) <= {"value", "invalid", "not-supported"}


def test_the_total_is_exact_or_absent(fhir: Fhir) -> None:
    value = unique()
    for _ in range(3):
        fhir.create(patient(value))
    path = f"/Patient?identifier={value}"
    assert fhir.get(path).json["total"] == 3
    assert "total" not in fhir.get(f"{path}&_count=1").json
    assert fhir.get(f"{path}&_count=1&_total=accurate").json["total"] == 3
    assert "total" not in fhir.get(f"{path}&_total=none").json
    for query in ("_summary=count", "_count=0"):
        bundle = fhir.get(f"{path}&{query}").json
        assert (bundle["total"], "entry" in bundle) == (3, False)


def test_count_is_clamped_to_the_limit(strict: Fhir) -> None:
    value = unique()
    for _ in range(21):
        strict.create(patient(value))
    assert len(ids(strict.get(f"/Patient?identifier={value}&_count=1000000"))) == 20


def test_post_search_reads_the_form_and_the_url(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value, active=True))
    fhir.create(patient(value, active=False))
    body = f"identifier={quote('urn:oid:1.2.36.146|' + value)}"
    answer = fhir.post("/Patient/_search?active=true", body, Content_Type=FORM)
    assert ids(answer) == [one["id"]]
    assert links(answer)["self"].startswith("/Patient?active=true&identifier=")
    assert fhir.post("/Patient/_search", "{}", Content_Type="application/json").status_code == 415


def test_the_form_of_a_post_search_says_how_to_answer(fhir: Fhir) -> None:
    value = unique()
    fhir.create(patient(value, active=True))
    answer = fhir.post("/Patient/_search", f"identifier={value}&_format=xml", Content_Type=FORM)
    assert answer.headers["Content-Type"].startswith(XML)
    counted = fhir.post("/Patient/_search", f"identifier={value}&_summary=count", Content_Type=FORM)
    assert (counted.json["total"], "entry" in counted.json) == (1, False)
    part = fhir.post("/Patient/_search", f"identifier={value}&_elements=identifier", Content_Type=FORM)
    assert "active" not in part.json["entry"][0]["resource"]
    assert fhir.post("/Patient/_search", "_format=pdf", Content_Type=FORM).status_code == 406


def test_post_search_without_a_form_is_a_search(fhir: Fhir) -> None:
    fhir.create(patient())
    assert ids(fhir.send("POST", "/Patient/_search"))


def test_summary_and_elements_are_cut_in_every_entry(fhir: Fhir) -> None:
    value = unique()
    fhir.create(patient(value, active=True, name=[{"family": "x"}], communication=[{"language": {"text": "x"}}]))
    whole = fhir.get(f"/Patient?identifier={value}&_elements=active").json["entry"][0]["resource"]
    assert set(whole) == {"resourceType", "id", "meta", "active"}
    short = fhir.get(f"/Patient?identifier={value}&_summary=true").json["entry"][0]["resource"]
    assert "communication" not in short
    assert short["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_a_search_over_all_types_uses_common_parameters(fhir: Fhir) -> None:
    code = unique()
    tag = {"tag": [{"system": "urn:x", "code": code}]}
    wanted = {fhir.create(made)["id"] for made in (patient(meta=tag), observation(meta=tag))}
    assert set(ids(fhir.get(f"?_tag=urn:x|{code}"))) == wanted
    assert set(ids(fhir.post("/_search", f"_tag={code}", Content_Type=FORM))) == wanted
    assert fhir.get("?family=x").status_code == 400
