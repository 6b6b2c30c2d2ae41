"""https://hl7.org/fhir/R4/http.html#paging and https://hl7.org/fhir/R4/search.html#sort"""

from __future__ import annotations

import pytest

from tests.spec.http.client import Fhir, codes, patient, unique
from tests.spec.http.searching import FORM, ids, links, pages


def seven(fhir: Fhir) -> tuple[str, list[str]]:
    """Make patients with birth dates in two years, one of them without; return their mark and their ids."""
    value = unique()
    dates = ["1970", "1980", "1970", None, "1980", "1970", "1990"]
    made = []
    for number, date in enumerate(dates):
        more = {"birthDate": date} if date else {}
        made.append(fhir.create(patient(value, name=[{"family": f"F{number % 2}"}], **more))["id"])
    return value, made


@pytest.mark.parametrize("sort", ["", "_id", "-_lastUpdated", "birthdate", "-birthdate,family", "family,-birthdate"])
def test_previous_leads_back_over_the_same_pages(fhir: Fhir, sort: str) -> None:
    value, made = seven(fhir)
    path = f"/Patient?identifier={value}&_count=2" + (f"&_sort={sort}" if sort else "")
    there = [ids(page) for page in pages(fhir, path)]
    assert sorted(id_ for page in there for id_ in page) == sorted(made)
    *_, last = pages(fhir, path)
    back = [ids(page) for page in pages(fhir, links(last)["self"], "previous")]
    assert back[::-1] == there


def test_sort_keys_count_in_their_order_and_what_has_no_value_comes_last(fhir: Fhir) -> None:
    value, made = seven(fhir)
    found = ids(fhir.get(f"/Patient?identifier={value}&_sort=-birthdate,family"))
    assert found[0] == made[6]
    assert set(found[1:3]) == {made[1], made[4]}
    assert found[1:3] == [made[4], made[1]]  # F0 before F1
    assert found[-1] == made[3]
    assert ids(fhir.get(f"/Patient?identifier={value}&_sort=birthdate,family"))[-1] == made[3]


def test_first_leads_to_the_first_page_and_is_there_when_there_are_several(fhir: Fhir) -> None:
    value, _ = seven(fhir)
    path = f"/Patient?identifier={value}"
    assert set(links(fhir.get(path))) == {"self"}
    first = fhir.get(f"{path}&_count=3")
    assert set(links(first)) == {"self", "first", "next"}
    second = fhir.get(links(first)["next"])
    assert set(links(second)) == {"self", "first", "previous", "next"}
    assert links(second)["first"] == f"{path}&_count=3"
    last = fhir.get(links(second)["next"])
    assert set(links(last)) == {"self", "first", "previous"}


def test_a_page_can_be_asked_for_again_by_its_self_link(fhir: Fhir) -> None:
    value, _ = seven(fhir)
    second = fhir.get(links(fhir.get(f"/Patient?identifier={value}&_count=3"))["next"])
    assert ids(fhir.get(links(second)["self"])) == ids(second)


def test_the_pages_of_a_search_by_post_are_fetched_by_get(fhir: Fhir) -> None:
    value, made = seven(fhir)
    answer = fhir.post("/Patient/_search", f"identifier={value}&_count=4&_sort=birthdate", Content_Type=FORM)
    assert links(answer)["self"] == f"/Patient?identifier={value}&_count=4&_sort=birthdate"
    assert sorted(ids(answer) + ids(fhir.get(links(answer)["next"]))) == sorted(made)


def test_a_count_above_the_limit_is_shown_as_it_was_used(strict: Fhir) -> None:
    answer = strict.get(f"/Patient?identifier={unique()}&_count=1000000")
    assert links(answer)["self"].endswith("&_count=20")
    assert ids(answer) == []


def test_a_clamped_count_pages_on(strict: Fhir) -> None:
    value = unique()
    wanted = {strict.create(patient(value))["id"] for _ in range(23)}
    found = [ids(page) for page in pages(strict, f"/Patient?identifier={value}&_count=99999")]
    assert [len(page) for page in found] == [20, 3]
    assert {id_ for page in found for id_ in page} == wanted


@pytest.mark.parametrize("query", ["_total=accurate", "_total=estimate"])
def test_a_total_that_is_asked_for_is_exact_on_every_page(fhir: Fhir, query: str) -> None:
    value, made = seven(fhir)
    assert {page.json["total"] for page in pages(fhir, f"/Patient?identifier={value}&_count=3&{query}")} == {len(made)}


@pytest.mark.parametrize("query", ["", "&_total=none"])
def test_a_total_that_nobody_counted_is_absent(fhir: Fhir, query: str) -> None:
    value, _ = seven(fhir)
    for page in pages(fhir, f"/Patient?identifier={value}&_count=3{query}"):
        assert "total" not in page.json


def test_what_is_created_and_deleted_between_pages_moves_nothing_else(fhir: Fhir) -> None:
    value, made = seven(fhir)
    path = f"/Patient?identifier={value}&_count=2&_sort=_lastUpdated"
    first = fhir.get(path)
    fhir.delete(f"/Patient/{made[0]}")
    added = fhir.create(patient(value))["id"]
    rest = [id_ for page in pages(fhir, links(first)["next"]) for id_ in ids(page)]
    assert rest == [*made[2:], added]


@pytest.mark.parametrize(
    "query",
    ["_sort=", "_sort=birthdate,", "_sort=-", "_sort=,", "_sort=birthdate&_sort=_id", "_total=", "_total=some",
     "_count=", "_count=-1", "_count=1.5", "_count=%2B1", "_count=%D9%A3",
     "_summary=true&_summary=text", "_elements=id&_elements=name"],
)  # fmt: skip
def test_what_shapes_the_result_is_given_once_and_with_a_value_that_can_be(fhir: Fhir, query: str) -> None:
    for headers in ({}, {"Prefer": "handling=lenient"}):
        answer = fhir.get(f"/Patient?{query}", **headers)
        assert (answer.status_code, codes(answer)) == (400, ["value"]), answer.text


def test_a_sort_key_that_is_unknown_is_refused_by_its_name(fhir: Fhir) -> None:
    answer = fhir.get("/Patient?_sort=nonsense")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])
    assert "nonsense" in answer.json["issue"][0]["diagnostics"]


def test_a_system_search_sorts_by_what_every_type_has(fhir: Fhir) -> None:
    code = unique()
    tag = {"tag": [{"system": "urn:x", "code": code}]}
    made = [
        fhir.create(resource)["id"]
        for resource in (patient(meta=tag), {"resourceType": "Basic", "code": {"text": "x"}, "meta": tag})
    ]
    for sort, wanted in (("_lastUpdated", made), ("-_lastUpdated", made[::-1]), ("_id", sorted(made))):
        found = [id_ for page in pages(fhir, f"?_tag={code}&_sort={sort}&_count=1") for id_ in ids(page)]
        assert found == wanted
    assert ids(fhir.get(f"?_tag={code}&_type=Basic")) == [made[1]]
    assert set(ids(fhir.get(f"?_tag={code}&_type=Basic,Patient"))) == set(made)
    assert fhir.get(f"?_tag={code}&_type=Nonsense").status_code == 400
