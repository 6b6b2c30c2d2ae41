"""https://hl7.org/fhir/R4/search.html#include"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.storage.search import included
from tests.spec.http.client import BASE, Fhir, codes, observation, patient, unique
from tests.spec.http.searching import ids, links, pages


class Family:
    """A patient, whose managing organization is part of another one, with two observations; each with a mark."""

    def __init__(self, fhir: Fhir) -> None:
        self.mark = unique()
        self.above = fhir.create({"resourceType": "Organization", "name": self.mark})["id"]
        self.below = fhir.create(
            {"resourceType": "Organization", "name": "b", "partOf": {"reference": f"Organization/{self.above}"}}
        )["id"]
        managed = {"managingOrganization": {"reference": f"Organization/{self.below}"}}
        self.patient = fhir.create(patient(self.mark, active=True, **managed))["id"]
        self.observations = {fhir.create(observation(f"Patient/{self.patient}"))["id"] for _ in range(2)}


@pytest.fixture
def family(fhir: Fhir) -> Family:
    return Family(fhir)


def test_included_resources_are_entries_of_their_own_mode(fhir: Fhir, family: Family) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&_include=Patient:organization")
    assert (ids(answer), ids(answer, "include")) == ([family.patient], [family.below])
    assert answer.json["total"] == 1
    assert answer.json["entry"][-1]["fullUrl"] == f"{BASE}/Organization/{family.below}"
    assert links(answer)["self"].endswith("&_include=Patient:organization")


@pytest.mark.parametrize(
    "query, wanted",
    [
        ("_include=Patient:organization:Organization", {"below"}),
        ("_include=Patient:organization:Practitioner", "refused"),
        ("_include=Patient:*", {"below"}),
        ("_include=*", {"below"}),
        ("_include:iterate=Patient:organization", {"below"}),
        ("_include=Patient:organization&_include:iterate=Organization:partof", {"below", "above"}),
        ("_include=Patient:organization&_include:recurse=Organization:partof", {"below", "above"}),
        ("_include=Patient:organization&_include=Organization:partof", {"below"}),
        ("_include=Patient:general-practitioner", set()),
        ("_revinclude=Observation:subject", {"observations"}),
        ("_revinclude=Observation:patient", {"observations"}),
        ("_revinclude=*", {"observations"}),
        ("_revinclude=Observation:*", {"observations"}),
        ("_revinclude=Observation:subject&_include=Patient:organization", {"below", "observations"}),
    ],
)
def test_what_is_included(fhir: Fhir, family: Family, query: str, wanted: Any) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&{query}")
    if wanted == "refused":
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"])
        return
    expected: set[str] = set()
    for name in wanted:
        found = getattr(family, name)
        expected |= found if isinstance(found, set) else {found}
    assert ids(answer) == [family.patient]
    assert set(ids(answer, "include")) == expected


def test_revinclude_iterates(fhir: Fhir, family: Family) -> None:
    query = "_revinclude=Organization:partof&_revinclude:iterate=Patient:organization"
    answer = fhir.get(f"/Organization?name={family.mark}&{query}&_revinclude:iterate=Observation:subject")
    assert ids(answer) == [family.above]
    assert set(ids(answer, "include")) == {family.below, family.patient, *family.observations}


def test_a_match_is_not_included_again(fhir: Fhir, family: Family) -> None:
    answer = fhir.get(f"/Organization?_id={family.above},{family.below}&_include=Organization:partof")
    assert set(ids(answer)) == {family.above, family.below}
    assert ids(answer, "include") == []


def test_each_page_includes_for_its_own_matches(fhir: Fhir, family: Family) -> None:
    path = f"/Observation?subject={family.patient}&_count=1&_include=Observation:subject"
    found = list(pages(fhir, path))
    assert [len(ids(page)) for page in found] == [1, 1]
    assert [ids(page, "include") for page in found] == [[family.patient]] * 2


def test_included_resources_go_on_to_pages_of_their_own(
    fhir: Fhir, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut off: pages without a match carry the rest of what is included."""
    more = {fhir.create(observation(f"Patient/{family.patient}"))["id"] for _ in range(5)}
    wanted = family.observations | more
    other = fhir.create(patient(family.mark))["id"]
    monkeypatch.setattr(included, "AT_ONCE", 3)
    path = f"/Patient?identifier={family.mark}&_sort=_lastUpdated&_count=1&_revinclude=Observation:subject"
    found = list(pages(fhir, path))
    assert [ids(page) for page in found] == [[family.patient], [], [], [other]]
    assert [len(ids(page, "include")) for page in found] == [3, 3, 1, 0]
    shown = [id_ for page in found for id_ in ids(page, "include")]
    assert (len(shown), set(shown)) == (len(wanted), wanted)
    back = {id_ for page in pages(fhir, links(found[-1])["self"], "previous") for id_ in ids(page)}
    assert back == {family.patient, other}


@pytest.mark.parametrize("form", ["_summary=true", "_summary=data"])
def test_included_resources_are_summarised_like_matches(fhir: Fhir, family: Family, form: str) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&_revinclude=Observation:subject&{form}")
    assert set(ids(answer, "include")) == family.observations
    for entry in answer.json["entry"]:
        assert "SUBSETTED" in [tag["code"] for tag in entry["resource"]["meta"]["tag"]]


def test_elements_are_chosen_of_matches_only(fhir: Fhir, family: Family) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&_revinclude=Observation:subject&_elements=active")
    assert set(ids(answer, "include")) == family.observations
    for entry in answer.json["entry"]:
        cut = "SUBSETTED" in [tag["code"] for tag in entry["resource"].get("meta", {}).get("tag", ())]
        assert cut == (entry["search"]["mode"] == "match")
        assert cut or "subject" in entry["resource"]


def test_includes_do_not_go_with_a_summary_of_texts(fhir: Fhir, family: Family) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&_revinclude=Observation:subject&_summary=text")
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


@pytest.mark.parametrize("form", ["_summary=count", "_count=0"])
def test_a_count_includes_nothing(fhir: Fhir, family: Family, form: str) -> None:
    answer = fhir.get(f"/Patient?identifier={family.mark}&_revinclude=Observation:subject&{form}")
    assert (answer.json["total"], "entry" in answer.json) == (1, False)


@pytest.mark.parametrize(
    "value",
    ["", "Bad:thing", "Patient", "Patient:", ":organization", "Patient:name", "Patient:nonsense", "a:b:c:d",
     "Patient:organization:Bad", "Patient:organization,Patient:link", "**", "Patient.organization"],
)  # fmt: skip
def test_an_include_that_means_nothing_is_refused(fhir: Fhir, value: str) -> None:
    for name in ("_include", "_revinclude", "_include:iterate"):
        answer = fhir.get(f"/Patient?{name}={value}")
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"]), (name, answer.text)
    assert fhir.get("/Patient?_include:nonsense=Patient:organization").status_code == 400
