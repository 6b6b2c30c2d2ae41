"""https://hl7.org/fhir/R4/valueset.html#compositions and https://hl7.org/fhir/R4/codesystem.html#subsumption"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import load
from fhir_server.errors import BadRequest, TooCostly
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.repository import Store
from fhir_server.storage.terminology import Codes, Expansion, Terminology
from tests.stores import BASE_URL, EVERYONE, put

ROLES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
SCT = "http://snomed.info/sct"
CS = "http://x/cs"
TREE = [
    {
        "code": "animal",
        "property": [{"code": "legs", "valueInteger": 0}],
        "concept": [
            {"code": "dog", "property": [{"code": "legs", "valueInteger": 4}], "concept": [{"code": "poodle"}]},
            {"code": "dodo", "property": [{"code": "status", "valueCode": "retired"}]},
        ],
    },
    {"code": "wolfdog", "property": [{"code": "parent", "valueCode": "dog"}, {"code": "tame", "valueBoolean": True}]},
    {"code": "stone"},
]


def code_system(url: str = CS, id_: str = "cs", **more: Any) -> dict[str, Any]:
    facts = {"status": "active", "content": "complete", "concept": TREE}
    return {"resourceType": "CodeSystem", "id": id_, "url": url, **facts, **more}


def value_set(url: str = "http://x/vs", id_: str = "vs", **more: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "id": id_, "url": url, "status": "active", **more}


def including(*parts: dict[str, Any], exclude: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"compose": {"include": list(parts), **({"exclude": list(exclude)} if exclude else {}), **more}}


def filtering(property_: str, op: str, value: str) -> dict[str, Any]:
    return including({"system": CS, "filter": [{"property": property_, "op": op, "value": value}]})


@pytest.fixture
def terms(store: Store) -> Callable[..., Terminology]:
    def made(*documents: dict[str, Any], access: Access = EVERYONE) -> Terminology:
        if documents:
            put(store, *documents)
        return Terminology(access, lambda who, request: store.search(who, request).rows, load(), BASE_URL)

    return made


def official() -> Terminology:
    return Terminology(Access.nothing(), lambda _access, _request: (), load())


def listed(found: Expansion, system: str = CS) -> set[str]:
    assert set(found.systems) <= {system}
    assert not any(codes.all_but for codes in found.systems.values())
    return {code for codes in found.systems.values() for code in codes.listed}


def code_of(error: pytest.ExceptionInfo[BadRequest]) -> str:
    return error.value.all_issues()[0].code


# --- sets


codes = st.builds(Codes, st.frozensets(st.sampled_from("abcd")), st.booleans())
expansions = st.builds(Expansion.of, st.dictionaries(st.sampled_from("xyz"), codes))
PAIRS = [(system, code) for system in "xyz" for code in "abcde"]


@given(expansions, expansions)
def test_expansions_are_the_sets_of_their_pairs(one: Expansion, other: Expansion) -> None:
    for pair in PAIRS:
        assert (pair in (one | other)) == (pair in one or pair in other)
        assert (pair in (one & other)) == (pair in one and pair in other)
        assert (pair in (one - other)) == (pair in one and pair not in other)


@given(expansions)
def test_the_codes_of_any_system_are_those_of_all_systems_together(found: Expansion) -> None:
    for code in "abcde":
        assert (code in found.any_system()) == any((system, code) in found for system in "xyz")


# --- the official ones


def test_a_required_value_set_holds_at_least_the_codes_that_validation_allows() -> None:
    for url, systems in load().value_sets.items():
        found = official().expand(url)
        for system, allowed in systems.items():
            assert allowed <= found.systems[system].listed


def test_every_official_value_set_is_answered_or_refused_with_a_reason() -> None:
    refused = 0
    for url in load().compositions:
        try:
            official().expand(url)
        except BadRequest as error:
            refused += 1
            assert error.code in ("not-supported", "not-found")
    assert refused < 60  # those that filter SNOMED CT, LOINC or UCUM


def test_is_a_takes_the_code_and_everything_below_it() -> None:
    found = listed(official().expand("http://terminology.hl7.org/ValueSet/v3-FamilyMember"), ROLES)
    assert {"FAMMEMB", "SIB", "BRO", "STPSIS"} <= found
    assert "PROV" not in found


def test_descendent_of_leaves_the_code_itself_out() -> None:
    found = listed(
        official().expand("http://hl7.org/fhir/ValueSet/inactive"), "http://terminology.hl7.org/CodeSystem/v3-ActMood"
    )
    assert "GOL" in found
    assert "_ActMoodPredicate" not in found


def test_above_and_below_follow_the_hierarchy_and_include_the_code() -> None:
    assert official().below(ROLES, "SIB") >= {"SIB", "BRO", "HBRO", "SIS"}
    above = official().above(ROLES, "BRO")
    assert above >= {"BRO", "SIB", "FAMMEMB"}
    assert "HBRO" not in above


def test_a_whole_system_whose_codes_are_not_known_stands_for_every_code() -> None:
    found = official().expand("http://loinc.org/vs")
    assert ("http://loinc.org", "8867-4") in found
    assert ("http://other", "8867-4") not in found
    assert (SCT, "404684003") in official().expand(f"{SCT}?fhir_vs")


def test_a_value_set_that_filters_an_unknown_system_is_refused() -> None:
    for reference in ("http://hl7.org/fhir/ValueSet/clinical-findings", f"{SCT}?fhir_vs=isa/404684003"):
        with pytest.raises(BadRequest) as error:
            official().expand(reference)
        assert code_of(error) == "not-supported"


@pytest.mark.parametrize(
    "reference", ["http://x/none", "ValueSet/none", "Patient/1", "", "|", "#a", f"{SCT}?fhir_vs=x"]
)
def test_an_unknown_value_set_is_not_found(reference: str) -> None:
    with pytest.raises(BadRequest) as error:
        official().expand(reference)
    assert code_of(error) == "not-found"


def test_a_version_must_be_the_one_there_is() -> None:
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert official().expand(f"{url}|4.0.1").size == 4
    with pytest.raises(BadRequest):
        official().expand(f"{url}|3.0.0")


def test_the_code_systems_are_not_read_before_they_are_asked_for() -> None:
    program = (
        "from fhir_server.definitions import load; from fhir_server.storage import terminology; d = load();"
        "assert not {'code_systems', 'compositions'} & set(vars(d))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# --- stored ones


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (("concept", "is-a", "dog"), {"dog", "poodle", "wolfdog"}),
        (("concept", "descendent-of", "dog"), {"poodle", "wolfdog"}),
        (("concept", "is-not-a", "animal"), {"stone"}),
        (("concept", "generalizes", "wolfdog"), {"wolfdog", "dog", "animal"}),
        (("code", "=", "stone"), {"stone"}),
        (("code", "in", "stone, dodo,unheard-of"), {"stone", "dodo"}),
        (("concept", "not-in", "stone"), {"animal", "dog", "poodle", "dodo", "wolfdog"}),
        (("code", "regex", "(do|poo).*"), {"dog", "dodo", "poodle"}),
        (("code", "regex", "do"), set()),
        (("legs", "=", "4"), {"dog"}),
        (("legs", "in", "0,4"), {"animal", "dog"}),
        (("legs", "exists", "true"), {"animal", "dog"}),
        (("legs", "exists", "false"), {"poodle", "dodo", "wolfdog", "stone"}),
        (("tame", "=", "true"), {"wolfdog"}),
        (("legs", "regex", "[1-9]"), {"dog"}),
        (("parent", "=", "dog"), {"poodle", "wolfdog"}),
        (("child", "=", "dog"), {"animal"}),
        (("parent", "exists", "false"), {"animal", "stone"}),
    ],
)
def test_filters(terms: Callable[..., Terminology], rule: tuple[str, str, str], expected: set[str]) -> None:
    found = terms(code_system(), value_set(**filtering(*rule))).expand("http://x/vs")
    assert listed(found) == expected


@pytest.mark.parametrize(
    "rule",
    [
        ("concept", "near", "dog"),
        ("wings", "=", "2"),
        ("display", "regex", ".*"),
        ("legs", "is-a", "4"),
        ("code", "regex", "("),
        ("code", "regex", "a" * 2000),
        ("legs", "exists", "perhaps"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused(terms: Callable[..., Terminology], rule: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as error:
        terms(code_system(), value_set(**filtering(*rule))).expand("http://x/vs")
    assert code_of(error) == "not-supported"


def test_a_hierarchy_that_is_no_subsumption_is_refused(terms: Callable[..., Terminology]) -> None:
    there = terms(code_system(hierarchyMeaning="part-of"), value_set(**filtering("concept", "is-a", "dog")))
    for ask in (lambda: there.expand("http://x/vs"), lambda: there.below(CS, "dog"), lambda: there.above(CS, "dog")):
        with pytest.raises(BadRequest) as error:
            ask()
        assert code_of(error) == "not-supported"


def test_a_fragment_of_a_code_system_is_not_enough_for_subsumption(terms: Callable[..., Terminology]) -> None:
    there = terms(code_system(content="fragment"), value_set(**including({"system": CS})))
    with pytest.raises(BadRequest) as error:
        there.below(CS, "dog")
    assert code_of(error) == "not-supported"
    assert (CS, "of which nothing is known") in there.expand("http://x/vs")


def test_a_code_that_the_system_does_not_have_is_refused(terms: Callable[..., Terminology]) -> None:
    with pytest.raises(BadRequest) as error:
        terms(code_system()).below(CS, "cat")
    assert code_of(error) == "value"


def test_includes_are_united_and_excludes_taken_away(terms: Callable[..., Terminology]) -> None:
    parts = including(
        {"system": CS, "concept": [{"code": "dog"}, {"code": "stone"}]},
        {"system": "http://x/other", "concept": [{"code": "dog"}]},
        exclude=({"system": CS, "concept": [{"code": "stone"}]},),
    )
    found = terms(value_set(**parts)).expand("http://x/vs")
    assert dict(found.systems) == {CS: Codes(frozenset({"dog"})), "http://x/other": Codes(frozenset({"dog"}))}


def test_codes_can_be_excluded_from_a_system_nobody_can_list(terms: Callable[..., Terminology]) -> None:
    parts = including({"system": SCT}, exclude=({"system": SCT, "concept": [{"code": "1"}]},))
    found = terms(value_set(**parts)).expand("http://x/vs")
    assert (SCT, "2") in found
    assert (SCT, "1") not in found


def test_a_code_must_be_in_all_value_sets_of_an_include(terms: Callable[..., Terminology]) -> None:
    one = value_set("http://x/1", "v1", **including({"system": CS, "concept": [{"code": "a"}, {"code": "b"}]}))
    two = value_set("http://x/2", "v2", **including({"system": CS, "concept": [{"code": "b"}, {"code": "c"}]}))
    both = value_set(**including({"valueSet": ["http://x/1", "http://x/2"]}))
    either = value_set("http://x/3", "v3", **including({"valueSet": ["http://x/1"]}, {"valueSet": ["http://x/2"]}))
    whole = value_set("http://x/4", "v4", **including({"system": CS, "valueSet": ["http://x/1"]}))
    there = terms(one, two, both, either, whole)
    assert listed(there.expand("http://x/vs")) == {"b"}
    assert listed(there.expand("http://x/3")) == {"a", "b", "c"}
    assert listed(there.expand("http://x/4")) == {"a", "b"}


def test_a_value_set_that_includes_itself_is_refused(terms: Callable[..., Terminology]) -> None:
    one = value_set("http://x/1", "v1", **including({"valueSet": ["http://x/2"]}))
    two = value_set("http://x/2", "v2", **including({"valueSet": ["http://x/1"]}))
    with pytest.raises(BadRequest) as error:
        terms(one, two).expand("http://x/1")
    assert code_of(error) == "not-supported"


def test_value_sets_are_nested_twenty_deep_at_most(terms: Callable[..., Terminology]) -> None:
    chain = [value_set(f"http://x/{n}", f"v{n}", **including({"valueSet": [f"http://x/{n + 1}"]})) for n in range(30)]
    with pytest.raises(BadRequest):
        terms(*chain).expand("http://x/0")


def test_a_missing_part_makes_the_whole_unanswerable(terms: Callable[..., Terminology]) -> None:
    with pytest.raises(BadRequest) as error:
        terms(value_set(**including({"valueSet": ["http://x/none"]}))).expand("http://x/vs")
    assert code_of(error) == "not-found"


def test_inactive_codes_belong_unless_the_value_set_says_no(terms: Callable[..., Terminology]) -> None:
    every = value_set(**including({"system": CS}))
    active = value_set("http://x/active", "va", **including({"system": CS}, inactive=False))
    there = terms(code_system(), every, active)
    assert listed(there.expand("http://x/vs")) - listed(there.expand("http://x/active")) == {"dodo"}


def test_a_stored_expansion_answers_when_nothing_else_can(terms: Callable[..., Terminology]) -> None:
    contains = [{"system": CS, "code": "a", "abstract": True, "contains": [{"system": CS, "code": "b"}]}]
    expansion = {"timestamp": "2026-01-01", "total": 2, "contains": contains}
    alone = value_set(expansion=expansion)
    beside = value_set("http://x/2", "v2", expansion=expansion, **filtering("concept", "is-a", "a"))
    there = terms(alone, beside)
    assert listed(there.expand("http://x/vs")) == {"a", "b"}
    assert listed(there.expand("http://x/2")) == {"a", "b"}


@pytest.mark.parametrize(
    "more",
    [
        {"total": 3},
        {"offset": 10},
        {"parameter": [{"name": "filter", "valueString": "x"}]},
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": True}]},
    ],
)
def test_a_part_of_an_expansion_is_refused(terms: Callable[..., Terminology], more: dict[str, Any]) -> None:
    expansion = {"timestamp": "2026-01-01", "contains": [{"system": CS, "code": "a"}], **more}
    with pytest.raises(BadRequest) as error:
        terms(value_set(expansion=expansion)).expand("http://x/vs")
    assert code_of(error) == "not-supported"


def test_ten_thousand_codes_are_the_limit(terms: Callable[..., Terminology]) -> None:
    def holding(number: int) -> dict[str, Any]:
        return including({"system": CS, "concept": [{"code": f"c{n}"} for n in range(number)]})

    there = terms(value_set(**holding(10_000)), value_set("http://x/2", "v2", **holding(10_001)))
    assert there.expand("http://x/vs").size == 10_000
    with pytest.raises(TooCostly):
        there.expand("http://x/2")


def test_a_search_uses_a_hundred_thousand_codes_at_most(terms: Callable[..., Terminology]) -> None:
    there = terms(value_set(**including({"system": CS, "concept": [{"code": f"c{n}"} for n in range(10_000)]})))
    with pytest.raises(TooCostly):
        for _ in range(11):
            there.expand("http://x/vs")


def test_a_value_set_is_named_by_url_version_or_address(terms: Callable[..., Terminology]) -> None:
    old = value_set(version="1", **including({"system": CS, "concept": [{"code": "old"}]}))
    there = terms(old)
    put_later = value_set(
        "http://x/vs", "later", version="2", **including({"system": CS, "concept": [{"code": "new"}]})
    )
    there = terms(put_later)
    assert listed(there.expand("http://x/vs|1")) == {"old"}
    assert listed(there.expand("http://x/vs|2")) == {"new"}
    for address in ("ValueSet/vs", f"{BASE_URL}/ValueSet/vs", "ValueSet/vs/_history/1"):
        assert listed(there.expand(address)) == {"old"}
    with pytest.raises(BadRequest):
        there.expand("ValueSet/vs/_history/2")
    with pytest.raises(BadRequest):
        there.expand("http://x/vs|3")


def test_a_stored_value_set_stands_before_the_official_one(terms: Callable[..., Terminology]) -> None:
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    there = terms(value_set(url, **including({"system": CS, "concept": [{"code": "x"}]})))
    assert listed(there.expand(url)) == {"x"}


def test_a_supplement_does_not_stand_before_its_code_system(terms: Callable[..., Terminology]) -> None:
    there = terms(code_system(ROLES, content="supplement", supplements=ROLES, concept=[{"code": "BRO"}]))
    assert "HBRO" in there.below(ROLES, "SIB")


def test_what_the_caller_may_not_read_is_not_there(terms: Callable[..., Terminology]) -> None:
    documents = (code_system(), value_set(**filtering("concept", "is-a", "dog")))
    nobody = Access.restricted([Grant("Patient", frozenset({"search"}))])
    half = Access.restricted([Grant("ValueSet", frozenset({"search"}))])
    with pytest.raises(BadRequest) as error:
        terms(*documents, access=nobody).expand("http://x/vs")
    assert code_of(error) == "not-found"
    with pytest.raises(BadRequest) as error:
        terms(access=half).expand("http://x/vs")
    assert code_of(error) == "not-supported"


def test_special_characters_in_a_url_mean_themselves(terms: Callable[..., Terminology]) -> None:
    url = "http://x/a,b$c\\d"
    there = terms(value_set(url, **including({"system": CS, "concept": [{"code": "a"}]})))
    assert listed(there.expand(url)) == {"a"}


def test_a_circle_of_parents_ends(terms: Callable[..., Terminology]) -> None:
    ring = [
        {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
    ]
    assert terms(code_system(concept=ring)).below(CS, "a") == {"a", "b"}
