"""https://hl7.org/fhir/R4/http.html#concurrency: readers and rebuilders among writers, clocks that step back"""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fhir_server.errors import FhirError
from fhir_server.storage import rebuild
from fhir_server.storage.database import open_database
from fhir_server.storage.migrations import migrate
from fhir_server.storage.model import HistoryRequest, SearchRequest, Write
from fhir_server.storage.repository import Store
from fhir_server.storage.unit import WriteUnit
from tests.stores import EVERYONE, Clock, delete, open_store, put, schema_of


@contextmanager
def meanwhile(*works: Callable[[int], Any]) -> Iterator[list[BaseException]]:
    """Call every work again and again, with a number that counts, in a thread of its own while the block runs."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(work: Callable[[int], Any]) -> None:
        number = 0
        while not stop.is_set():
            try:
                work(number)
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                failures.append(error)
            number += 1

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def patient(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def observation(id_: str, target: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "subject": {"reference": target}}


def pages(store: Store, request: HistoryRequest) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    cursor = ""
    while True:
        page = store.history(EVERYONE, HistoryRequest(request.type, request.id, count=7, cursor=cursor))
        seen += [(row.id, row.version) for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            return seen


@pytest.mark.parametrize("request_", [HistoryRequest(), HistoryRequest("Patient")])
def test_history_read_page_by_page_among_writers_has_everything_old_once(
    store_url: str, request_: HistoryRequest
) -> None:
    store = open_store(store_url)
    put(store, *(patient(f"old{number}") for number in range(60)))
    put(store, *(patient(f"old{number}", active=True) for number in range(60)))
    old = {(f"old{number}", version) for number in range(60) for version in (1, 2)}

    def disturb(number: int) -> None:
        put(store, patient(f"new{number}"), patient(f"old{number % 60}", active=False))

    with meanwhile(disturb) as failures:
        for _ in range(4):
            seen = pages(store, request_)
            assert len(seen) == len(set(seen)), "nothing twice"
            assert old <= set(seen), "nothing left out"
    assert failures == []
    store.database.close()


def test_time_never_runs_backwards_for_a_resource_when_the_clock_does(store: Store, clock: Clock) -> None:
    moments = [put(store, patient("p"))[0].last_updated]
    for step in (-3600, -86_400, 5, -1, 90_000):
        clock.advance(seconds=step)
        moments.append(put(store, patient("p", active=step > 0))[0].last_updated)
    clock.advance(seconds=-500_000)
    moments.append(delete(store, "Patient", "p").last_updated)
    moments.append(put(store, patient("p"))[0].last_updated)
    assert moments == sorted(moments)
    rows = store.history(EVERYONE, HistoryRequest("Patient", "p")).rows
    assert [row.version for row in rows] == list(range(len(moments), 0, -1))
    assert store.check() == []


def test_time_never_runs_backwards_under_many_writers_whose_clocks_differ(store_url: str) -> None:
    from datetime import UTC, datetime, timedelta

    def drunken() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=random.uniform(-60, 60))

    store = open_store(store_url, clock=drunken)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: [put(store, patient("p")) for _ in range(8)], range(6)))
    rows = store.history(EVERYONE, HistoryRequest("Patient", "p", count=100)).rows
    assert [row.version for row in rows] == list(range(48, 0, -1))
    assert [row.last_updated for row in rows] == sorted((row.last_updated for row in rows), reverse=True)
    store.database.close()


@pytest.mark.parametrize("mode", ["enforced", "relaxed"])
def test_the_projection_is_proven_after_a_storm_of_all_kinds_of_writes(store_url: str, mode: str) -> None:
    """Creates, updates, deletes, revivals and transactions in opposite orders on few resources that refer to others."""
    store = open_store(store_url, referential_integrity=mode)
    unexpected: list[BaseException] = []

    def storm(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            try:
                _anything(store, chance)
            except FhirError as error:
                if error.status not in (404, 409, 410, 412, 422):
                    unexpected.append(error)
            except BaseException as error:  # noqa: BLE001 - looked at below
                unexpected.append(error)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(storm, range(5)))
    assert unexpected == []
    assert store.check() == []
    if mode == "enforced":
        _assert_nothing_dangles(store)
    assert store.reproject() >= 0
    assert store.check() == []
    store.database.close()


def _anything(store: Store, chance: random.Random) -> None:
    some = [str(number) for number in range(6)]
    kind = chance.randrange(5)
    target = f"Patient/p{chance.choice(some)}"
    if kind == 0:
        put(store, patient(f"p{chance.choice(some)}", active=chance.random() < 0.5))
    elif kind == 1:
        put(store, observation(f"o{chance.choice(some)}", target))
    elif kind == 2:
        delete(store, *chance.choice([("Patient", f"p{chance.choice(some)}"), ("Observation", f"o{some[0]}")]))
    else:
        chosen = chance.sample(some, 3)
        writes = [Write("update", "Patient", f"p{name}", patient(f"p{name}")) for name in chosen[:2]]
        writes.append(Write("update", "Observation", f"o{chosen[2]}", observation(f"o{chosen[2]}", target)))

        def work(unit: WriteUnit) -> None:
            unit.current([(write.type, write.id) for write in writes])
            unit.persist(writes)

        store.write(EVERYONE, work)


def _assert_nothing_dangles(store: Store) -> None:
    for row in store.search(EVERYONE, SearchRequest("Observation", count=100)).rows:
        (id_,) = [part.partition('"')[0] for part in row.content.split("Patient/")[1:]]
        target = store.read(EVERYONE, "Patient", id_)
        assert target is not None
        assert not target.deleted


@pytest.mark.parametrize("round_", range(3))
def test_a_rebuild_among_writers_that_is_stopped_and_taken_up_again_ends_right(
    store: Store, monkeypatch: pytest.MonkeyPatch, round_: int
) -> None:
    monkeypatch.setattr(rebuild, "_BATCH", 3)
    put(store, *(patient(f"p{number}") for number in range(40)))

    def disturb(number: int) -> None:
        put(store, patient(f"p{number * 7 % 40}", active=bool(number % 2)), patient(f"n{number}"))

    def remove(number: int) -> None:
        try:
            delete(store, "Patient", f"p{number * 11 % 40}")
        except FhirError:
            put(store, patient(f"p{number * 11 % 40}"))

    class Stopped(Exception):
        pass

    steps = 0

    def stop(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps % 4 == 0 and steps < 20:
            raise Stopped

    with meanwhile(disturb, remove) as failures:
        while True:
            try:
                store.reproject(["Patient"], stop)
                break
            except Stopped:
                continue
    assert failures == []
    assert store.check() == []
    assert store.database.fetch("SELECT count(*) FROM projection_build") == [(0,)]


REFERENCES: dict[str, tuple[dict[str, Any], str, str]] = {
    "Reference": (observation("s", "Patient/late"), "Observation", "subject"),
    "Reference with a version": (observation("s", "Patient/late/_history/1"), "Observation", "subject"),
    "absolute Reference to this server": (
        observation("s", "http://fhir.example/fhir/Patient/late"),
        "Observation",
        "subject",
    ),
    "Reference in a list": (
        {"resourceType": "Patient", "id": "s", "link": [{"type": "seealso", "other": {"reference": "Patient/late"}}]},
        "Patient",
        "link",
    ),
    "Reference of any type": (
        {"resourceType": "Basic", "id": "s", "code": {"text": "x"}, "subject": {"reference": "Patient/late"}},
        "Basic",
        "subject",
    ),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_relaxed_integrity_links_a_reference_when_its_target_arrives_whatever_kind_it_is(
    store_url: str, kind: str
) -> None:
    store = open_store(store_url, referential_integrity="relaxed")
    document, type_, code = REFERENCES[kind]
    put(store, document)
    search = SearchRequest(type_, ((code, "Patient/late"),))

    def linked() -> bool:
        assert store.check() == []
        rows = store.database.fetch(
            "SELECT t.deleted FROM resource_reference x JOIN resource s ON s.key = x.source "
            "JOIN resource t ON t.key = x.target WHERE s.id = 's' AND t.id = 'late'"
        )
        assert len(rows) == 1
        return not rows[0][0]

    for there, change in (
        (False, lambda: None),
        (True, lambda: put(store, patient("late"))),
        (False, lambda: delete(store, "Patient", "late")),
        (True, lambda: put(store, patient("late"))),
    ):
        change()
        assert linked() is there
        assert [row.id for row in store.search(EVERYONE, search).rows] == ["s"], "the reference itself is there always"
    read = store.read(EVERYONE, "Patient", "late")
    assert read is not None
    assert read.version == 3, "the promise was no version"
    put(store, {"resourceType": type_, "id": "s"})
    assert store.database.fetch("SELECT count(*) FROM resource_reference") == [(0,)]
    assert store.check() == []
    store.database.close()


def test_a_promise_is_not_a_resource(store_url: str) -> None:
    store = open_store(store_url, referential_integrity="relaxed")
    put(store, observation("s", "Patient/late"))
    assert store.read(EVERYONE, "Patient", "late") is None
    assert store.vread(EVERYONE, "Patient", "late", 1) is None
    assert store.search(EVERYONE, SearchRequest("Patient", total=True)).total == 0
    assert store.history(EVERYONE, HistoryRequest("Patient", "late")).total == 0
    assert store.write(EVERYONE, lambda unit: unit.current([("Patient", "late")])) == {}
    with pytest.raises(FhirError) as caught:
        delete(store, "Patient", "late")
    assert caught.value.status == 404
    assert put(store, patient("late"))[0].version == 1
    store.database.close()


def _migrates(url: str, start: Any, results: Any) -> None:  # pragma: no cover - runs in another process
    database = open_database(url)
    start.wait()
    results.put(migrate(database, schema_of(database.dialect)))
    database.close()


def test_of_two_processes_that_start_on_an_empty_database_one_migrates(database_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Barrier(2), spawn.Queue()
    starters = [spawn.Process(target=_migrates, args=(database_url, start, results)) for _ in range(2)]
    for starter in starters:
        starter.start()
    done = [results.get(timeout=60) for _ in starters]
    for starter in starters:
        starter.join(60)
        starter.close()
    results.close()
    results.join_thread()
    assert sorted(map(len, done)) == [0, 1]
    store = open_store(database_url)
    put(store, patient("p"))
    assert store.check() == []
    store.database.close()


def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    maker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")  # not in WAL mode yet: SQLite refuses the switch at once, without waiting
    end = threading.Timer(0.5, maker.rollback)
    end.start()
    database = open_database(f"sqlite:///{path}")
    assert database.fetch("PRAGMA journal_mode") == [("wal",)]
    database.close()
    end.join()
    maker.close()
