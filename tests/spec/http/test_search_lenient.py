"""https://hl7.org/fhir/R4/search.html#errors: strict where nothing is said, lenient where the client prefers it."""

from __future__ import annotations

import pytest

from tests.spec.http.client import Fhir, codes, patient, unique
from tests.spec.http.searching import FORM, LENIENT, ids, links, pages, remarks

# What is not supported, and what stays of the query where it is left out.
UNSUPPORTED = [
    ("nonsense=1", ""),
    ("nonsense=1&nonsense=2", ""),
    ("family:nonsense=x", ""),
    ("gender:exact=x", ""),
    ("birthdate:exact=2000", ""),
    ("organization.nonsense=x", ""),
    ("organization:Slot.name=x", ""),
    ("_has:Observation:nonsense:code=x", ""),
    ("_has:Nonsense:subject:code=x", ""),
    ("_has:Observation:subject=x", ""),
    ("_query=everything", ""),
    ("_contained:not=true", ""),
    ("_sort=nonsense", ""),
    ("_sort=family,nonsense,-birthdate", "_sort=family,-birthdate"),
    ("_include=Bad:thing", ""),
    ("_include=Bad:thing&_include=Patient:link", "_include=Patient:link"),
    ("_revinclude=Observation:nonsense", ""),
    ("_include:nonsense=Patient:link", ""),
]


@pytest.mark.parametrize("query, rest", UNSUPPORTED)
def test_what_is_not_supported_is_refused(fhir: Fhir, query: str, rest: str) -> None:
    for headers in ({}, {"Prefer": "handling=strict"}):
        answer = fhir.get(f"/Patient?active=true&{query}", **headers)
        assert answer.status_code == 400, answer.text
        assert set(codes(answer)) == {"not-supported"}


@pytest.mark.parametrize("query, rest", UNSUPPORTED)
def test_a_lenient_client_is_told_what_was_left_out(fhir: Fhir, query: str, rest: str) -> None:
    value = unique()
    wanted = {fhir.create(patient(value, name=[{"family": name}]))["id"] for name in "ab"}
    kept = f"/Patient?identifier={value}" + (f"&{rest}" if rest else "")
    for answer in (
        fhir.get(f"/Patient?identifier={value}&{query}", **LENIENT),
        fhir.post("/Patient/_search", f"identifier={value}&{query}", Content_Type=FORM, **LENIENT),
    ):
        assert set(ids(answer)) == wanted
        assert links(answer)["self"] == kept
        found = remarks(answer)
        assert [(issue["severity"], issue["code"]) for issue in found] == [("warning", "not-supported")]
        assert answer.json["total"] == 2, "remarks are not counted"
    clean = fhir.get(kept)
    assert (set(ids(clean)), remarks(clean)) == (wanted, [])


def test_pages_of_a_lenient_search_go_on(fhir: Fhir) -> None:
    value = unique()
    wanted = {fhir.create(patient(value))["id"] for _ in range(3)}
    first = fhir.get(f"/Patient?nonsense=1&identifier={value}&_count=1&_sort=nonsense,_id", **LENIENT)
    rest = [id_ for page in pages(fhir, links(first)["next"]) for id_ in ids(page)]
    assert ids(first) + rest == sorted(wanted)


@pytest.mark.parametrize(
    "query",
    ["birthdate=xx2020", "birthdate=2024-02-30", "identifier=,", "active:missing=maybe", "_count=x",
     "_total=nonsense", "_lastUpdated=yesterday", "general-practitioner=a/b/c/d"],
)  # fmt: skip
def test_a_bad_value_stays_an_error(fhir: Fhir, query: str) -> None:
    answer = fhir.get(f"/Patient?{query}", **LENIENT)
    assert answer.status_code == 400, answer.text
    assert set(codes(answer)) <= {"value", "invalid"}


def test_names_are_shown_only_where_they_can_do_no_harm(fhir: Fhir) -> None:
    answer = fhir.get(f"/Patient?identifier={unique()}&%3Cscript%3E=1", **LENIENT)
    (issue,) = remarks(answer)
    assert "script" not in issue["diagnostics"]


def test_every_parameter_that_is_not_supported_is_named_at_once(fhir: Fhir) -> None:
    answer = fhir.get("/Patient?one=1&two=2&_sort=three&_include=four:five")
    assert len(answer.json["issue"]) == 4


def test_a_preference_reaches_the_entries_of_a_batch(fhir: Fhir) -> None:
    value = unique()
    made = fhir.create(patient(value))["id"]
    entry = {"request": {"method": "GET", "url": f"Patient?identifier={value}&nonsense=1"}}
    strict = fhir.transaction(entry, kind="batch").json["entry"][0]["response"]
    assert strict["status"].startswith("400")
    found = fhir.transaction(entry, kind="batch", **LENIENT).json["entry"][0]["resource"]
    assert [each["search"]["mode"] for each in found["entry"]] == ["match", "outcome"]
    assert found["entry"][0]["resource"]["id"] == made
