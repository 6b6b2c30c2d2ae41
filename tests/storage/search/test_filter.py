"""`_filter` finds what its comparisons say.

https://hl7.org/fhir/R4/search_filter.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, TooCostly, UnsupportedParameter
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from fhir_server.storage.search.filter_syntax import Combined, Comparison, Negated, parse
from tests.storage.search.filters import LOCAL, LOINC, matches, trees
from tests.stores import EVERYONE, put

UCUM = "http://unitsofmeasure.org"


def concept(*codings: tuple[str | None, str]) -> dict[str, Any]:
    return {"coding": [{k: v for k, v in (("system", system), ("code", code)) if v} for system, code in codings]}


def reference(text: str) -> dict[str, Any]:
    return {"reference": text}


def observation(id_: str, subject: str, *codings: tuple[str | None, str], **more: Any) -> dict[str, Any]:
    about = {"subject": reference(f"Patient/{subject}")} if subject else {}
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": concept(*codings), **about, **more,
    }  # fmt: skip


def quantity(number: str, code: str = "mg") -> dict[str, Any]:
    return {"value": Decimal(number), "system": UCUM, "code": code, "unit": code}


WORLD: dict[str, dict[str, Any]] = {
    f"{document['resourceType']}/{document['id']}": document
    for document in (
        {
            "resourceType": "Organization", "id": "o1", "name": "North Clinic", "alias": ["Zoë"],
            "type": [concept((LOCAL, "1-2"))],
        },
        {"resourceType": "Organization", "id": "o2", "name": "an x y", "partOf": reference("Organization/o1")},
        {
            "resourceType": "Organization", "id": "o3", "alias": ["Müller"],
            "type": [concept((LOINC, "1-2"), (None, "p1"))],
        },
        {
            "resourceType": "Patient", "id": "p1", "gender": "male", "active": True, "birthDate": "2000-05-17",
            "name": [{"family": "Müller", "given": ["Ann", "Bo"]}, {"text": "a)b]c"}],
            "managingOrganization": reference("Organization/o1"),
        },
        {
            "resourceType": "Patient", "id": "p2", "gender": "female", "active": False, "birthDate": "2000-05",
            "name": [{"family": "Smith-Jones", "prefix": ["Zoe"]}],
            "managingOrganization": reference("Organization/o2"),
        },
        {"resourceType": "Patient", "id": "p3", "birthDate": "2001", "name": [{"given": ["Bo", "Eve"]}]},
        {
            "resourceType": "Patient", "id": "p4", "gender": "other",
            "managingOrganization": reference("Organization/o3"),
        },
        {"resourceType": "Patient", "id": "p5", "active": True, "name": [{"family": "Über"}, {"family": "ann"}]},
        observation(
            "b1", "p1", (LOINC, "1-2"), valueQuantity=quantity("5.4"), effectiveDateTime="2000-05-17T10:00:00+00:00"
        ),
        observation("b2", "p1", (LOCAL, "1-2"), (LOINC, "3-4"), effectiveDateTime="2000", valueQuantity=quantity("5")),
        observation("b3", "p2", (None, "1-2"), category=[concept((LOCAL, "vital")), concept((None, "lab"))]),
        observation(
            "b4", "p4", (LOINC, "3-4"), valueQuantity=quantity("-3"),
            effectivePeriod={"start": "2000-05-01", "end": "2001-02-28"},
        ),
        observation("b5", "", (LOINC, "1-2"), effectiveDateTime="2000-05-17", valueQuantity=quantity("10")),
    )
}  # fmt: skip


def found(store: Store, type_: str | None, said: str, *more: tuple[str, str], access: Access = EVERYONE) -> set[str]:
    page = store.search(access, SearchRequest(type_, (("_filter", said), *more), count=100, total=True))
    ids = [row.id for row in page.rows]
    assert len(ids) == len(set(ids)) == page.total, said
    return set(ids)


@pytest.fixture
def world(store: Store) -> Store:
    put(store, *WORLD.values())
    return store


@pytest.mark.parametrize("kind", ["Patient", "Organization", "Observation"])
def test_a_filter_finds_what_a_naive_reading_finds(world: Store, kind: str) -> None:
    own = [document for document in WORLD.values() if document["resourceType"] == kind]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees(kind))
    def agree(said: Any) -> None:
        wanted = {document["id"] for document in own if matches(WORLD, document, said)}
        assert found(world, kind, said.told()) == wanted, said.told()

    agree()


FORMS = [
    ("Patient", 'name co "mül"', "p1"),
    ("Patient", 'given eq "bo" and birthdate ge 2000-06', "p3"),
    ("Patient", "name eq bo", "p1 p3"),
    ("Patient", "name eq b", ""),
    ("Patient", "name sw b", "p1 p3"),
    ("Patient", "name ew LER", "p1"),
    ("Patient", 'name ew "%"', ""),
    ("Patient", r'name eq "a)b]c"', "p1"),
    ("Patient", r'name eq "\u0061nn"', "p1 p5"),
    ("Patient", "family ne ann", "p1 p2 p5"),
    ("Patient", "not (family eq ann)", "p1 p2 p3 p4"),
    ("Patient", "family ge m", "p1 p2 p5"),
    ("Patient", "family gt mz", "p2 p5"),
    ("Patient", "family lt m", "p5"),
    ("Patient", "family le M", "p1 p5"),
    ("Patient", "name pr false", "p4"),
    ("Patient", "gender eq male or gender eq female and active eq true", "p1"),
    ("Patient", "gender eq male or (gender eq female and active eq true)", "p1"),
    ("Patient", "gender eq female or gender eq male and active eq false", "p2"),
    ("Patient", "active eq true and gender eq male or gender eq other", "p1 p4"),
    ("Patient", "NOT(gender eq male)  AND\tactive EQ true", "p5"),
    ("Patient", "((((gender eq male))))", "p1"),
    ("Patient", "not(not(gender eq male))", "p1"),
    ("Patient", "_id eq p1 or _id eq p3", "p1 p3"),
    ("Patient", "_id ne p1", "p2 p3 p4 p5"),
    ("Patient", "_lastUpdated ge 2026-11-20 and _id eq p1", "p1"),
    ("Patient", "_lastUpdated lt 2026-11-20", ""),
    ("Patient", "_lastUpdated po 2026-11 and not (active eq true)", "p2 p3 p4"),
    ("Patient", "gender pr true and birthdate pr false", "p4"),
    ("Patient", "organization re Organization/o1", "p1"),
    ("Patient", "organization re http://fhir.example/fhir/Organization/o1", "p1"),
    ("Patient", "organization.name eq zoe", "p1"),
    ("Patient", "organization.partof.name co clinic", "p2"),
    ("Patient", "organization[type eq loinc|1-2].name sw mull", "p4"),
    ("Patient", "organization[type pr true and name eq zoe].name co north", "p1"),
    ("Patient", "organization.type pr false", "p2 p3 p5"),
    ("Patient", "not (organization.name co clinic)", "p2 p3 p4 p5"),
    ("Patient", "gender in http://hl7.org/fhir/ValueSet/administrative-gender", "p1 p2 p4"),
    ("Patient", "gender ni http://hl7.org/fhir/ValueSet/administrative-gender", "p3 p5"),
    ("Observation", "code eq loinc|1-2", "b1 b5"),
    ("Observation", 'code eq "LOINC|1-2"', "b1 b5"),
    ("Observation", f"code eq {LOINC}|1-2 and subject.name co ann", "b1"),
    ("Observation", "code ne loinc|1-2", "b2 b3 b4"),
    ("Observation", "subject.gender ni http://hl7.org/fhir/ValueSet/administrative-gender", "b5"),
    ("Observation", "subject[gender eq male].organization[name eq zoe].type eq 1-2", "b1 b2"),
    ("Observation", "subject[gender eq female].organization.type pr true", ""),
    ("Observation", "patient.birthdate eq 2000-05-17", "b1 b2"),
    ("Observation", f"value-quantity gt 0.0052|{UCUM}|g", "b1 b5"),
    ("Observation", "value-quantity gt 0.0052|ucum|g", "b1 b5"),
    ("Observation", "value-quantity le 5.4", "b1 b2 b4"),
    ("Observation", "value-quantity ap 5", "b1 b2"),
    ("Observation", "value-quantity ne 5.4 and value-quantity sa 6", "b5"),
    ("Observation", "date co 2000-06", "b2 b4"),
    ("Observation", "date po 2000-05-17", "b1 b2 b4 b5"),
    ("Observation", "date eb 2000-05-18", "b1 b5"),
    ("Observation", f"code-value-quantity eq {LOINC}|1-2$gt5|{UCUM}|mg", "b1 b5"),
    ("Observation", "code-value-quantity eq loinc|1-2$10", ""),
    ("Observation", "status eq final and not (category pr true) and not (date pr true)", ""),
]  # fmt: skip


def test_the_forms_of_a_filter(world: Store) -> None:
    for type_, said, wanted in FORMS:
        assert found(world, type_, said) == set(wanted.split()), said


def test_numbers_and_uris(store: Store) -> None:
    risk = {"resourceType": "RiskAssessment", "status": "final", "subject": {"display": "x"}}
    put(store, *({**risk, "id": f"r{n}", "prediction": [{"probabilityDecimal": Decimal(n)}]} for n in ("0.5", "0.80")))
    assert found(store, "RiskAssessment", "probability eq 0.8") == {"r0.80"}
    assert found(store, "RiskAssessment", "probability lt 0.8 or probability sa 0.8") == {"r0.5"}
    assert found(store, "RiskAssessment", "probability ap 0.47") == {"r0.5"}
    value_set = {"resourceType": "ValueSet", "status": "active"}
    put(store, {**value_set, "id": "a", "url": "http://x.org/a,b"}, {**value_set, "id": "b", "url": "http://x.org/b"})
    assert found(store, "ValueSet", "url eq http://x.org/a,b") == {"a"}
    assert found(store, "ValueSet", "url ne http://x.org/a,b") == {"b"}
    assert found(store, "ValueSet", "url pr false") == set()


def test_hierarchies_of_codes(store: Store) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    conditions = {"resourceType": "Condition", "subject": {"display": "x"}}
    put(
        store,
        *({**conditions, "id": c, "clinicalStatus": concept((system, c))} for c in ("active", "relapse", "resolved")),
    )
    assert found(store, "Condition", f"clinical-status ss {system}|active") == {"active", "relapse"}
    assert found(store, "Condition", f"clinical-status sb {system}|relapse") == {"active", "relapse"}
    assert found(store, "Condition", f"not (clinical-status ss {system}|active)") == {"resolved"}


def test_filters_of_the_whole_system_and_of_several_types(world: Store) -> None:
    assert found(world, None, "_id eq p1 or _id eq o2") == {"p1", "o2"}
    assert found(world, None, "not (_lastUpdated lt 2026) and not (_tag pr true)") == {d["id"] for d in WORLD.values()}
    assert found(world, None, "name co an", ("_type", "Patient,Organization")) == {"p1", "p5", "o2"}
    with pytest.raises(UnsupportedParameter):
        found(world, None, "name co an")
    with pytest.raises(UnsupportedParameter):
        found(world, None, "gender eq male", ("_type", "Patient,Organization"))


def test_labels_are_those_of_the_type(store: Store) -> None:
    tagged = {"meta": {"tag": [{"system": LOCAL, "code": "a"}, {"code": "b"}], "profile": ["http://x.org/p|1"]}}
    put(
        store,
        {"resourceType": "Patient", "id": "p", **tagged},
        {"resourceType": "Basic", "id": "b", "code": {}, **tagged},
    )
    put(store, {"resourceType": "Patient", "id": "bare"})
    assert found(store, "Patient", f"_tag eq {LOCAL}|a") == {"p"}
    assert found(store, "Patient", "_tag ne b") == {"p"}
    assert found(store, "Patient", "not (_tag eq b)") == {"bare"}
    assert found(store, None, "_tag eq b or _id eq bare") == {"p", "b", "bare"}
    assert found(store, "Patient", "_profile eq http://x.org/p") == {"p"}
    assert found(store, "Patient", "_profile ne http://x.org/q") == {"p"}


def test_a_filter_goes_with_other_parameters_order_pages_and_chains(world: Store) -> None:
    assert found(world, "Patient", "gender eq male or active eq true", ("birthdate", "2000")) == {"p1"}
    assert found(world, "Patient", "gender eq male", ("_filter", "active eq false")) == set()
    request = SearchRequest("Patient", (("_filter", "name pr true or gender pr true"),), 2, sort=("-birthdate",))
    seen, page = [], world.search(EVERYONE, request)
    seen += [row.id for row in page.rows]
    while page.next_cursor:
        following = SearchRequest("Patient", request.parameters, 2, page.next_cursor, sort=request.sort)
        page = world.search(EVERYONE, following)
        seen += [row.id for row in page.rows]
    assert seen[:3] == ["p3", "p1", "p2"]
    assert sorted(seen) == ["p1", "p2", "p3", "p4", "p5"]
    chained = SearchRequest("Observation", (("subject:Patient._filter", "gender eq male or name sw zoe"),))
    assert {row.id for row in world.search(EVERYONE, chained).rows} == {"b1", "b2", "b3"}


def test_a_filter_shows_nothing_of_what_the_caller_may_not_see(world: Store) -> None:
    searching = frozenset({"search"})
    of_p1 = Access.restricted([Grant("*", searching, ("Patient", "p1"))])
    assert found(world, "Patient", "not (name eq zzz)", access=of_p1) == {"p1"}
    assert found(world, "Patient", "name pr true or gender eq female", access=of_p1) == {"p1"}
    assert found(world, "Patient", "organization.name eq zoe", access=of_p1) == set(), "organizations are out of reach"
    assert found(world, "Patient", "not (organization.name eq zoe)", access=of_p1) == {"p1"}
    observations = Access.restricted([Grant("Observation", searching)])
    assert found(world, "Observation", "subject.gender eq male or code eq 3-4", access=observations) == {"b2", "b4"}
    assert found(world, "Observation", "subject[gender eq male].name pr true", access=observations) == set()
    assert found(world, None, "not (_id eq b1)", access=of_p1) == {"p1", "b2"}


def test_words_are_read_from_left_to_right() -> None:
    said = parse("a eq 1 or b eq 2 and c eq 3")
    assert isinstance(said, Combined)
    assert (said.word, [type(part) for part in said.parts]) == ("and", [Combined, Comparison])
    assert isinstance(parse("not (a eq 1)"), Negated)
    assert isinstance(parse("not eq 1"), Comparison), "a parameter may be called so"
    assert parse('a eq "x \\" \\\\ \\u00e9"').value == 'x " \\ é'  # type: ignore[union-attr]


MISTAKES = [
    ("", 1), ("   ", 4), ("gender", 7), ("gender eq", 10), ("gender eq ", 11), ("gender xx male", 8),
    ("gender = male", 8), ("gender eq male and", 19), ("gender eq male or or", 21), ("gender eq male x", 16),
    ("(gender eq male", 16), ("gender eq male)", 15), ("gender eq (male)", 16), ("not gender eq male", 5),
    ('name eq "ann', 9), ('name eq "\\x"', 9), ('name eq ""', 9), ('name eq "\\ud800"', 9),
    ('name eq "\\u0000"', 9),
    ("organization[name eq x] pr true", 24), ("organization[name eq x", 23), ("organization[].name eq x", 14),
    ("organization..name eq x", 14), (".name eq x", 1), ("_has:Observation:subject:code eq 1", 5),
    ("1name eq x", 1),
    ("gender:not eq male", 7), ("name eq x\x00", 9), ("gender eq male; drop", 17), ("é eq 1", 1),
    ("birthdate eq yesterday", 14), ("birthdate eq ge2000", 14), ("organization re o1", 17), ("name co a", 9),
    ("active eq maybe", 11), ("name pr yes", 9), ('name eq "\\u0301"', 9),
]  # fmt: skip


def test_what_is_no_filter_is_refused_with_its_place(store: Store) -> None:
    for said, at in MISTAKES:
        with pytest.raises(BadRequest) as caught:
            found(store, "Patient", said)
        (issue,) = caught.value.all_issues()
        assert issue.code == "value"
        assert issue.diagnostics.startswith(f"_filter, character {at}: "), issue.diagnostics


MEANINGLESS = [
    ("Patient", "gender co male", 8), ("Patient", "gender gt a", 8), ("Patient", "birthdate sw 20", 11),
    ("Patient", "organization eq Organization/o1", 14), ("Patient", "gender re Patient/1", 8),
    ("Patient", "name in http://x.org/v", 6), ("Patient", "nome eq x", 1),
    ("Patient", "gender eq male and nome eq x", 20),
    ("Patient", "name.family eq x", 1), ("Patient", "name[use eq official].family eq x", 1),
    ("Patient", "organization.gender eq male", 14), ("Patient", "organization[gender eq x].name eq y", 14),
    ("Patient", "identifier ss x|y", 15), ("Patient", "_filter eq x", 1), ("Patient", "_list eq 1", 1),
    ("Patient", "_text co x", 1), ("Patient", "_content co x", 1), ("Patient", "_type eq Patient", 1),
    ("Location", "near eq 1|2", 6), ("Observation", "code-value-quantity ne 1$2", 21),
    ("Observation", "code-value-quantity pr true", 21), ("Observation", "value-quantity co 5", 16),
    ("RiskAssessment", "probability co 0.5", 13), ("Observation", "related[type eq x].target re Observation/4", 1),
]  # fmt: skip


def test_what_has_no_meaning_is_not_supported(store: Store) -> None:
    for type_, said, at in MEANINGLESS:
        with pytest.raises(UnsupportedParameter) as caught:
            found(store, type_, said)
        (issue,) = caught.value.all_issues()
        assert issue.code == "not-supported"
        assert issue.diagnostics.startswith(f"_filter, character {at}: "), issue.diagnostics


@pytest.mark.parametrize(
    "said",
    [
        " or ".join(["active eq true"] * 51), "(" * 21 + "active eq true" + ")" * 21, "name eq " + "x" * 4000,
        "not(" * 25 + "active eq true" + ")" * 25, "link[" * 21 + "active eq true",
        "partof." * 7 + "name eq x", "name eq x" + " " * 4000,
    ],
)  # fmt: skip
def test_a_filter_is_bounded(store: Store, said: str) -> None:
    with pytest.raises(TooCostly):
        found(store, "Organization", said)


def test_the_largest_filter_is_answered(world: Store) -> None:
    said = " or ".join(f"name eq x{number}" for number in range(48)) + " or name eq bo or _id eq p2"
    assert found(world, "Patient", said) == {"p1", "p2", "p3"}
    deep = "not (" * 18 + "gender eq male" + ")" * 18
    assert found(world, "Patient", deep) == {"p1"}


def test_modifiers_are_refused(store: Store) -> None:
    with pytest.raises(UnsupportedParameter):
        store.search(EVERYONE, SearchRequest("Patient", (("_filter:not", "active eq true"),)))


@given(st.text(max_size=40) | st.text(alphabet='ab eq"()[].|\\andotpr', max_size=60))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse(text) is not None
    except BadRequest as error:
        assert error.all_issues()[0].code in ("value", "too-costly")
