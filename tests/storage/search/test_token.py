"""https://hl7.org/fhir/R4/search.html#token"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, TooCostly, UnsupportedParameter
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, put

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
IDTYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
GENDER = "http://hl7.org/fhir/administrative-gender"


def concept(*codings: tuple[str | None, str, str], text: str = "") -> dict[str, Any]:
    made = [{k: v for k, v in zip(("system", "code", "display"), each, strict=True) if v} for each in codings]
    return {k: v for k, v in {"coding": made, "text": text}.items() if v}


def observation(id_: str, code: dict[str, Any], *categories: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": code, "category": list(categories)}


def condition(id_: str, *codings: tuple[str | None, str, str]) -> dict[str, Any]:
    status = {"clinicalStatus": concept(*codings)} if codings else {}
    return {"resourceType": "Condition", "id": id_, "subject": {"display": "x"}, **status}


def patient(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


PATIENTS = (
    patient("m", gender="male", active=True, communication=[{"language": concept((None, "DE", "German"))}]),
    patient("f", gender="female", active=False, telecom=[{"system": "phone", "value": "+41 79 555", "use": "home"}]),
    patient("o", gender="other", telecom=[{"system": "email", "value": "Jo@X.org"}], language="de"),
    patient(
        "none",
        identifier=[
            {
                "type": concept((IDTYPE, "MR", "Medical record number"), (None, "MRN", "")),
                "system": "urn:a",
                "value": "7",
            },
            {"type": concept((IDTYPE, "SS", ""), text="Ausweis für Ärzte"), "system": "urn:b", "value": "8|9"},
            {"value": "10"},
        ],
    ),
)
OBSERVATIONS = (
    observation("hr", concept(("http://loinc.org", "8867-4", "Heart rate")), concept((CATEGORY, "vital-signs", ""))),
    observation("bp", concept(("urn:own", "8867-4", "Herzfrequenz"), (None, "HR", ""), text="Puls")),
    observation(
        "lab",
        concept(("http://loinc.org", "718-7", "Hämoglobin im Blut")),
        concept((CATEGORY, "laboratory", ""), (CATEGORY, "exam", "")),
    ),
    observation("bare", concept(text="Haemo, free text")),
)
CONDITIONS = (
    condition("active", (CLINICAL, "active", "Active")),
    condition("relapse", (CLINICAL, "relapse", "Relapse")),
    condition("recurrence", (CLINICAL, "recurrence", "")),
    condition("resolved", (CLINICAL, "resolved", "")),
    condition("foreign", ("urn:x", "relapse", "")),
    condition("unknown"),
)


def found(store: Store, type_: str | None, *parameters: tuple[str, str]) -> set[str]:
    return {row.id for row in store.search(EVERYONE, SearchRequest(type_, parameters)).rows}


@pytest.fixture
def filled(store: Store) -> Store:
    put(store, *PATIENTS, *OBSERVATIONS, *CONDITIONS)
    return store


CASES = [
    # code, system|code, |code, system|
    ("Observation", "code", "8867-4", {"hr", "bp"}),
    ("Observation", "code", "http://loinc.org|8867-4", {"hr"}),
    ("Observation", "code", "|HR", {"bp"}),
    ("Observation", "code", "|8867-4", set()),
    ("Observation", "code", "http://loinc.org|", {"hr", "lab"}),
    ("Observation", "code", "hr", set()),
    ("Observation", "code", "HR,718-7", {"bp", "lab"}),
    ("Patient", "gender", "male", {"m"}),
    ("Patient", "gender", f"{GENDER}|male", {"m"}),
    ("Patient", "gender", f"{GENDER}|", {"m", "f", "o"}),
    ("Patient", "gender", "urn:x|male", set()),
    ("Patient", "gender", "|male", set()),
    ("Patient", "gender", f"{GENDER}|nonsense", set()),
    ("Patient", "active", "true", {"m"}),
    ("Patient", "active", "http://terminology.hl7.org/CodeSystem/special-values|false", {"f"}),
    ("Patient", "active", "urn:x|true", set()),
    ("Patient", "phone", "0041,+4179555", {"f"}),
    ("Patient", "telecom", "jo@x.ORG", {"o"}),
    ("Patient", "telecom", "home|+41-79-555", {"f"}),
    ("Patient", "telecom", "|+41-79-555", set()),
    ("Patient", "identifier", r"urn:b|8\|9", {"none"}),
    ("Patient", "identifier", "|10", {"none"}),
    ("Patient", "_id", "m,f", {"m", "f"}),
    ("Patient", "_id", "|m", set()),
    # :not
    ("Patient", "gender:not", "male,female", {"o", "none"}),
    ("Patient", "gender:not", "male", {"f", "o", "none"}),
    ("Patient", "active:not", "true", {"f", "o", "none"}),
    ("Observation", "category:not", "laboratory", {"hr", "bp", "bare"}),
    ("Observation", "code:not", "http://loinc.org|8867-4", {"bp", "lab", "bare"}),
    # :text
    ("Observation", "code:text", "heart", {"hr"}),
    ("Observation", "code:text", "puls,HERZ", {"bp"}),
    ("Observation", "code:text", "rate", set()),
    ("Observation", "code:text", "hamoglobin", {"lab"}),
    ("Observation", "code:text", r"haemo\, free", {"bare"}),
    ("Patient", "identifier:text", "ausweis", {"none"}),
    ("Patient", "identifier:text", "medical", {"none"}),
    ("Patient", "identifier:text", "7", set()),
    # :of-type
    ("Patient", "identifier:of-type", f"{IDTYPE}|MR|7", {"none"}),
    ("Patient", "identifier:of-type", rf"{IDTYPE}|SS|8\|9", {"none"}),
    ("Patient", "identifier:of-type", f"{IDTYPE}|SS|7", set()),
    ("Patient", "identifier:of-type", f"{IDTYPE}|MRN|7", set()),
    # :in and :not-in
    ("Observation", "category:in", "http://hl7.org/fhir/ValueSet/observation-category", {"hr", "lab"}),
    ("Observation", "category:not-in", "http://hl7.org/fhir/ValueSet/observation-category", {"bp", "bare"}),
    ("Observation", "code:in", "http://loinc.org/vs", {"hr", "lab"}),
    ("Observation", "code:not-in", "http://loinc.org/vs", {"bp", "bare"}),
    ("Patient", "gender:in", "http://hl7.org/fhir/ValueSet/administrative-gender", {"m", "f", "o"}),
    ("Patient", "gender:not-in", "http://hl7.org/fhir/ValueSet/administrative-gender", {"none"}),
    ("Patient", "gender:in", "http://hl7.org/fhir/ValueSet/observation-category", set()),
    # :above and :below
    ("Condition", "clinical-status:below", f"{CLINICAL}|active", {"active", "relapse", "recurrence"}),
    ("Condition", "clinical-status:below", f"{CLINICAL}|relapse", {"relapse"}),
    ("Condition", "clinical-status:above", f"{CLINICAL}|relapse", {"relapse", "active"}),
    ("Patient", "gender:below", f"{GENDER}|male", {"m"}),
    ("Patient", "gender:below", "male", {"m"}),
]


@pytest.mark.parametrize(("type_", "name", "text", "expected"), CASES)
def test_tokens(filled: Store, type_: str, name: str, text: str, expected: set[str]) -> None:
    assert found(filled, type_, (name, text)) == expected


@pytest.mark.parametrize(
    ("type_", "name", "text"),
    [
        ("Observation", "code", "a|b|c"),
        ("Observation", "code", "|"),
        ("Patient", "active", "yes"),
        ("Patient", "identifier:of-type", "a|b"),
        ("Patient", "identifier:of-type", "|MR|7"),
        ("Patient", "identifier:of-type", f"{IDTYPE}|MR|"),
        ("Condition", "clinical-status:below", "active"),
        ("Condition", "clinical-status:below", f"{CLINICAL}|"),
        ("Condition", "clinical-status:below", f"{CLINICAL}|nonsense"),
    ],
)
def test_a_value_that_is_none_is_refused(filled: Store, type_: str, name: str, text: str) -> None:
    with pytest.raises(BadRequest) as error:
        found(filled, type_, (name, text))
    assert error.value.all_issues()[0].code == "value"


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("Patient", "gender:text"),
        ("Patient", "active:in"),
        ("Patient", "active:text"),
        ("Patient", "identifier:in"),
        ("Patient", "identifier:below"),
        ("Patient", "telecom:of-type"),
        ("Patient", "telecom:above"),
        ("Patient", "_id:in"),
        ("Observation", "code:of-type"),
        ("Observation", "code:exact"),
    ],
)
def test_a_modifier_that_means_nothing_for_the_elements_is_refused(filled: Store, type_: str, name: str) -> None:
    with pytest.raises(UnsupportedParameter):
        found(filled, type_, (name, "a|b"))


def test_an_unknown_value_set_is_refused(filled: Store) -> None:
    with pytest.raises(BadRequest) as error:
        found(filled, "Observation", ("code:in", "http://x/none"))
    assert error.value.all_issues()[0].code == "not-found"


def test_tags_are_tokens_of_every_type(store: Store) -> None:
    tag = {"tag": [{"system": CATEGORY, "code": "exam", "display": "Exam"}]}
    put(store, patient("p", meta=tag), {**observation("o", concept(text="x")), "meta": tag}, patient("q"))
    assert found(store, None, ("_tag", f"{CATEGORY}|exam")) == {"p", "o"}
    assert found(store, None, ("_tag:in", "http://hl7.org/fhir/ValueSet/observation-category")) == {"p", "o"}
    assert found(store, "Patient", ("_tag:text", "EX")) == {"p"}
    assert found(store, "Patient", ("_tag:not-in", "http://hl7.org/fhir/ValueSet/observation-category")) == {"q"}


def test_elements_of_type_string_compare_without_case(store: Store) -> None:
    put(store, {"resourceType": "ValueSet", "id": "v", "status": "active", "version": "1.0-Beta"})
    assert found(store, "ValueSet", ("version", "1.0-beta")) == {"v"}
    assert found(store, "ValueSet", ("version", "1.0")) == set()
    assert found(store, "ValueSet", ("version", "urn:x|1.0-beta")) == set()


def test_a_code_has_the_system_of_its_value_set_though_nobody_can_list_its_codes(store: Store) -> None:
    content = [{"attachment": {"contentType": "text/plain", "language": "de-LI"}}]
    put(store, {"resourceType": "DocumentReference", "id": "d", "status": "current", "content": content})
    for name, text, expected in (
        ("contenttype", "urn:ietf:bcp:13|text/plain", {"d"}),
        ("contenttype", "urn:ietf:bcp:13|", {"d"}),
        ("contenttype", "urn:x|text/plain", set()),
        ("language", "urn:ietf:bcp:47|de-LI", {"d"}),
        ("language", "de-li", set()),
        ("contenttype:in", "http://hl7.org/fhir/ValueSet/mimetypes", {"d"}),
        ("contenttype:in", "http://loinc.org/vs", set()),
    ):
        assert found(store, "DocumentReference", (name, text)) == expected


def test_the_largest_value_set_is_one_parameter(store: Store) -> None:
    concepts = [{"code": f"c{n}"} for n in range(9_999)]
    parts = [{"system": "urn:s", "concept": concepts}, {"system": "urn:t", "concept": [{"code": "it"}]}]
    put(
        store,
        {
            "resourceType": "ValueSet",
            "id": "big",
            "status": "active",
            "url": "http://x/big",
            "compose": {"include": parts},
        },
        observation("in", concept(("urn:s", "c9998", ""))),
        observation("also", concept(("urn:t", "it", ""))),
        observation("out", concept(("urn:t", "c9998", ""))),
    )
    for name in ("http://x/big", "ValueSet/big"):
        assert found(store, "Observation", ("code:in", name)) == {"in", "also"}
        assert found(store, "Observation", ("code:not-in", name)) == {"out"}


def test_more_codes_than_the_largest_value_set_are_refused(store: Store) -> None:
    parts = [{"system": "urn:s", "concept": [{"code": f"c{n}"} for n in range(10_001)]}]
    put(store, {"resourceType": "ValueSet", "id": "big", "status": "active", "compose": {"include": parts}})
    with pytest.raises(TooCostly):
        found(store, "Observation", ("code:in", "ValueSet/big"))


def test_excluded_codes_of_an_unknown_system_stay_out(store: Store) -> None:
    parts = {"include": [{"system": "urn:s"}], "exclude": [{"system": "urn:s", "concept": [{"code": "b"}]}]}
    put(
        store,
        {"resourceType": "ValueSet", "id": "v", "status": "active", "compose": parts},
        observation("a", concept(("urn:s", "a", ""))),
        observation("b", concept(("urn:s", "b", ""))),
        observation("c", concept(("urn:t", "a", ""))),
        observation("d", {"coding": [{"system": "urn:s", "display": "no code"}]}),
    )
    assert found(store, "Observation", ("code:in", "ValueSet/v")) == {"a"}
