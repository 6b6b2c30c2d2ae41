"""Every function of the store, for every kind of caller: what is out of reach is as if it did not exist.

https://hl7.org/fhir/R4/security.html#authorization
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fhir_server.errors import Conflict, FhirError, Forbidden, Invalid
from fhir_server.storage.access import INTERACTIONS, Access, Grant, Interaction
from fhir_server.storage.model import HistoryRequest, SearchRequest, Version, Write
from fhir_server.storage.repository import Store
from fhir_server.storage.unit import WriteUnit
from tests.stores import EVERYONE, Clock, delete, open_store, put

ANN = ("Patient", "ann")
READING: frozenset[Interaction] = frozenset({"read", "search"})
SECRET = "canary-7f3a"


def of(patient: str, id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "subject": {"reference": f"Patient/{patient}"}, **more}


DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"resourceType": "Organization", "id": "org", "name": SECRET},
    {"resourceType": "Patient", "id": "ann", "active": True},
    {"resourceType": "Patient", "id": "bob", "active": True, "name": [{"text": SECRET}]},
    of("ann", "a1", status="final"),
    of("ann", "a2", status="final"),
    of("bob", "b1", status="final", valueString=SECRET),
    of("bob", "b2", status="final", valueString=SECRET),
)
IDENTITIES = tuple((document["resourceType"], document["id"]) for document in DOCUMENTS)
OF_ANN = {ANN, ("Observation", "a1"), ("Observation", "a2")}
WHOLE_OBSERVATIONS = {identity for identity in IDENTITIES if identity[0] == "Observation"}

# Callers, and what each may see by any reading at all: written down by hand, not computed by the code under test.
CALLERS: dict[str, tuple[Access, set[tuple[str, str]]]] = {
    "nobody": (Access.nothing(), set()),
    "a restriction nobody filled in": (Access.restricted([]), set()),
    "rights for another type": (Access.restricted([Grant("Slot", INTERACTIONS)]), set()),
    "rights for an unknown compartment": (Access.restricted([Grant("*", INTERACTIONS, ("Patient", "no"))]), set()),
    "rights to create alone": (Access.restricted([Grant("*", frozenset({"create"}))]), set()),
    "a patient": (Access.restricted([Grant("*", INTERACTIONS, ANN)]), OF_ANN),
    "a patient who reads": (Access.restricted([Grant("*", READING, ANN)]), OF_ANN),
    "a patient's observations": (
        Access.restricted([Grant("Observation", INTERACTIONS, ANN)]),
        {("Observation", "a1"), ("Observation", "a2")},
    ),
    "all observations": (Access.restricted([Grant("Observation", INTERACTIONS)]), WHOLE_OBSERVATIONS),
}
Reading = Callable[[Store, Access], list[Version]]


def _all(results: list[Version | None]) -> list[Version]:
    return [result for result in results if result is not None]


def _pages(store: Store, access: Access, kind: str | None) -> list[Version]:
    found: list[Version] = []
    cursor = ""
    while True:
        page = store.search(access, SearchRequest(kind, count=1, cursor=cursor, total=True))
        found += page.rows
        cursor = page.next_cursor
        if not cursor:
            assert page.total == len(found), "a total counts what is within reach alone"
            return found


def _matched(store: Store, access: Access) -> list[Version]:
    def work(unit: WriteUnit) -> list[Version]:
        found: list[Version] = []
        for kind in ("Patient", "Observation", "Organization"):
            found += unit.match(kind, [("_lastUpdated", "gt2000")], limit=50)
        return found + unit.match("Observation", [("subject", "Patient/bob")], limit=50)

    return store.write(access, work)


def _history(kind: str | None, *, each: bool = False) -> Reading:
    def read(store: Store, access: Access) -> list[Version]:
        asked = [HistoryRequest(kind)] if not each else [HistoryRequest(*identity) for identity in IDENTITIES]
        pages = [store.history(access, request) for request in asked]
        assert all(page.total == len(page.rows) for page in pages)
        return [row for page in pages for row in page.rows]

    return read


# Every way to see something, by the function of Store or WriteUnit it goes through.
WAYS: dict[str, tuple[str, Reading]] = {
    "read": ("Store.read", lambda store, access: _all([store.read(access, *identity) for identity in IDENTITIES])),
    "vread": ("Store.vread", lambda store, access: _all([store.vread(access, *each, 1) for each in IDENTITIES])),
    "search of a type": (
        "Store.search",
        lambda store, access: [
            row for kind in ("Patient", "Observation", "Organization") for row in _pages(store, access, kind)
        ],
    ),
    "search of everything": ("Store.search", lambda store, access: _pages(store, access, None)),
    "search by criteria": (
        "Store.search",
        lambda store, access: [
            row
            for criteria in ((("subject", "Patient/bob"),), (("status", "final"),), (("code:missing", "true"),))
            for row in store.search(access, SearchRequest("Observation", criteria)).rows
        ],
    ),
    "history of a resource": ("Store.history", _history(None, each=True)),
    "history of a type": (
        "Store.history",
        lambda store, access: [row for kind in ("Patient", "Observation") for row in _history(kind)(store, access)],
    ),
    "history of everything": ("Store.history", _history(None)),
    "current, to change": (
        "WriteUnit.current",
        lambda store, access: list(store.write(access, lambda unit: unit.current(IDENTITIES)).values()),
    ),
    "criteria of a write": ("WriteUnit.match", _matched),
}
# Functions that show nothing of a record, and why.
SILENT = {
    "Store.unsupported": "speaks of parameters",
    "Store.explain": "tells of statements, indexes and numbers of rows, no values: see test_explain.py",
    "Store.builder": "of the operator: builds search parameters",
    "Store.custom": "names search parameters, no records",
    "Store.parameter_entries": "how far a parameter is built, for whoever has read it",
    "Store.parameters_changed": "a signal",
    "Store.index_words": "of the operator; returns a number",
    "Store.write": "hands out a WriteUnit that carries the Access",
    "Store.labels": "shows labels, no resources: see the test below",
    "Store.snapshot": "lets other readings see one state",
    "Store.reproject": "of the operator; returns a number",
    "Store.check": "of the operator; names places, never values",
    "WriteUnit.persist": "changes: see the tests below",
    "WriteUnit.guard": "takes a lock on a text of the caller",
    "WriteUnit.now": "the time",
    "WriteUnit.new_id": "an id that is not taken",
    "WriteUnit.note_load": "writes the journal of the loader",
}


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    put(store, *DOCUMENTS)
    clock.advance(seconds=1)
    return store


def test_every_function_of_the_store_is_in_the_matrix() -> None:
    there = {
        f"{owner.__name__}.{name}"
        for owner in (Store, WriteUnit)
        for name, _ in inspect.getmembers(owner)
        if not name.startswith("_")
    }
    assert there == {function for function, _ in WAYS.values()} | set(SILENT)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_sees_what_is_within_reach_and_nothing_else(filled: Store, caller: str) -> None:
    access, reach = CALLERS[caller]
    for way, (_, look) in WAYS.items():
        rows = look(filled, access)
        seen = {(row.type, row.id) for row in rows}
        assert seen <= reach, way
        if reach and way not in ("search by criteria", "history of a type"):
            assert seen == reach, way
        if reach != WHOLE_OBSERVATIONS:
            assert SECRET not in "".join(row.content for row in rows), way


@pytest.mark.parametrize("caller", CALLERS)
def test_the_labels_of_what_is_out_of_reach_are_not_in_use(filled: Store, caller: str) -> None:
    access, reach = CALLERS[caller]
    for document in DOCUMENTS:
        tag = {"system": "urn:x", "code": f"of-{document['id']}"}
        put(
            filled,
            {**document, "meta": {"tag": [tag], "security": [tag], "profile": [f"http://e.org/{document['id']}"]}},
        )
    for kind in (None, "Patient", "Observation", "Organization"):
        told = json.dumps(filled.labels(access, kind, 100))
        there = {identity for identity in reach if kind in (None, identity[0])}
        for _, id_ in IDENTITIES:
            assert (f'"of-{id_}"' in told) == (id_ in {seen for _, seen in there}), (kind, id_)
            assert told.count(f"http://e.org/{id_}") == (id_ in {seen for _, seen in there}), (kind, id_)


def test_labels_are_looked_for_up_to_a_number(filled: Store) -> None:
    tags = [{"system": "urn:x", "code": f"c{number}"} for number in range(5)]
    for tag in tags:
        put(filled, {"resourceType": "Flag", "id": tag["code"], "meta": {"tag": [tag]}})
    assert len(filled.labels(EVERYONE, "Flag", 100)) == 5
    assert len(filled.labels(EVERYONE, "Flag", 3)) == 3


WRITERS = [caller for caller in CALLERS if caller != "all observations"]


@pytest.mark.parametrize("caller", WRITERS)
def test_a_caller_changes_nothing_out_of_reach(filled: Store, caller: str) -> None:
    access, reach = CALLERS[caller]
    before = {identity: filled.read(EVERYONE, *identity) for identity in IDENTITIES}
    for kind, id_ in IDENTITIES:
        if (kind, id_) in reach:
            continue
        document = {"resourceType": kind, "id": id_}
        for write in (
            Write("update", kind, id_, document),
            Write("update", kind, id_, of("ann", id_) if kind == "Observation" else document),
            Write("patch", kind, id_, document, 1),
            Write("delete", kind, id_, None),
        ):
            with pytest.raises(Forbidden) as caught:
                filled.write(access, lambda unit, write=write: unit.persist([write]))  # type: ignore[misc]
            assert SECRET not in str(caught.value)
    assert {identity: filled.read(EVERYONE, *identity) for identity in IDENTITIES} == before


@pytest.fixture
def patient() -> Access:
    return CALLERS["a patient"][0]


def issue(store: Store, access: Access, *documents: dict[str, Any]) -> tuple[Any, ...]:
    """What the answer to a write tells: everything of the error but the place, or that there was none."""
    writes = [Write("create", document["resourceType"], document["id"], document) for document in documents]
    try:
        store.write(access, lambda unit: unit.persist(writes))
    except FhirError as error:
        return (type(error), *((each.code, each.diagnostics, each.expression) for each in error.all_issues()))
    return ()


@pytest.mark.parametrize("reference", ["Patient/{}", "Patient/{}/_history/1", "http://fhir.example/fhir/Patient/{}"])
def test_a_reference_does_not_tell_whether_something_out_of_reach_exists(
    filled: Store, patient: Access, reference: str
) -> None:
    put(filled, {"resourceType": "Patient", "id": "gone"})
    delete(filled, "Patient", "gone")
    told = {
        id_: issue(filled, patient, of("ann", "n", performer=[{"reference": reference.format(id_)}]))
        for id_ in ("bob", "gone", "never")
    }
    assert told["bob"] == told["gone"] == told["never"]
    assert told["bob"][0] is Invalid
    assert issue(filled, patient, of("ann", "n", performer=[{"reference": reference.format("ann")}])) == ()


def test_a_writer_may_refer_to_the_owner_of_the_compartment_without_reading_it(filled: Store) -> None:
    access = Access.restricted([Grant("Observation", frozenset({"create"}), ANN)])
    assert filled.read(access, "Patient", "ann") is None
    assert issue(filled, access, of("ann", "n")) == ()


def test_a_reference_that_was_there_already_may_stay(filled: Store, patient: Access) -> None:
    """The caller can read it in the version that is replaced, so it tells nothing new; a clinic put it there."""
    put(filled, of("ann", "a1", performer=[{"reference": "Organization/org"}]))
    kept = of("ann", "a1", status="amended", performer=[{"reference": "Organization/org"}])
    write = Write("update", "Observation", "a1", kept)
    assert filled.write(patient, lambda unit: unit.persist([write]))[0].version == 3
    assert filled.check() == []


def test_resources_of_one_batch_may_refer_to_one_another(filled: Store, patient: Access) -> None:
    first, second = of("ann", "n1"), of("ann", "n2", hasMember=[{"reference": "Observation/n1"}])
    assert issue(filled, patient, first, second) == ()


def test_a_refused_deletion_does_not_tell_who_refers(filled: Store, patient: Access) -> None:
    put(filled, of("bob", "b3", hasMember=[{"reference": "Observation/a1"}]))
    with pytest.raises(Conflict) as caught:
        filled.write(patient, lambda unit: unit.persist([Write("delete", "Observation", "a1", None)]))
    assert "Observation cannot be deleted" in str(caught.value)
    assert "(" not in str(caught.value)


@pytest.fixture
def relaxed(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, referential_integrity="relaxed")
    yield opened
    opened.database.close()


def test_relaxed_integrity_takes_references_alike_whether_their_target_exists_or_not(
    relaxed: Store, patient: Access
) -> None:
    put(relaxed, *DOCUMENTS)
    for id_ in ("bob", "never"):
        assert issue(relaxed, patient, of("ann", f"to-{id_}", performer=[{"reference": f"Patient/{id_}"}])) == ()
        assert relaxed.read(patient, "Patient", id_) is None
        found = relaxed.search(patient, SearchRequest("Observation", (("performer", f"Patient/{id_}"),)))
        assert [json.loads(row.content)["id"] for row in found.rows] == [f"to-{id_}"]
    assert relaxed.check() == []
