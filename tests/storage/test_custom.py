"""Search parameters that are added while the server runs: complete or refused, on every path and in every process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import inspect

from fhir_server.errors import Invalid, Unavailable, UnsupportedParameter
from fhir_server.storage.custom import builder as building
from fhir_server.storage.custom import change as changes
from fhir_server.storage.migrations import migrate, require_current
from fhir_server.storage.model import SearchRequest, Write
from fhir_server.storage.naming import own_table
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, delete, put, schema_of


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_GRACE", 0.0)


def parameter(code: str = "nick", **changed: Any) -> dict[str, Any]:
    """A SearchParameter over the nicknames of patients."""
    return {
        "resourceType": "SearchParameter",
        "id": f"patient-{code}",
        "url": f"http://clinic.example/SearchParameter/{code}",
        "name": code,
        "status": "active",
        "description": "A parameter of our own",
        "code": code,
        "base": ["Patient"],
        "type": "string",
        "expression": "Patient.name.where(use = 'nickname').given",
    } | changed


def patient(number: int, nick: str = "Bee") -> dict[str, Any]:
    name = {"use": "nickname", "given": [f"{nick}{number}"]}
    return {"resourceType": "Patient", "id": f"p{number}", "name": [name]}


def found(store: Store, type_: str, *parameters: tuple[str, str], **more: Any) -> list[str]:
    return sorted(row.id for row in store.search(EVERYONE, SearchRequest(type_, parameters, **more)).rows)


def build(store: Store) -> None:
    store.builder().run()


def test_a_parameter_is_refused_until_it_is_built_and_then_finds_what_was_there_before(store: Store) -> None:
    put(store, *(patient(n) for n in range(7)))
    delete(store, "Patient", "p3")
    with pytest.raises(UnsupportedParameter):
        found(store, "Patient", ("nick", "bee"))
    put(store, parameter())
    with pytest.raises(Unavailable, match="nick of Patient is being built") as refused:
        found(store, "Patient", ("nick", "bee"))
    assert refused.value.headers["Retry-After"]
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == ["p0", "p1", "p2", "p4", "p5", "p6"]
    assert found(store, "Patient", ("nick:exact", "Bee4")) == ["p4"]
    put(store, patient(1, "Zed"), patient(8))
    delete(store, "Patient", "p2")
    assert found(store, "Patient", ("nick", "bee")) == ["p0", "p4", "p5", "p6", "p8"]
    assert found(store, "Patient", ("nick", "zed")) == ["p1"]
    assert found(store, "Patient", ("nick:missing", "false")) == ["p0", "p1", "p4", "p5", "p6", "p8"]
    assert store.check() == []


def test_what_was_written_in_the_transaction_of_the_parameter_is_found_too(store: Store) -> None:
    put(store, patient(1), parameter(), patient(2))
    put(store, patient(3))
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == ["p1", "p2", "p3"]


def test_a_transaction_that_fails_leaves_no_parameter(store: Store) -> None:
    def work(unit: Any) -> None:
        unit.persist([write("update", parameter())])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(EVERYONE, work)
    with pytest.raises(UnsupportedParameter):
        found(store, "Patient", ("nick", "bee"))
    put(store, parameter())
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == []


def test_a_new_expression_is_built_anew_and_the_old_table_goes(store: Store) -> None:
    put(store, patient(1), parameter())
    build(store)
    put(store, parameter(expression="Patient.id", type="token"))
    with pytest.raises(Unavailable):
        found(store, "Patient", ("nick", "Bee1"))
    build(store)
    assert found(store, "Patient", ("nick", "p1")) == ["p1"]
    assert found(store, "Patient", ("nick", "Bee1")) == []
    assert tables(store) == ["patient_search_nick2"]
    put(store, parameter(expression="Patient.id", type="token", description="Nothing that matters"))
    assert found(store, "Patient", ("nick", "p1")) == ["p1"], "no change of meaning, nothing to build"
    assert store.check() == []


@pytest.mark.parametrize("how", ["deleted", "retired"])
def test_a_parameter_that_goes_is_unknown_at_once_and_its_table_is_dropped(store: Store, how: str) -> None:
    put(store, patient(1), parameter())
    build(store)
    if how == "deleted":
        delete(store, "SearchParameter", "patient-nick")
    else:
        put(store, parameter(status="retired"))
    with pytest.raises(UnsupportedParameter):
        found(store, "Patient", ("nick", "bee"))
    put(store, patient(2))
    build(store)
    assert tables(store) == []
    assert store.check() == []
    put(store, parameter(status="active"))
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == ["p1", "p2"]


def test_codes_that_would_share_a_table_have_tables_of_their_own(store: Store) -> None:
    codes = ("nick-name", "nick_name", "nickName")
    put(store, patient(1), *(parameter(code, id=f"x{n}") for n, code in enumerate(codes)))
    build(store)
    assert [found(store, "Patient", (code, "bee")) for code in codes] == [["p1"]] * 3
    assert len(tables(store)) == 3


def test_every_search_type_finds_what_its_expression_gives(store: Store) -> None:
    expressions = {
        "string": ("Patient.contact.name", "ng", "zz"),
        "token": ("Patient.contact.gender | Patient.contact.relationship", "urn:r|N", "x"),
        "date": ("Patient.contact.period", "ge2020", "lt1999"),
        "number": ("Patient.contact.count()", "1", "2"),
        "quantity": ("Patient.extension('urn:weight').value", "5400|http://unitsofmeasure.org|g", "1"),
        "uri": ("Patient.implicitRules | Patient.extension('urn:home').value", "urn:here", "urn:there"),
        "reference": ("Patient.contact.organization", "Organization/o", "Organization/x"),
    }
    weight = {"value": Decimal("5.4"), "system": "http://unitsofmeasure.org", "code": "kg"}
    contact = {
        "name": {"family": "Ng"},
        "relationship": [{"coding": [{"system": "urn:r", "code": "N"}]}],
        "period": {"start": "2019-05-01", "end": "2021-05-01"},
        "organization": {"reference": "Organization/o"},
    }
    extensions = [{"url": "urn:weight", "valueQuantity": weight}, {"url": "urn:home", "valueUri": "urn:here"}]
    document = {"resourceType": "Patient", "id": "p", "contact": [contact], "extension": extensions}
    put(store, {"resourceType": "Organization", "id": "o"}, document)
    put(store, *(parameter(f"my-{kind}", type=kind, expression=text) for kind, (text, _, _) in expressions.items()))
    build(store)
    put(store, document | {"id": "q"}, {"resourceType": "Patient", "id": "r"})
    hits = {kind: found(store, "Patient", (f"my-{kind}", hit)) for kind, (_, hit, _) in expressions.items()}
    assert hits == {kind: ["p", "q"] for kind in expressions}
    misses = {kind: found(store, "Patient", (f"my-{kind}", miss)) for kind, (_, _, miss) in expressions.items()}
    assert misses == {kind: [] for kind in expressions}
    assert found(store, "Patient", ("my-reference.name:missing", "true")) == ["p", "q"], "chained"
    asked = SearchRequest("Patient", (("my-string", "ng"),), sort=("-my-date",))
    assert [row.id for row in store.search(EVERYONE, asked).rows] == ["q", "p"]
    included = store.search(EVERYONE, SearchRequest("Patient", includes=(("_include", "Patient:my-reference"),)))
    assert [row.id for row in included.included] == ["o"]
    assert store.check() == []


def test_references_that_have_no_key_are_found_and_go_with_the_parameter(store: Store) -> None:
    far = {"reference": "http://far.example/fhir/Organization/9"}
    document = {"resourceType": "Patient", "managingOrganization": far, "contact": [{"organization": far}]}
    put(store, document | {"id": "p"}, parameter("at", type="reference", expression="Patient.contact.organization"))
    put(store, document | {"id": "q"})
    build(store)
    assert found(store, "Patient", ("at", far["reference"])) == ["p", "q"]
    assert store.check() == []
    delete(store, "SearchParameter", "patient-at")
    assert store.check() == []
    build(store)
    assert store.database.fetch("SELECT count(*) FROM loose_reference WHERE position >= 10000") == [(0,)]
    assert store.database.fetch("SELECT count(*) FROM loose_reference WHERE position < 10000") == [(4,)], (
        "official ones"
    )
    assert store.check() == []


def test_a_resource_on_which_the_expression_fails_is_stored_and_has_no_value(store: Store) -> None:
    both = {"resourceType": "Patient", "id": "p", "name": [{"given": ["A"]}, {"given": ["B"]}]}
    one = {"resourceType": "Patient", "id": "q", "name": [{"given": ["A"]}]}
    put(store, both, one, parameter(expression="Patient.name.given + 'x'"))
    build(store)
    put(store, both | {"id": "r"})
    assert found(store, "Patient", ("nick", "ax")) == ["q"]
    assert found(store, "Patient", ("nick:missing", "true")) == ["p", "r"]
    (entry,) = store.custom.entries.values()
    assert [entry.state, entry.percent] == ["active", 100]
    version = store.read(EVERYONE, "SearchParameter", "patient-nick")
    assert version is not None
    assert [(row.done, row.failed) for row in store.parameter_entries(version.key)] == [(2, 1)]
    assert store.check() == []


def test_one_resource_serves_several_types(store: Store) -> None:
    people = parameter(base=["Patient", "Practitioner"], expression="Patient.name.given | Practitioner.name.given")
    put(store, patient(1), {"resourceType": "Practitioner", "id": "d", "name": [{"given": ["Beat"]}]}, people)
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == ["p1"]
    assert found(store, "Practitioner", ("nick", "bea")) == ["d"]
    put(store, people | {"base": ["Patient"], "expression": people["expression"]})
    assert found(store, "Patient", ("nick", "bee")) == ["p1"], "what stays is not built again"
    with pytest.raises(UnsupportedParameter):
        found(store, "Practitioner", ("nick", "bea"))


REFUSED = {
    "composite": ({"type": "composite"}, "type"),
    "special": ({"type": "special"}, "type"),
    "no code": ({"code": "a.b"}, "code"),
    "a result parameter": ({"code": "_sort"}, "code"),
    "R4's own name": ({"code": "family", "expression": "Patient.name.given"}, "code"),
    "R4's own name, other type": ({"code": "gender", "expression": "Patient.gender"}, "code"),
    "any type": ({"base": ["Resource"]}, "base[0]"),
    "nothing for a base": ({"base": ["Patient", "Basic"]}, "expression"),
    "no expression": ({"expression": ""}, "expression"),
    "no FHIRPath": ({"expression": "Patient..name"}, "expression"),
    "no such element": ({"expression": "Patient.nickname"}, "expression"),
    "wrong datatype": ({"type": "date"}, "type"),
    "the time": ({"expression": "Patient.birthDate = today()", "type": "token"}, "expression"),
    "following references": ({"expression": "Patient.managingOrganization.resolve().name"}, "expression"),
    "unknown variable": ({"expression": "Patient.name.where(use = %mine).given"}, "expression"),
    "unknown value set": ({"expression": "Patient.name.where(use.memberOf('urn:x')).given"}, "expression"),
    "too long": ({"expression": "Patient.id | " * 300 + "Patient.id"}, "expression"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_at_its_place(store: Store, case: str) -> None:
    changed, place = REFUSED[case]
    with pytest.raises(Invalid) as refused:
        put(store, parameter(**({"code": "nick"} | changed)))
    assert [issue.expression for issue in refused.value.all_issues()] == [f"SearchParameter.{place}"]
    assert store.read(EVERYONE, "SearchParameter", "patient-nick") is None


def test_two_resources_cannot_define_the_same_parameter_but_one_can_follow_the_other(store: Store) -> None:
    put(store, parameter())
    with pytest.raises(Invalid, match="Another SearchParameter"):
        put(store, parameter(id="second"))
    put(store, parameter(status="retired"), parameter(id="second"))
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "draft"},
        {"url": "http://hl7.org/fhir/SearchParameter/individual-family", "code": "family"},
        {"code": "family", "expression": "Patient.name.family"},
        {"code": "family", "derivedFrom": "http://hl7.org/fhir/SearchParameter/individual-family"},
    ],
    ids=["a draft", "R4's own resource", "R4's own expression", "derived from R4's own"],
)
def test_what_adds_nothing_has_no_effect(store: Store, changed: dict[str, Any]) -> None:
    put(store, parameter(**({"code": "nick"} | changed)), patient(1))
    assert store.custom.entries == {}
    assert tables(store) == []


def test_there_is_a_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST_OF_A_TYPE", 2)
    put(store, parameter("a"), parameter("b"))
    with pytest.raises(Invalid, match="2 search parameters"):
        put(store, parameter("c"))


def test_a_migration_keeps_what_was_added(store: Store) -> None:
    put(store, patient(1), parameter())
    build(store)
    schema = schema_of(store.database.dialect)
    assert migrate(store.database, schema) == []
    with store.database.transaction() as session:
        session.fetch("UPDATE schema_version SET fingerprint = 'of an older program'")
    assert migrate(store.database, schema) == ["additions of the mappings"]
    require_current(store.database, schema)
    put(store, patient(2))
    assert found(store, "Patient", ("nick", "bee")) == ["p1", "p2"]
    assert store.check() == []


def tables(store: Store) -> list[str]:
    """The tables of parameters of patients; a PostgreSQL database that was used before may have others' too."""
    there = inspect(store.database.engine).get_table_names()
    if store.database.dialect == "postgresql":
        entries = store.database.fetch("SELECT name FROM custom_parameter")
        there = [name for name in there if name in {own_table("Patient", row[0]) for row in entries}]
    return sorted(name for name in there if name.startswith("patient_search_"))


def write(method: Any, document: dict[str, Any]) -> Write:
    return Write(method, document["resourceType"], document["id"], document)
