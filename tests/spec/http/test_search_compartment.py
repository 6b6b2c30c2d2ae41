"""https://hl7.org/fhir/R4/http.html#vsearch and https://hl7.org/fhir/R4/compartmentdefinition.html"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.definitions import load
from tests.spec.http.client import BASE, XML, Fhir, codes, observation, patient, unique
from tests.spec.http.searching import FORM, LENIENT, ids, links, pages, remarks


class Ward:
    """Two patients with observations and a condition each."""

    def __init__(self, fhir: Fhir) -> None:
        self.ann, self.bob = (fhir.create(patient(active=True))["id"] for _ in "ab")
        self.of_ann = [fhir.create(observation(f"Patient/{self.ann}"))["id"] for _ in range(3)]
        self.of_bob = fhir.create(observation(f"Patient/{self.bob}"))["id"]
        self.condition = fhir.create(condition(self.ann))["id"]


def condition(subject: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": f"Patient/{subject}"}, "code": {"text": "x"}}


@pytest.fixture
def ward(fhir: Fhir) -> Ward:
    return Ward(fhir)


def test_a_type_in_a_compartment_is_searched(fhir: Fhir, ward: Ward) -> None:
    answer = fhir.get(f"/Patient/{ward.ann}/Observation")
    assert set(ids(answer)) == set(ward.of_ann)
    assert links(answer) == {"self": f"/Patient/{ward.ann}/Observation"}
    assert answer.json["total"] == 3
    assert answer.json["entry"][0]["fullUrl"].startswith(f"{BASE}/Observation/")


def test_all_types_in_a_compartment_are_searched(fhir: Fhir, ward: Ward) -> None:
    answer = fhir.get(f"/Patient/{ward.ann}/*")
    assert set(ids(answer)) == {ward.ann, ward.condition, *ward.of_ann}
    assert links(answer)["self"] == f"/Patient/{ward.ann}/*"
    some = fhir.get(f"/Patient/{ward.ann}/*?_type=Condition,Patient")
    assert set(ids(some)) == {ward.ann, ward.condition}
    assert ids(fhir.get(f"/Patient/{ward.ann}/%2A?_id={ward.condition}")) == [ward.condition]
    assert ids(fhir.get(f"/Patient/{ward.ann}/*?_type=Slot")) == []


def test_parameters_narrow_the_compartment(fhir: Fhir, ward: Ward) -> None:
    path = f"/Patient/{ward.ann}/Observation"
    assert ids(fhir.get(f"{path}?_id={ward.of_ann[1]}")) == [ward.of_ann[1]]
    assert ids(fhir.get(f"{path}?_id={ward.of_bob}")) == []
    assert ids(fhir.get(f"{path}?subject=Patient/{ward.bob}")) == []
    assert fhir.get(f"{path}?_summary=count").json["total"] == 3
    assert ids(fhir.get(f"{path}?_sort=-_lastUpdated")) == ward.of_ann[::-1]


def test_pages_and_includes_stay_in_the_compartment(fhir: Fhir, ward: Ward) -> None:
    path = f"/Patient/{ward.ann}/Observation?_count=1&_sort=_lastUpdated&_include=Observation:subject"
    found = list(pages(fhir, path))
    assert [ids(page) for page in found] == [[id_] for id_ in ward.of_ann]
    assert {id_ for page in found for id_ in ids(page, "include")} == {ward.ann}
    following = links(found[0])["next"]
    assert following.startswith(f"/Patient/{ward.ann}/Observation?")
    assert fhir.get(following.replace(ward.ann, ward.bob)).status_code == 400
    assert fhir.get(following.replace(f"/Patient/{ward.ann}/", "/")).status_code == 400


def test_a_compartment_is_searched_by_post(fhir: Fhir, ward: Ward) -> None:
    for form, wanted in (("", set(ward.of_ann)), (f"_id={ward.of_ann[0]}", {ward.of_ann[0]})):
        answer = fhir.post(f"/Patient/{ward.ann}/Observation/_search", form, Content_Type=FORM)
        assert set(ids(answer)) == wanted
    assert links(answer)["self"] == f"/Patient/{ward.ann}/Observation?_id={ward.of_ann[0]}"
    everything = fhir.post(f"/Patient/{ward.ann}/*/_search", "_format=xml", Content_Type=FORM)
    assert everything.headers["Content-Type"].startswith(XML)


def test_a_compartment_is_searched_in_bundles(fhir: Fhir, ward: Ward) -> None:
    entry = {"request": {"method": "GET", "url": f"Patient/{ward.ann}/Observation?_sort=_lastUpdated"}}
    for kind in ("batch", "transaction"):
        found = fhir.transaction(entry, kind=kind).json["entry"][0]["resource"]
        assert [each["resource"]["id"] for each in found["entry"]] == ward.of_ann
        assert found["link"][0]["url"] == f"{BASE}/{entry['request']['url']}"


def test_lenient_and_strict_hold_here_too(fhir: Fhir, ward: Ward) -> None:
    path = f"/Patient/{ward.ann}/Observation?nonsense=1"
    assert (fhir.get(path).status_code, codes(fhir.get(path))) == (400, ["not-supported"])
    answer = fhir.get(path, **LENIENT)
    assert (len(ids(answer)), len(remarks(answer))) == (3, 1)
    assert links(answer)["self"] == f"/Patient/{ward.ann}/Observation"


def test_each_compartment_holds_what_its_definition_says(fhir: Fhir) -> None:
    who = {
        kind: fhir.create({"resourceType": kind, **more})["id"]
        for kind, more in (("Device", {}), ("Practitioner", {}), ("Patient", {}))
    }
    who["RelatedPerson"] = fhir.create(
        {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{who['Patient']}"}}
    )["id"]
    encounter = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}}
    who["Encounter"] = fhir.create({**encounter, "subject": {"reference": f"Patient/{who['Patient']}"}})["id"]
    sent = {
        kind: fhir.create(
            {"resourceType": "Communication", "status": "completed", "sender": {"reference": f"{kind}/{who[kind]}"}}
        )["id"]
        for kind in ("Device", "Practitioner", "Patient", "RelatedPerson")
    }
    met = {"resourceType": "Communication", "status": "completed"}
    sent["Encounter"] = fhir.create({**met, "encounter": {"reference": f"Encounter/{who['Encounter']}"}})["id"]
    for kind, id_ in sent.items():
        assert ids(fhir.get(f"/{kind}/{who[kind]}/Communication")) == [id_], kind
        assert {id_, who[kind]} <= set(ids(fhir.get(f"/{kind}/{who[kind]}/*"))), kind
        assert ids(fhir.get(f"/{kind}/{who[kind]}/{kind}")) == [who[kind]], kind


def test_a_compartment_of_nobody_is_empty(fhir: Fhir) -> None:
    """As one that the caller may not see: whether there is such a patient is not told."""
    for kind in ("Observation", "*", "Patient"):
        answer = fhir.get(f"/Patient/{unique()}/{kind}")
        assert (ids(answer), answer.json["total"]) == ([], 0)


@pytest.mark.parametrize(
    "path", ["Patient/x/Slot", "Patient/x/Organization", "Device/x/Observation", "Slot/x/Observation", "Slot/x/*",
             "Patient/x/Nonsense", "Patient/x/Observation/y", "Patient/x/*/y", "Patient/x/**", "Observation/*"]
)  # fmt: skip
def test_what_is_in_no_compartment_is_not_searched(fhir: Fhir, path: str) -> None:
    answer = fhir.get(f"/{path}")
    assert answer.status_code in (400, 404), answer.text
    assert set(codes(answer)) <= {"not-supported", "not-found", "value"}


def test_a_compartment_can_only_be_searched(fhir: Fhir, ward: Ward) -> None:
    answer = fhir.delete(f"/Patient/{ward.ann}/Observation")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_every_member_of_every_compartment_is_searched(fhir: Fhir) -> None:
    """Two of each compartment are asked for by value, all for an answer."""
    for owner, members in load().compartments.items():
        for member in list(members)[:: max(1, len(members) // 8)]:
            assert fhir.get(f"/{owner}/x/{member}?_count=1").status_code == 200, (owner, member)
