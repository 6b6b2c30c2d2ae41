"""Projection is a pure function of the document: it can be rebuilt at any time and proven at any time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fhir_server.errors import StatementTimeout, UnknownType
from fhir_server.formats import json
from fhir_server.storage import check_references, rebuild
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


@pytest.mark.parametrize("batch, keys", [(1, 1), (2, 3), (3, 100)])
def test_references_are_compared_alike_in_batches_of_any_size(
    store: Store, monkeypatch: pytest.MonkeyPatch, batch: int, keys: int
) -> None:
    monkeypatch.setattr(check_references, "_BATCH", batch)
    monkeypatch.setattr(check_references, "_SLICE", keys)
    observations = [
        {"resourceType": "Observation", "id": f"o{n}", "subject": {"reference": f"Patient/p{n % 3}"}} for n in range(7)
    ]
    put(store, *patients(5))
    put(store, *observations)
    assert store.check() == []
    key_of = dict(store.database.fetch("SELECT id, key FROM resource"))
    wreck(
        store,
        f"DELETE FROM resource_reference WHERE source = {key_of['o2']}",
        f"UPDATE resource_reference SET target = {key_of['p4']} WHERE source = {key_of['o5']}",
        *(
            f"INSERT INTO resource_reference (target, source) VALUES ({key_of['p1']}, {key_of[n]})"
            for n in ("p2", "p3")
        ),
        f"INSERT INTO resource_reference (target, source) VALUES ({key_of['p3']}, {key_of['p2']})",
        f"INSERT INTO resource_reference (target, source) VALUES ({key_of['p3']}, 999)",
    )
    assert sorted(store.check(), key=str) == [
        Difference("", "", "resource_reference", 0, 1),
        Difference("Observation", "o2", "resource_reference", 1, 0),
        Difference("Observation", "o5", "resource_reference", 1, 1),
        Difference("Patient", "p2", "resource_reference", 0, 2),
        Difference("Patient", "p3", "resource_reference", 0, 1),
    ]


def test_a_check_takes_the_time_it_needs_and_leaves_requests_their_limit(store_url: str) -> None:
    hurried = open_store(store_url, limits={"statement_timeout": 0.02})
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
    # Rows that belong to nobody, enough of them that counting takes longer than a statement may.
    count = 300_000
    with hurried.database.transaction() as session:
        session.raw.execute("SET LOCAL statement_timeout = 0") if hurried.database.dialect == "postgresql" else None
        session.raw.execute(
            "INSERT INTO resource_reference (target, source) " + numbers.format(count) + "SELECT i, i % 1000 FROM n"
        )
    assert Difference("", "", "resource_reference", 0, count // 1000) in hurried.check()
    with pytest.raises(StatementTimeout):
        hurried.database.fetch(numbers.format(100_000_000) + "SELECT count(*) FROM n")
    hurried.database.close()


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
