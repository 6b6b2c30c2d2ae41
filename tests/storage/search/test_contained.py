"""Contained resources: found by themselves where that is asked, and by chains that lead into them.

https://hl7.org/fhir/R4/search.html#contained
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from fhir_server.errors import BadRequest, TooCostly, UnsupportedParameter
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.migrations import migrate
from fhir_server.storage.migrations.containers import containers
from fhir_server.storage.migrations.steps import MIGRATIONS
from fhir_server.storage.model import SearchPage, SearchRequest
from fhir_server.storage.repository import Store
from fhir_server.storage.search.contained import answer, links
from tests.stores import EVERYONE, Clock, delete, open_store, put, schema_of

Resource = dict[str, Any]
ANN = Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", "ann"))])


def inner_patient(id_: str, given: str, **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": id_, "name": [{"given": [given], "family": "Inner"}], **more}


def observation(id_: str, subject: str, *contained: Resource, code: str = "x", **more: Any) -> Resource:
    inner = {"contained": list(contained)} if contained else {}
    about = {"status": "final", "code": {"coding": [{"code": code}]}, "subject": {"reference": subject}}
    return {"resourceType": "Observation", "id": id_, **inner, **about, **more}


def found(store: Store, type_: str | None, *parameters: tuple[str, str], access: Access = EVERYONE, **how: Any) -> Any:
    """Return what all pages of a search show: ids of resources, "container#id" for contained ones."""
    request = SearchRequest(type_, parameters, total=True, **how)
    seen: list[str] = []
    while True:
        page = store.search(access, request)
        seen += shown(page)
        if not page.next_cursor:
            assert len(seen) == len(set(seen)) == page.total
            return seen
        request = SearchRequest(type_, parameters, total=True, cursor=page.next_cursor, **how)


def shown(page: SearchPage) -> list[str]:
    return [row.id for row in page.rows] + [f"{each.container.id}#{each.id}" for each in page.contained]


@pytest.fixture
def clinic(store: Store, clock: Clock) -> Store:
    put(
        store,
        {"resourceType": "Organization", "id": "north", "name": "North"},
        {"resourceType": "Organization", "id": "south", "name": "South"},
        {"resourceType": "Patient", "id": "ann", "name": [{"given": ["Ann"]}]},
        {"resourceType": "Patient", "id": "p", "name": [{"given": ["Paul"]}]},
        observation("plain", "Patient/ann"),
        observation("of-p", "Patient/p"),
    )
    clock.advance(days=1)
    north, south = ({"managingOrganization": {"reference": f"Organization/{name}"}} for name in ("north", "south"))
    put(
        store,
        observation("o1", "#p", inner_patient("p", "Inez", birthDate="1950-02-03", gender="female", **north)),
        observation("o2", "#p", inner_patient("p", "Ina", birthDate="1960", gender="male", **south), code="y"),
        observation(
            "o3",
            "Patient/ann",
            inner_patient("q", "Inez", birthDate="1940"),
            {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "House"}]},
            performer=[{"reference": "#q"}, {"reference": "#dr"}],
        ),
    )
    return store


def test_ordinary_searches_never_meet_what_is_contained(clinic: Store) -> None:
    assert found(clinic, "Patient", ("given", "Ine")) == []
    assert set(found(clinic, "Patient")) == {"ann", "p"}
    assert found(clinic, "Practitioner") == []
    assert found(clinic, "Patient", ("_id", "p")) == ["p"]
    assert clinic.check() == []


def test_containers_are_returned_unless_asked_otherwise(clinic: Store) -> None:
    assert found(clinic, "Patient", ("given", "inez"), contained="true") == ["o1", "o3"]
    assert found(clinic, "Patient", ("given", "inez"), contained="true", alone=True) == ["o1#p", "o3#q"]
    page = clinic.search(EVERYONE, SearchRequest("Patient", (("given", "ina"),), contained="true"))
    assert [(row.type, row.id, row.version) for row in page.rows] == [("Observation", "o2", 1)]
    assert '"contained":' in page.rows[0].content
    page = clinic.search(EVERYONE, SearchRequest("Patient", (("given", "ina"),), contained="true", alone=True))
    assert [each.content for each in page.contained] == [
        '{"resourceType":"Patient","id":"p","name":[{"given":["Ina"],"family":"Inner"}],"birthDate":"1960",'
        '"gender":"male","managingOrganization":{"reference":"Organization/south"}}'
    ]


@pytest.mark.parametrize(
    "name, value, wanted",
    [
        ("family", "inn", ["o1#p", "o2#p", "o3#q"]),
        ("given:exact", "Inez", ["o1#p", "o3#q"]),
        ("given:contains", "ne", ["o1#p", "o3#q"]),
        ("given", "Inez,Ina", ["o1#p", "o2#p", "o3#q"]),
        ("gender", "female", ["o1#p"]),
        ("gender:not", "female", ["o2#p", "o3#q"]),
        ("gender:missing", "true", ["o3#q"]),
        ("birthdate", "lt1955", ["o1#p", "o3#q"]),
        ("birthdate", "1960", ["o2#p"]),
        ("_id", "p", ["o1#p", "o2#p"]),
        ("_id", "p,q,nope", ["o1#p", "o2#p", "o3#q"]),
        ("_id:not", "p", ["o3#q"]),
        ("_filter", "_id eq q", ["o3#q"]),
        ("_lastUpdated", "ge2026-11-21", ["o1#p", "o2#p", "o3#q"]),
        ("_lastUpdated", "lt2026-11-21", []),
        ("organization", "north", ["o1#p"]),
        ("organization", "Organization/north,Organization/south", ["o1#p", "o2#p"]),
        ("organization", "Organization/p", []),
        ("organization:missing", "false", ["o1#p", "o2#p"]),
        ("organization.name", "sou", ["o2#p"]),
        ("organization:Organization.name", "west", []),
        ("_has:Observation:subject:code", "y", ["o2#p"]),
        ("_has:Observation:performer:code", "x", ["o3#q"]),
        ("_has:Observation:subject:_id", "o1", ["o1#p"]),
        ("_content", "ina", ["o2#p"]),
        ("_filter", 'given eq "inez" and not (gender eq female)', ["o3#q"]),
        ("_filter", 'organization.name eq "north"', ["o1#p"]),
        ("_list", "nothing", []),
    ],
)
def test_every_kind_of_condition_is_judged_on_what_is_contained(
    clinic: Store, name: str, value: str, wanted: list[str]
) -> None:
    inner = found(clinic, "Patient", (name, value), contained="true", alone=True)
    assert sorted(inner) == wanted
    both = found(clinic, "Patient", (name, value), contained="both", alone=True)
    assert both == [*found(clinic, "Patient", (name, value)), *inner]


def test_conditions_are_met_by_one_resource_together(clinic: Store) -> None:
    assert found(clinic, "Patient", ("given", "inez"), ("birthdate", "1940"), contained="true") == ["o3"]
    assert found(clinic, "Patient", ("given", "ina"), ("birthdate", "1940"), contained="true") == []
    assert found(clinic, "Patient", ("_id", "p"), ("_id", "q"), contained="true") == []


def test_an_id_of_a_contained_resource_is_no_id_of_a_resource(clinic: Store) -> None:
    put(clinic, observation("o4", "#inner", {"resourceType": "Group", "id": "inner", "type": "person", "actual": True}))
    assert found(clinic, "Observation", ("subject", "Patient/p")) == ["of-p"]
    assert found(clinic, "Observation", ("subject", "Group/inner")) == []
    request = {
        "resourceType": "Encounter",
        "id": "s",
        "status": "planned",
        "class": {"code": "x"},
        "subject": {"reference": "#p"},
    }
    put(clinic, {"resourceType": "List", "id": "l", "contained": [request, inner_patient("p", "Zoe")],
                 "status": "current", "mode": "working", "entry": [{"item": {"reference": "#s"}}]})  # fmt: skip
    assert found(clinic, "Encounter", ("subject", "Patient/p"), contained="true") == []
    assert found(clinic, "Encounter", ("subject.given", "zoe"), contained="true") == ["l"]
    assert found(clinic, "Encounter", ("subject:Patient._id", "p"), contained="true") == ["l"]
    assert found(clinic, "Encounter", ("_list", "l"), contained="true", alone=True) == ["l#s"]
    assert found(clinic, "Patient", ("_has:Encounter:subject:class", "x"), contained="true", alone=True) == ["l#p"]


def test_a_contained_resource_may_refer_to_its_container(clinic: Store) -> None:
    inner = {
        "resourceType": "Provenance",
        "id": "v",
        "target": [{"reference": "#"}],
        "recorded": "2026-01-01T00:00:00Z",
    }
    put(clinic, {"resourceType": "Patient", "id": "eve", "contained": [inner], "name": [{"given": ["Eve"]}]})
    for name, value in (("target", "Patient/eve"), ("target:Patient.given", "eve"), ("patient", "eve")):
        assert found(clinic, "Provenance", (name, value), contained="true", alone=True) == ["eve#v"], name
    assert found(clinic, "Provenance", ("target:Patient.given", "ann"), contained="true") == []
    assert found(clinic, "Patient", ("_has:Provenance:target:recorded", "2026")) == [], "only chains look inside"


def test_what_is_deleted_or_changed_is_not_found(clinic: Store) -> None:
    delete(clinic, "Observation", "o1")
    put(clinic, observation("o3", "Patient/ann", inner_patient("z", "Inez"), performer=[{"reference": "#z"}]))
    assert found(clinic, "Patient", ("given", "inez"), contained="true", alone=True) == ["o3#z"]
    assert found(clinic, "Practitioner", contained="true") == []
    assert clinic.check() == []


def test_both_gives_a_resource_once(clinic: Store) -> None:
    link = {"link": [{"other": {"reference": "#twin"}, "type": "seealso"}]}
    put(clinic, {"resourceType": "Patient", "id": "eve", "contained": [inner_patient("twin", "Eve")], **link,
                 "name": [{"given": ["Eve"]}]})  # fmt: skip
    for count in (1, 2, 50):
        assert found(clinic, "Patient", ("given", "eve"), contained="both", count=count) == ["eve"]
        assert found(clinic, "Patient", ("given", "eve"), contained="true", count=count) == ["eve"]
        both = found(clinic, "Patient", ("given", "eve"), contained="both", alone=True, count=count)
        assert both == ["eve", "eve#twin"]


@pytest.mark.parametrize(
    "contained, sort",
    [
        ("both", ()),
        *(("true", sort) for sort in ((), ("birthdate",), ("-birthdate", "_id"), ("-_lastUpdated",), ("given",))),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_pages_lead_on_and_back_over_all_matches_once(
    clinic: Store, contained: Any, alone: bool, sort: tuple[str, ...]
) -> None:
    put(clinic, observation("o5", "#a", inner_patient("a", "Al", birthDate="1955"), inner_patient("b", "Bo"),
                            performer=[{"reference": "#b"}]))  # fmt: skip
    how = {"contained": contained, "alone": alone, "sort": sort}
    whole = found(clinic, "Patient", count=50, **how)
    assert len(whole) == (5 if alone else 4) + (2 if contained == "both" else 0)
    for count in (1, 2, 3, 4, 6, 7, 50):
        wanted = [whole[start : start + count] for start in range(0, len(whole), count)]
        pages, cursor = [], ""
        while not pages or cursor:
            page = clinic.search(EVERYONE, SearchRequest("Patient", count=count, cursor=cursor, **how))
            pages.append(shown(page))
            cursor = page.next_cursor
        assert pages == wanted
        back = [pages[-1]]
        while page.previous_cursor:
            page = clinic.search(EVERYONE, SearchRequest("Patient", count=count, cursor=page.previous_cursor, **how))
            back.insert(0, shown(page))
        assert back == wanted


def test_the_order_of_contained_resources_is_that_of_their_values(clinic: Store) -> None:
    for sort, wanted in (("birthdate", ["o3#q", "o1#p", "o2#p"]), ("-birthdate", ["o2#p", "o1#p", "o3#q"])):
        assert found(clinic, "Patient", contained="true", alone=True, sort=(sort,)) == wanted
        assert found(clinic, "Patient", contained="true", sort=(sort,)) == [id_.partition("#")[0] for id_ in wanted]


def test_a_search_in_all_types_or_several_looks_into_all_containers(clinic: Store) -> None:
    assert found(clinic, None, contained="true", alone=True) == ["o1#p", "o2#p", "o3#q", "o3#dr"]
    assert found(clinic, None, ("_type", "Practitioner,Group"), contained="true", alone=True) == ["o3#dr"]
    assert found(clinic, None, ("_type", "Patient,Practitioner"), ("name", "house"), contained="true") == ["o3"]
    assert found(clinic, None, ("_id", "dr"), contained="true", alone=True) == ["o3#dr"]
    assert found(clinic, None, ("_type", "Patient"), ("_type", "Group"), contained="true") == []


def test_a_compartment_holds_what_refers_to_its_owner(clinic: Store) -> None:
    inner = {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "Patient/ann"},
             "payor": [{"reference": "Organization/north"}]}  # fmt: skip
    claim = {"resourceType": "Claim", "id": "k", "contained": [inner], "status": "active"}
    put(clinic, {**claim, "patient": {"reference": "Patient/ann"}, "insurance": [{"coverage": {"reference": "#c"}}]})
    for owner, wanted in (("ann", ["k#c"]), ("p", [])):
        how = {"compartment": ("Patient", owner), "contained": "true", "alone": True}
        assert found(clinic, "Coverage", **how) == wanted


def test_only_the_containers_of_the_caller_are_looked_into(clinic: Store) -> None:
    assert found(clinic, "Patient", contained="true", access=ANN) == ["o3"]
    assert found(clinic, "Patient", contained="true", alone=True, access=ANN) == ["o3#q"]
    assert found(clinic, "Patient", contained="both", alone=True, access=ANN) == ["ann", "o3#q"]
    assert found(clinic, "Patient", ("_id", "p"), contained="true", access=ANN) == []
    assert found(clinic, "Patient", contained="both", access=Access.nothing()) == []
    reader = Access.restricted([Grant("Observation", frozenset({"search"}), None)])
    assert found(clinic, "Patient", ("organization.name", "north"), contained="true", access=reader) == []
    assert found(clinic, "Patient", ("organization", "north"), contained="true", access=reader) == ["o1"]
    assert found(clinic, "Observation", ("subject:Patient.given", "ine"), access=reader) == ["o1"]
    assert found(clinic, "Observation", ("subject:Patient.given", "ine"), access=ANN) == []
    assert found(clinic, "Observation", ("performer:Patient.given", "ine"), access=ANN) == ["o3"]


@pytest.mark.parametrize(
    "name, value, wanted",
    [
        ("subject:Patient.given", "Inez", {"o1"}),
        ("subject.given", "in", {"o1", "o2"}),
        ("patient.given", "in,ann", {"o1", "o2", "plain", "o3"}),
        ("performer.given", "Inez", {"o3"}),
        ("performer:Practitioner.family", "house", {"o3"}),
        ("performer.family", "house", {"o3"}),
        ("subject:Patient._id", "p", {"o1", "o2", "of-p"}),
        ("subject:Patient.gender:missing", "true", {"plain", "of-p", "o3"}),
        ("subject:Patient.organization.name", "north", {"o1"}),
        ("subject:Patient.organization", "Organization/south", {"o2"}),
        ("subject:Patient._has:Observation:subject:code", "y", {"o2"}),
        ("subject:Patient._content", "ina", {"o2"}),
        ("_filter", 'subject.given eq "inez"', {"o1"}),
        ("_filter", 'subject.organization.name eq "north" or code eq y', {"o1", "o2"}),
        ("_filter", 'not (subject.given sw "in")', {"plain", "of-p", "o3"}),
        ("subject:Patient.given", "nobody", set()),
    ],
)
def test_a_chain_is_evaluated_inside_contained_resources(
    clinic: Store, name: str, value: str, wanted: set[str]
) -> None:
    assert set(found(clinic, "Observation", (name, value))) == wanted
    assert set(found(clinic, "Observation", (name, value), count=1)) == wanted


def test_a_chain_into_a_contained_resource_works_with_other_conditions(clinic: Store) -> None:
    assert found(clinic, "Observation", ("subject:Patient.given", "in"), ("code", "y")) == ["o2"]
    assert found(clinic, "Observation", ("code", "y"), ("subject:Patient.given", "inez")) == []
    assert found(clinic, "Observation", ("subject.given", "in"), ("performer.given", "in")) == []


def test_a_chain_goes_on_from_a_resource_of_the_store_into_what_it_contains(clinic: Store) -> None:
    ward = {"resourceType": "Organization", "id": "w", "name": "Ward"}
    put(clinic, {"resourceType": "Patient", "id": "kim", "contained": [ward],
                 "managingOrganization": {"reference": "#w"}}, observation("of-kim", "Patient/kim"))  # fmt: skip
    assert found(clinic, "Observation", ("subject:Patient.organization.name", "ward")) == ["of-kim"]
    assert found(clinic, "Patient", ("_has:Observation:subject:performer.family", "house")) == ["ann"]


def test_criteria_of_conditional_interactions_look_inside_too(clinic: Store) -> None:
    criteria = (("subject:Patient.given", "Inez"),)
    matches = clinic.write(EVERYONE, lambda unit: unit.match("Observation", criteria))
    assert [row.id for row in matches] == ["o1"]


def test_what_cannot_be_meant_is_refused(clinic: Store) -> None:
    for how in ({"includes": (("_include", "Patient:organization"),)}, {"sort": ("_id",), "contained": "both"}):
        with pytest.raises(UnsupportedParameter):
            clinic.search(EVERYONE, SearchRequest("Patient", **({"contained": "true"} | how)))
    with pytest.raises(UnsupportedParameter):
        clinic.search(EVERYONE, SearchRequest("Patient", (("nonsense", "x"),), contained="true"))
    with pytest.raises(UnsupportedParameter):
        clinic.explain(EVERYONE, SearchRequest("Patient", contained="true"))
    with pytest.raises(BadRequest):
        clinic.search(EVERYONE, SearchRequest("Patient", (("birthdate", "x"),), contained="true"))
    ordinary = clinic.search(EVERYONE, SearchRequest("Patient", count=1)).next_cursor
    for cursor in (ordinary, "x", "WyJjb250YWluZWQiXQ", "WyJjb250YWluZWQiLCAxLCAyXQ"):
        with pytest.raises(BadRequest):
            clinic.search(EVERYONE, SearchRequest("Patient", contained="true", cursor=cursor))


def test_too_many_containers_are_refused_unless_they_are_narrowed(
    clinic: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "MOST", 2)
    monkeypatch.setattr(links, "MOST", 1)
    with pytest.raises(TooCostly):
        found(clinic, "Patient", ("given", "inez"), contained="true")
    assert found(clinic, "Patient", ("given", "inez"), contained="true", access=ANN) == ["o3"]
    for name, value in (("_id", "p"), ("organization", "north"), ("_lastUpdated", "2020")):
        found(clinic, "Patient", (name, value), contained="true")
    with pytest.raises(TooCostly):
        found(clinic, "Observation", ("subject:Patient.given", "inez"))
    assert found(clinic, "Observation", ("subject:Patient.given", "ina"), ("code", "y")) == ["o2"]
    assert found(clinic, "Observation", ("_filter", "code eq y and subject.given eq ina"), ("code", "y")) == ["o2"]


def test_an_older_database_learns_what_is_contained(store_url: str) -> None:
    number = next(migration.number for migration in MIGRATIONS if migration.run is containers)
    store = open_store(store_url)
    put(store, observation("o1", "#p", inner_patient("p", "Inez")), {"resourceType": "Patient", "id": "says",
        "name": [{"text": 'his "contained": anger'}]})  # fmt: skip
    store.database.close()
    store = open_store(store_url)
    with store.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE contained"))
        connection.execute(text("DELETE FROM schema_version WHERE number >= :number"), {"number": number})
    migrate(store.database, schema_of(store.database.dialect))
    assert found(store, "Patient", contained="true") == ["o1"]
    assert found(store, "Observation", ("subject:Patient.given", "inez")) == ["o1"]
    assert store.check() == []
    store.reproject(["Observation"])
    assert store.check() == []
    store.database.close()


@pytest.fixture
def many(store: Store) -> Iterator[Store]:
    put(store, *(observation(f"n{number:04}", "#p", inner_patient("p", f"N{number}")) for number in range(300)))
    yield store


def test_many_containers_are_read_in_parts(many: Store) -> None:
    assert found(many, "Patient", ("given", "n7"), contained="true", count=3)[:1] == ["n0007"]
    assert len(found(many, "Patient", contained="true", alone=True, count=100)) == 300
    assert found(many, "Observation", ("subject:Patient.given:exact", "N299")) == ["n0299"]
