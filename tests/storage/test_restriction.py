"""https://hl7.org/fhir/R4/compartmentdefinition-patient.html: what a restricted caller reaches, and what not"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from fhir_server.errors import Forbidden, Invalid
from fhir_server.storage.access import INTERACTIONS, Access, Grant, Interaction
from fhir_server.storage.model import HistoryRequest, SearchRequest, Version, Write
from fhir_server.storage.repository import Store
from tests.stores import Clock, delete, put

ANN, BOB = ("Patient", "ann"), ("Patient", "bob")
EMPTY = [Access.nothing(), Access.restricted([])]


def only(*compartments: tuple[str, str], type_: str = "*", to: Iterable[Interaction] = INTERACTIONS) -> Access:
    return Access.restricted(Grant(type_, frozenset(to), compartment) for compartment in compartments)


def observation(id_: str, patient: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "subject": {"reference": f"Patient/{patient}"}, **more}


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    put(
        store,
        {"resourceType": "Practitioner", "id": "dr"},
        {"resourceType": "Patient", "id": "ann", "generalPractitioner": [{"reference": "Practitioner/dr"}]},
        {"resourceType": "Patient", "id": "bob"},
        {
            "resourceType": "Patient",
            "id": "twin",
            "link": [{"type": "seealso", "other": {"reference": "Patient/ann"}}],
        },
        observation("a1", "ann"),
        observation("b1", "bob", performer=[{"reference": "Practitioner/dr"}]),
        observation("b2", "bob", performer=[{"reference": "Patient/ann"}]),
        {"resourceType": "Organization", "id": "org"},
    )
    clock.advance(seconds=1)
    return store


def ids(rows: list[Version]) -> list[str]:
    return sorted(row.id for row in rows)


@pytest.mark.parametrize("access", EMPTY)
def test_an_empty_restriction_sees_and_changes_nothing(filled: Store, access: Access) -> None:
    assert filled.read(access, "Patient", "ann") is None
    assert filled.vread(access, "Patient", "ann", 1) is None
    for type_ in ("Patient", "Observation", "Organization", None):
        page = filled.search(access, SearchRequest(type_, total=True))
        assert (page.rows, page.total) == ([], 0)
        history = filled.history(access, HistoryRequest(type_))
        assert (history.rows, history.total) == ([], 0)
    assert filled.history(access, HistoryRequest("Patient", "ann")).total == 0
    for write in (
        Write("create", "Patient", "x", {}),
        Write("update", "Patient", "ann", {}),
        Write("delete", "Observation", "a1", None),
    ):
        with pytest.raises(Forbidden):
            filled.write(access, lambda unit, write=write: unit.persist([write]))  # type: ignore[misc]
    assert filled.write(access, lambda unit: unit.current([ANN])) == {}
    assert filled.write(access, lambda unit: unit.match("Patient", [("_id", "ann")])) == []


def test_a_compartment_holds_what_the_definition_names(filled: Store) -> None:
    access = only(ANN)
    for type_, id_, seen in (
        ("Patient", "ann", True),
        ("Patient", "twin", True),  # Patient.link is a parameter of the compartment
        ("Patient", "bob", False),
        ("Observation", "a1", True),
        ("Observation", "b1", False),
        ("Observation", "b2", True),  # performer too
        ("Organization", "org", False),
        ("Practitioner", "dr", False),
    ):
        assert (filled.read(access, type_, id_) is not None) is seen, (type_, id_)
        assert (filled.vread(access, type_, id_, 1) is not None) is seen, (type_, id_)
        assert bool(filled.history(access, HistoryRequest(type_, id_)).rows) is seen, (type_, id_)
        found = filled.search(access, SearchRequest(type_, (("_id", id_),), total=True))
        assert (bool(found.rows), found.total) == (seen, int(seen)), (type_, id_)
        found = filled.search(access, SearchRequest(None, (("_id", id_),), total=True))
        assert (bool(found.rows), found.total) == (seen, int(seen)), (type_, id_)


def test_totals_and_pages_count_what_is_within_reach_alone(filled: Store) -> None:
    page = filled.search(only(ANN), SearchRequest("Observation", total=True, count=1))
    assert (len(page.rows), page.total, bool(page.next_cursor)) == (1, 2, True)
    rest = filled.search(only(ANN), SearchRequest("Observation", count=5, cursor=page.next_cursor))
    assert ids(page.rows + rest.rows) == ["a1", "b2"]
    assert filled.search(only(ANN), SearchRequest(None, total=True)).total == 4
    assert filled.history(only(ANN), HistoryRequest()).total == 4
    assert filled.history(only(ANN), HistoryRequest("Observation")).total == 2


def test_criteria_cannot_reach_further_than_the_caller(filled: Store) -> None:
    for criteria in ((("patient", "bob"),), (("subject", "Patient/bob"), ("code:missing", "true"))):
        assert ids(filled.search(only(ANN), SearchRequest("Observation", criteria)).rows) == ["b2"]
    assert ids(filled.search(only(ANN), SearchRequest("Observation", (("code:not", "x"),))).rows) == ["a1", "b2"]


def test_compartments_of_several_patients_add_up(filled: Store) -> None:
    assert ids(filled.search(only(ANN, BOB), SearchRequest("Observation")).rows) == ["a1", "b1", "b2"]


def test_a_grant_is_for_its_type_and_interactions(filled: Store) -> None:
    access = only(ANN, type_="Observation", to=["read"])
    assert filled.read(access, "Observation", "a1") is not None
    assert filled.read(access, "Patient", "ann") is None
    assert filled.search(access, SearchRequest("Observation", total=True)).total == 0
    assert filled.history(access, HistoryRequest("Observation")).total == 0
    assert filled.history(access, HistoryRequest("Observation", "a1")).total == 1
    mixed = Access.restricted(
        [
            Grant("Observation", frozenset({"search"}), ANN),
            Grant("Organization", frozenset({"search"})),
            Grant("Patient", frozenset({"search"}), BOB),
        ]
    )
    assert ids(filled.search(mixed, SearchRequest(None)).rows) == ["a1", "b2", "bob", "org"]


def test_a_compartment_of_someone_unknown_is_empty(filled: Store) -> None:
    assert filled.search(only(("Patient", "nobody")), SearchRequest(None, total=True)).total == 0
    assert filled.search(only(("Nothing", "ann")), SearchRequest(None, total=True)).total == 0


def test_practitioners_and_encounters_have_compartments_too(filled: Store) -> None:
    access = only(("Practitioner", "dr"))
    assert ids(filled.search(access, SearchRequest("Observation")).rows) == ["b1"]
    assert ids(filled.search(access, SearchRequest("Patient")).rows) == ["ann"]
    assert filled.read(access, "Practitioner", "dr") is not None


def test_what_is_deleted_belongs_to_no_compartment(filled: Store) -> None:
    delete(filled, "Observation", "a1")
    access = only(ANN)
    assert filled.read(access, "Observation", "a1") is None
    assert filled.history(access, HistoryRequest("Observation", "a1")).rows == []
    whole = Access.restricted([Grant("Observation", frozenset({"read"}))])
    read = filled.read(whole, "Observation", "a1")
    assert read is not None
    assert read.deleted


def test_versions_from_before_a_change_of_compartment_stay_hidden(filled: Store, clock: Clock) -> None:
    put(filled, observation("a1", "ann", status="final"))
    clock.advance(seconds=1)
    put(filled, observation("a1", "bob"))  # the observation was of Bob all along
    put(filled, observation("a1", "bob", status="amended"))
    assert filled.read(only(ANN), "Observation", "a1") is None
    assert filled.vread(only(ANN), "Observation", "a1", 1) is None
    for version, seen in ((1, False), (2, False), (3, True), (4, True)):
        assert (filled.vread(only(BOB), "Observation", "a1", version) is not None) is seen
    for request in (HistoryRequest("Observation", "a1"), HistoryRequest("Observation"), HistoryRequest()):
        rows = filled.history(only(BOB), request).rows
        assert [row.version for row in rows if row.id == "a1"] == [4, 3]
        assert not any('"Patient/ann"' in row.content for row in rows if row.id == "a1")
    delete(filled, "Observation", "a1")
    put(filled, observation("a1", "ann"))
    assert [row.version for row in filled.history(only(ANN), HistoryRequest("Observation", "a1")).rows] == [6]


def persist(store: Store, access: Access, *writes: Write) -> list[Version]:
    return store.write(access, lambda unit: unit.persist(writes))


def test_a_restricted_writer_writes_within_the_compartment_alone(filled: Store) -> None:
    access = only(ANN)
    made = persist(filled, access, Write("create", "Observation", "n", observation("n", "ann")))[0]
    assert made.version == 1
    assert persist(filled, access, Write("update", "Observation", "n", observation("n", "ann")))[0].version == 2
    assert persist(filled, access, Write("delete", "Observation", "n", None))[0].deleted
    refused = [
        Write("create", "Observation", "x", observation("x", "bob")),  # outside
        Write("update", "Observation", "b1", observation("b1", "ann")),  # from outside to inside
        Write("update", "Observation", "a1", observation("a1", "bob")),  # from inside to outside
        Write("delete", "Observation", "b1", None),
        Write("create", "Organization", "x", {}),
    ]
    for write in refused:  # Invalid: the reference to Bob reads as one to nobody
        with pytest.raises((Forbidden, Invalid)):
            persist(filled, access, write)
        with pytest.raises((Forbidden, Invalid)):  # nor does a change that is allowed carry one along that is not
            persist(filled, access, Write("update", "Observation", "b2", observation("b2", "ann")), write)
    for id_ in ("a1", "b2"):
        read = filled.read(access, "Observation", id_)
        assert read is not None
        assert read.version == 1
    assert filled.check() == []


def test_criteria_of_a_conditional_write_see_what_the_writer_may_reach(filled: Store) -> None:
    access = only(ANN, to=["update"])
    found = filled.write(access, lambda unit: unit.match("Observation", [("patient", "ann,bob")], limit=10))
    assert ids(found) == ["a1", "b2"]
    assert set(filled.write(access, lambda unit: unit.current([("Observation", "a1"), ("Observation", "b1")]))) == {
        ("Observation", "a1")
    }
