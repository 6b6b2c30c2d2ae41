"""Custom search parameters among writers, in several processes, with builders that are stopped midway."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.errors import Unavailable, UnsupportedParameter
from fhir_server.storage.custom import builder as building
from fhir_server.storage.custom import registry
from fhir_server.storage.custom.background import Background
from fhir_server.storage.model import SearchRequest, Write
from fhir_server.storage.repository import Store
from tests.storage.test_custom import build, found, parameter, patient
from tests.stores import EVERYONE, delete, open_store, put


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_GRACE", 0.0)
    monkeypatch.setattr(building, "_BATCH", 3)


@pytest.fixture
def other(store_url: str, store: Store) -> Iterator[Store]:
    """The store of another process."""
    opened = open_store(store_url)
    yield opened
    opened.database.close()


def finished(store: Store, code: str, seconds: float = 30.0) -> None:
    """Wait until a parameter of patients can be searched."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found(store, "Patient", (code, "x"))
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_nothing_is_lost_while_another_process_goes_on_writing(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_BATCH", 20)
    put(other, *(patient(n) for n in range(40)))
    stop, errors = threading.Event(), []
    written: set[str] = {f"p{n}" for n in range(40)}
    background = Background(store)
    background.start()

    def work(start: int) -> None:
        number = start
        try:
            while not stop.is_set():
                put(other, patient(number), patient(number % 40, "Zed"))
                written.add(f"p{number}")
                if number % 5 == 0:
                    delete(other, "Patient", f"p{number}")
                    written.discard(f"p{number}")
                number += 1
                time.sleep(0.005)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (1_000, 5_000)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.2)
        put(store, parameter())
        finished(store, "nick")
        finished(other, "nick")
        put(store, parameter(expression="Patient.name.given.upper()"))
        finished(other, "nick")
        time.sleep(0.2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        background.stop()
    assert errors == []
    build(store)
    for each in (store, other):
        asked = SearchRequest("Patient", (("nick:missing", "false"),), count=0, total=True)
        assert each.search(EVERYONE, asked).total == len(written)
        assert each.check() == []


def test_a_transaction_that_began_before_is_waited_for(store: Store, other: Store) -> None:
    if store.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    inside, go = threading.Event(), threading.Event()

    def slow(unit: Any) -> None:
        inside.set()
        assert go.wait(20)
        unit.persist([Write("update", "Patient", "p1", patient(1))])

    thread = threading.Thread(target=lambda: other.write(EVERYONE, slow))
    thread.start()
    assert inside.wait(20)
    put(store, parameter(), patient(2))
    builder = store.builder()
    assert [builder.step()[0] for _ in range(3)] == ["waiting"] * 3
    with pytest.raises(Unavailable, match="waits for changes that began before"):
        found(store, "Patient", ("nick", "bee"))
    go.set()
    thread.join()
    builder.run()
    assert found(other, "Patient", ("nick", "bee")) == ["p1", "p2"]
    assert store.check() == []


def test_a_builder_that_was_stopped_midway_goes_on(store: Store, other: Store) -> None:
    put(store, *(patient(n) for n in range(10)), parameter())

    def stop(name: str, done: int, total: int) -> None:
        assert (name, total) == ("Patient?nick", 10)
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.builder(stop).run()
    with pytest.raises(Unavailable, match="60 %"):
        found(store, "Patient", ("nick", "bee"))
    assert store.check() == [], "what is not complete is no difference"
    put(other, patient(1, "Zed"), patient(8, "Zed"), patient(11))
    delete(other, "Patient", "p9")
    seen: list[int] = []
    assert other.reproject(progress=lambda name, done, total: seen.append(done)) == 3, "p11 brought its own row"
    assert seen == [9]
    assert len(found(store, "Patient", ("nick", "bee"))) == 8
    assert found(store, "Patient", ("nick", "zed")) == ["p1", "p8"]
    assert store.check() == []


def test_several_builders_share_the_work(store: Store, other: Store) -> None:
    put(store, *(patient(n) for n in range(30)), *(parameter(f"nick{n}") for n in range(3)))
    threads = [threading.Thread(target=build, args=(each,)) for each in (store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(found(store, "Patient", (f"nick{n}", "bee"))) for n in range(3)] == [30] * 3
    assert store.check() == []


def test_another_process_learns_of_every_change_when_it_searches(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_FRESH", 3_600.0)
    put(store, patient(1))
    with pytest.raises(UnsupportedParameter):
        found(other, "Patient", ("nick", "bee"))
    put(store, parameter())
    with pytest.raises(Unavailable):
        found(other, "Patient", ("nick", "bee"))
    build(store)
    assert found(other, "Patient", ("nick", "bee")) == ["p1"]
    put(store, parameter(expression="Patient.name.given.upper() & 'X'"))
    with pytest.raises(Unavailable):
        found(other, "Patient", ("nick", "bee"))
    build(store)
    assert found(other, "Patient", ("nick", "bee1x")) == ["p1"]
    delete(store, "SearchParameter", "patient-nick")
    with pytest.raises(UnsupportedParameter):
        found(other, "Patient", ("nick", "bee"))
    assert other.unsupported(SearchRequest("Patient", (("nick", "bee"),))) == ["nick"]


def test_criteria_of_a_write_are_refused_too_until_the_parameter_is_built(store: Store, other: Store) -> None:
    put(store, patient(1), parameter())
    with pytest.raises(Unavailable):
        other.write(EVERYONE, lambda unit: unit.match("Patient", [("nick", "bee")]))
    build(store)
    matches = other.write(EVERYONE, lambda unit: unit.match("Patient", [("nick", "bee")]))
    assert [version.id for version in matches] == ["p1"]


def test_a_rebuild_fills_the_tables_of_custom_parameters(store: Store, other: Store) -> None:
    put(store, *(patient(n) for n in range(5)), parameter())
    build(store)
    with store.database.transaction() as session:
        session.fetch("DELETE FROM patient_search_nick")
    assert len(store.check()) == 5
    other.reproject(["Patient"])
    assert store.check() == []
    assert len(found(store, "Patient", ("nick", "bee"))) == 5
