"""https://hl7.org/fhir/R4/http.html#concurrency and #ccreate: many writers at once, in threads and in processes"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhir_server.errors import Conflict, FhirError, Invalid, LockTimeout, PreconditionFailed
from fhir_server.storage.model import HistoryRequest, SearchRequest, Version, Write
from fhir_server.storage.repository import Store
from fhir_server.storage.unit import WriteUnit
from tests.stores import EVERYONE, delete, open_store, put

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p"}


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(0) ... work(count - 1)` at the same time; return the results, errors of ours among them."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except FhirError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def counter(n: int) -> dict[str, Any]:
    return {**PATIENT, "multipleBirthInteger": n}


def test_versions_are_dense_under_many_writers(store: Store) -> None:
    made = together(20, lambda n: [put(store, counter(n))[0].version for _ in range(5)])
    failed = [result for result in made if isinstance(result, FhirError)]
    assert failed == []
    assert sorted(version for versions in made for version in versions) == list(range(1, 101))
    page = store.history(EVERYONE, HistoryRequest("Patient", "p", count=200))
    assert [row.version for row in page.rows] == list(range(100, 0, -1))
    assert store.check() == []


def test_of_two_updates_of_the_same_version_one_wins(store: Store) -> None:
    put(store, PATIENT)
    for version in range(1, 6):
        write = Write("update", "Patient", "p", PATIENT, expected=version)
        made = together(2, lambda _, write=write: store.write(EVERYONE, lambda unit: unit.persist([write])))  # type: ignore[misc]
        assert Counter(type(result) for result in made) == {list: 1, PreconditionFailed: 1}
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    assert read.version == 6


def test_no_update_is_lost(store: Store) -> None:
    """Read, add one, write if nobody else did: the number ends as the count of the successes."""
    put(store, counter(1))

    def add(unit: WriteUnit) -> Version:
        current = unit.current([("Patient", "p")])["Patient", "p"]
        return unit.persist([Write("update", "Patient", "p", counter(current.version + 1), current.version)])[0]

    together(8, lambda _: [store.write(EVERYONE, add) for _ in range(10)])
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    assert read.version == 81
    assert '"multipleBirthInteger":81' in read.content


def test_two_creators_of_one_id_make_one_resource_with_two_versions(store: Store) -> None:
    for n in range(5):
        document = {"resourceType": "Patient", "id": f"p{n}"}
        made = together(4, lambda _, document=document: put(store, document)[0].version)  # type: ignore[misc]
        assert sorted(made) == [1, 2, 3, 4]


def create_once(store: Store, value: str) -> str:
    """A conditional create: return "found" or "made"."""

    def work(unit: WriteUnit) -> str:
        unit.guard([f"Patient?identifier=urn:x|{value}"])
        if unit.match("Patient", [("identifier", f"urn:x|{value}")]):
            return "found"
        document = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": value}]}
        unit.persist([Write("create", "Patient", unit.new_id(), document)])
        return "made"

    return store.write(EVERYONE, work)


@pytest.mark.parametrize("round_", range(3))
def test_parallel_conditional_creates_make_exactly_one(store: Store, round_: int) -> None:
    made = together(8, lambda _: [create_once(store, str(n)) for n in range(6)])
    assert Counter(outcome for outcomes in made for outcome in outcomes) == {"made": 6, "found": 42}
    assert store.search(EVERYONE, SearchRequest("Patient", total=True)).total == 6


def test_a_transaction_with_very_many_conditions_is_guarded_too(store: Store) -> None:
    def many(unit: WriteUnit) -> int:
        unit.guard(f"Patient?identifier={n}" for n in range(2_000))
        if unit.match("Patient", [("identifier", "1")]):
            return 0
        unit.persist([Write("create", "Patient", unit.new_id(), {"identifier": [{"value": "1"}]})])
        return 1

    def one(unit: WriteUnit) -> int:
        unit.guard(["Patient?identifier=1"])
        if unit.match("Patient", [("identifier", "1")]):
            return 0
        unit.persist([Write("create", "Patient", unit.new_id(), {"identifier": [{"value": "1"}]})])
        return 1

    assert sum(together(6, lambda n: store.write(EVERYONE, many if n % 2 else one))) == 1


def _creator(url: str, start: Any, results: Any) -> None:  # pragma: no cover - runs in another process
    store = open_store(url)
    start.wait()
    results.put([create_once(store, str(n)) for n in range(10)])
    store.database.close()


def test_parallel_conditional_creates_of_several_processes_make_exactly_one(store: Store, store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Barrier(3), spawn.Queue()
    workers = [spawn.Process(target=_creator, args=(store_url, start, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    outcomes = Counter(outcome for _ in workers for outcome in results.get(timeout=60))
    for worker in workers:
        worker.join(timeout=60)
        worker.close()
    results.close()
    results.join_thread()
    assert outcomes == {"made": 10, "found": 20}
    assert store.search(EVERYONE, SearchRequest("Patient", total=True)).total == 10
    assert store.check() == []


@pytest.mark.parametrize("round_", range(8))
def test_a_delete_and_a_new_reference_never_both_succeed(store: Store, round_: int) -> None:
    put(store, PATIENT)
    observation = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}}

    def work(number: int) -> Any:
        if number % 2:
            time.sleep(0.001 * round_ / 4)
            return delete(store, "Patient", "p")
        return put(store, {**observation, "id": f"o{number}"})

    made = together(2, work)
    kinds = Counter(type(result) for result in made)
    assert kinds[Invalid] + kinds[Conflict] == 1, made
    assert store.check() == []
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    living = store.search(EVERYONE, SearchRequest("Observation", (("subject", "Patient/p"),))).rows
    assert bool(living) is not read.deleted, "nothing refers to what is deleted"


def test_the_deleter_waits_for_a_writer_that_has_begun_to_refer(store: Store) -> None:
    """The order that a foreign key does not notice: the reference is written, not committed, when the delete begins."""
    put(store, PATIENT)
    if store.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: the delete begins after the commit anyway")
    written, outcome = threading.Event(), []

    def refer(unit: WriteUnit) -> None:
        document = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}}
        unit.persist([Write("create", "Observation", "o", document)])
        written.set()
        time.sleep(0.3)

    def remove() -> None:
        written.wait()
        try:
            outcome.append(delete(store, "Patient", "p"))
        except FhirError as error:
            outcome.append(error)

    thread = threading.Thread(target=remove)
    thread.start()
    store.write(EVERYONE, refer)
    thread.join()
    assert [type(result) for result in outcome] == [Conflict]


def test_batches_that_update_the_same_resources_in_opposite_orders_both_succeed(store: Store) -> None:
    documents = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(20)]
    put(store, *documents)
    made = together(4, lambda n: [put(store, *(documents if n % 2 else documents[::-1])) for _ in range(5)])
    assert [result for result in made if isinstance(result, FhirError)] == []
    read = store.read(EVERYONE, "Patient", "p0")
    assert read is not None
    assert read.version == 21


def test_batches_that_create_the_same_resources_in_opposite_orders_both_succeed(store: Store) -> None:
    documents = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(50)]
    made = together(4, lambda n: put(store, *(documents if n % 2 else documents[::-1])))
    assert [result for result in made if isinstance(result, FhirError)] == []
    assert store.check() == []


def test_a_deadlock_is_tried_again_with_fresh_state(store: Store) -> None:
    put(store, PATIENT, {**PATIENT, "id": "q"})
    if store.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer and so no deadlocks")
    tries = [0, 0]
    barrier = threading.Barrier(2, timeout=5)

    def crosswise(unit: WriteUnit, number: int) -> None:
        tries[number] += 1
        first, second = ("p", "q") if number else ("q", "p")
        unit.current([("Patient", first)])
        if tries == [1, 1] or min(tries) == 0:
            barrier.wait()
        current = unit.current([("Patient", second)])["Patient", second]
        unit.persist([Write("update", "Patient", second, {**PATIENT, "id": second}, current.version)])

    made = together(2, lambda n: store.write(EVERYONE, lambda unit: crosswise(unit, n)))
    assert made == [None, None]
    assert sorted(tries) == [1, 2]


def test_a_lock_that_is_held_too_long_is_a_lock_error(store_url: str) -> None:
    store = open_store(store_url, limits={"lock_timeout": 0.3})
    put(store, PATIENT)
    held, free = threading.Event(), threading.Event()

    def hold(unit: WriteUnit) -> None:
        unit.current([("Patient", "p")])
        held.set()
        free.wait(10)

    thread = threading.Thread(target=store.write, args=(EVERYONE, hold))
    thread.start()
    held.wait(10)
    with pytest.raises(LockTimeout) as caught:
        put(store, PATIENT)
    free.set()
    thread.join()
    assert caught.value.headers["Retry-After"] == "1"
    assert put(store, PATIENT)[0].version == 2
    store.database.close()


def _dies(url: str, ready: Any) -> None:  # pragma: no cover - runs in another process
    store = open_store(url)

    def work(unit: WriteUnit) -> None:
        unit.persist([Write("create", "Patient", f"d{n}", {"name": [{"family": "Ng"}]}) for n in range(50)])
        ready.set()
        time.sleep(60)

    store.write(EVERYONE, work)


def test_nothing_is_left_when_the_process_dies_before_the_commit(store: Store, store_url: str) -> None:
    put(store, PATIENT)
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    worker = spawn.Process(target=_dies, args=(store_url, ready))
    worker.start()
    assert ready.wait(60)
    worker.kill()
    worker.join(60)
    worker.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            put(store, {"resourceType": "Patient", "id": "after"})
            break
        except LockTimeout:
            continue
    assert store.read(EVERYONE, "Patient", "d0") is None
    assert store.search(EVERYONE, SearchRequest("Patient", total=True)).total == 2
    assert store.check() == []
