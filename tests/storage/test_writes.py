"""https://hl7.org/fhir/R4/http.html#create #update #delete, as the store carries them out"""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.errors import (
    BadRequest,
    Gone,
    NotFound,
    PreconditionFailed,
    ServerFault,
)
from fhir_server.formats import json
from fhir_server.storage.model import SearchRequest, Version, Write
from fhir_server.storage.repository import Store
from fhir_server.storage.unit import WriteUnit
from tests.stores import EVERYONE, START, Clock, delete, put


def patient(id_: str = "p", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def rows_in(store: Store, *tables: str) -> list[int]:
    return [store.database.fetch(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def test_a_create_makes_version_1_with_id_and_meta(store: Store) -> None:
    def work(unit: WriteUnit) -> Version:
        document = {"resourceType": "Patient", "active": True}
        return unit.persist([Write("create", "Patient", unit.new_id(), document)])[0]

    made = store.write(EVERYONE, work)
    assert made == Version("Patient", "new-1", 1, START, False, made.content, made.key, "create")
    assert made.content == (
        '{"resourceType":"Patient","id":"new-1",'
        '"meta":{"versionId":"1","lastUpdated":"2026-11-20T08:30:00.000000Z"},"active":true}'
    )
    assert store.read(EVERYONE, "Patient", "new-1") == made
    assert store.vread(EVERYONE, "Patient", "new-1", 1) == made


def test_what_was_received_is_stored_but_for_id_version_and_time(store: Store) -> None:
    document = {
        "id": "other",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">ü ∑ 😀</div>'},
        "resourceType": "Observation",
        "meta": {
            "profile": ["http://x/p|1"],
            "lastUpdated": "1999-01-01T00:00:00Z",
            "versionId": "77",
            "tag": [{"code": "a"}],
        },
        "valueQuantity": {"value": Decimal("1.00"), "code": "mg"},
        "component": [{"valueQuantity": {"value": Decimal("1E-7")}}, {"valueInteger": 3}],
    }
    before = json.encode(document)
    stored = store.write(EVERYONE, lambda unit: unit.persist([Write("create", "Observation", "o", document)]))[0]
    assert json.encode(document) == before, "the caller's document is not changed"
    assert json.decode_trusted(stored.content) == document | {
        "id": "o",
        "meta": {
            "versionId": "1",
            "lastUpdated": "2026-11-20T08:30:00.000000Z",
            "profile": ["http://x/p|1"],
            "tag": [{"code": "a"}],
        },
    }
    assert '"value":1.00,' in stored.content
    assert '"value":1E-7' in stored.content
    assert "ü ∑ 😀" in stored.content


def test_versions_are_counted_and_old_ones_stay(store: Store, clock: Clock) -> None:
    first = put(store, patient(active=False))[0]
    clock.advance(seconds=1)
    second = put(store, patient(active=True), method="patch")[0]
    assert (first.version, second.version) == (1, 2)
    assert (first.key, second.method) == (second.key, "patch")
    assert store.read(EVERYONE, "Patient", "p") == second
    assert store.vread(EVERYONE, "Patient", "p", 1) == first
    assert store.vread(EVERYONE, "Patient", "p", 2) == second
    for version in (0, -1, 3, 2**31, 10**30):
        assert store.vread(EVERYONE, "Patient", "p", version) is None


def test_a_delete_makes_a_version_without_content_and_removes_the_projection(store: Store, clock: Clock) -> None:
    put(store, patient(name=[{"family": "Ng"}], meta={"tag": [{"code": "a"}]}))
    assert rows_in(store, "patient", "patient_name", "meta_tag") == [1, 1, 1]
    clock.advance(seconds=1)
    gone = delete(store, "Patient", "p")
    assert (gone.version, gone.deleted, gone.content, gone.method) == (2, True, "", "delete")
    assert store.read(EVERYONE, "Patient", "p") == gone
    assert rows_in(store, "patient", "patient_name", "meta_tag") == [0, 0, 0]
    assert store.search(EVERYONE, SearchRequest("Patient")).rows == []


def test_an_update_of_a_deleted_resource_revives_it_with_the_next_version(store: Store) -> None:
    put(store, patient())
    delete(store, "Patient", "p")
    revived = put(store, patient(active=True))[0]
    assert (revived.version, revived.deleted) == (3, False)
    assert store.read(EVERYONE, "Patient", "p") == revived
    assert rows_in(store, "patient") == [1]
    assert store.check() == []


def test_a_delete_of_nothing_is_refused(store: Store) -> None:
    with pytest.raises(NotFound):
        delete(store, "Patient", "p")
    put(store, patient())
    delete(store, "Patient", "p")
    with pytest.raises(Gone):
        delete(store, "Patient", "p")
    assert rows_in(store, "resource_version") == [2]


def test_absent_resources_are_none(store: Store) -> None:
    assert store.read(EVERYONE, "Patient", "nobody") is None
    assert store.read(EVERYONE, "Nothing", "nobody") is None
    assert store.vread(EVERYONE, "Patient", "nobody", 1) is None


def test_the_expected_version_must_be_current(store: Store) -> None:
    put(store, patient())

    def write(expected: int, method: str = "update", id_: str = "p") -> list[Version]:
        document = None if method == "delete" else patient(id_)
        write = Write(method, "Patient", id_, document, expected, "Bundle.entry[3]")  # type: ignore[arg-type]
        return store.write(EVERYONE, lambda unit: unit.persist([write]))

    for stale in (lambda: write(2), lambda: write(2, "delete"), lambda: write(1, id_="unknown")):
        with pytest.raises(PreconditionFailed) as caught:
            stale()
        assert caught.value.expression == "Bundle.entry[3]"
    assert write(1)[0].version == 2
    assert write(2, "delete")[0].version == 3


def test_the_time_of_a_resource_never_runs_backwards(store: Store, clock: Clock) -> None:
    put(store, patient())
    clock.advance(hours=-1)
    assert put(store, patient())[0].last_updated == START
    assert put(store, patient("q"))[0].last_updated == START - timedelta(hours=1)


def test_the_clock_may_speak_in_another_zone(store: Store, clock: Clock) -> None:
    clock.now = START.astimezone(timezone(timedelta(hours=5)))
    made = put(store, patient())[0]
    assert made.last_updated == START
    assert made.last_updated.tzinfo is UTC
    assert '"lastUpdated":"2026-11-20T08:30:00.000000Z"' in made.content
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    assert read.last_updated.utcoffset() == timedelta(0)


def test_a_batch_returns_its_versions_in_the_order_of_its_writes(store: Store) -> None:
    put(store, patient("a"), patient("b"))
    writes = [
        Write("delete", "Patient", "b", None),
        Write("create", "Patient", "c", patient("c")),
        Write("update", "Patient", "a", patient("a", active=True)),
        Write("update", "Patient", "0", patient("0")),
    ]
    made = store.write(EVERYONE, lambda unit: unit.persist(writes))
    assert [(v.id, v.version, v.deleted, v.method) for v in made] == [
        ("b", 2, True, "delete"),
        ("c", 1, False, "create"),
        ("a", 2, False, "update"),
        ("0", 1, False, "update"),
    ]
    assert store.check() == []


def test_the_same_resource_twice_in_one_batch_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest) as caught:
        put(store, patient(), patient())
    assert caught.value.code == "duplicate"
    assert rows_in(store, "resource", "resource_version") == [0, 0]


def test_several_batches_in_one_transaction_build_on_one_another(store: Store) -> None:
    def work(unit: WriteUnit) -> list[Version]:
        unit.persist([Write("update", "Patient", "p", patient(active=True))])
        assert unit.current([("Patient", "p")])["Patient", "p"].version == 1
        unit.persist([Write("update", "Patient", "p", patient(active=False))])
        return unit.persist([Write("delete", "Patient", "p", None)])

    assert [v.version for v in store.write(EVERYONE, work)] == [3]
    assert store.check() == []


def test_nothing_is_left_of_a_transaction_that_fails(store: Store) -> None:
    put(store, patient("before"))
    before = rows_in(store, "resource", "resource_version", "patient", "patient_name", "resource_reference")

    def work(unit: WriteUnit) -> None:
        unit.persist([Write("create", "Patient", "after", patient("after", name=[{"family": "Ng"}]))])
        unit.persist([Write("delete", "Patient", "before", None)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(EVERYONE, work)
    assert rows_in(store, "resource", "resource_version", "patient", "patient_name", "resource_reference") == before
    assert store.read(EVERYONE, "Patient", "after") is None
    assert store.check() == []


def test_an_update_touches_only_the_tables_that_change(store: Store) -> None:
    put(store, patient(name=[{"family": "Ng"}], telecom=[{"system": "phone", "value": "1"}]))
    names, phones = (store.database.fetch(f"SELECT * FROM {table}") for table in ("patient_name", "patient_telecom"))
    put(store, patient(name=[{"family": "Ng"}], active=True))
    assert store.database.fetch("SELECT * FROM patient_name") == names
    assert phones
    assert store.database.fetch("SELECT * FROM patient_telecom") == []
    assert store.check() == []


@pytest.mark.parametrize("text", ["a\x00b", "\x00", "\\\x00"])
def test_a_nul_character_never_reaches_the_database(store: Store, text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        put(store, patient(name=[{"family": text}]))
    assert caught.value.code == "value"
    assert rows_in(store, "resource") == [0]


def test_the_text_backslash_u0000_is_no_nul(store: Store) -> None:
    put(store, patient(name=[{"family": "\\u0000"}]))
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    assert json.decode_trusted(read.content)["name"] == [{"family": "\\u0000"}]


def test_half_a_surrogate_pair_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest):
        put(store, patient(name=[{"family": "\ud800"}]))


def test_a_write_without_a_document_is_a_fault_of_ours(store: Store) -> None:
    with pytest.raises(ServerFault):
        store.write(EVERYONE, lambda unit: unit.persist([Write("update", "Patient", "p", None)]))


def test_current_returns_deleted_versions_and_leaves_out_the_unknown(store: Store) -> None:
    made = put(store, patient("a"), patient("b"))
    gone = delete(store, "Patient", "b")
    wanted = [("Patient", "b"), ("Patient", "a"), ("Patient", "c"), ("Patient", "a")]
    for lock in (True, False):
        found = store.write(EVERYONE, lambda unit, lock=lock: unit.current(wanted, lock))  # type: ignore[misc]
        assert found == {("Patient", "a"): made[0], ("Patient", "b"): gone}


def test_an_empty_batch_does_nothing(store: Store) -> None:
    assert store.write(EVERYONE, lambda unit: unit.persist([])) == []
    assert store.write(EVERYONE, lambda unit: unit.current([])) == {}


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
_numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
_json = st.recursive(
    st.one_of(_texts, st.booleans(), st.integers(-(2**53), 2**53), _numbers),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(_texts.filter(bool), inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_json, number=_numbers)
def test_read_of_create_of_x_equals_x_in_every_digit(store: Store, content: Any, number: Decimal) -> None:
    document = {
        "resourceType": "Basic",
        "extension": [{"url": "urn:x", "valueDecimal": number}],
        "unknown": content,
    }
    made = store.write(EVERYONE, lambda unit: unit.persist([Write("create", "Basic", unit.new_id(), document)]))[0]
    read = store.read(EVERYONE, "Basic", made.id)
    assert read is not None
    stored = json.decode_trusted(read.content)
    assert {stored.pop("id")} == {made.id}
    assert stored.pop("meta")["versionId"] == "1"
    assert json.encode(stored) == json.encode(document)
