"""The index of all words is filled behind the writers, and what it lacks is known exactly."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import ServerFault, Unavailable
from fhir_server.storage.check import Difference
from fhir_server.storage.migrations.steps import MIGRATIONS
from fhir_server.storage.repository import Store
from fhir_server.storage.session import Session
from fhir_server.storage.text.index import fill
from fhir_server.storage.text.query import parse
from fhir_server.storage.text.waiting import Texts, Waiting
from tests.stores import delete, open_store, put, schema_of


def note(number: int, text: str) -> dict[str, Any]:
    return {"resourceType": "Basic", "id": f"b{number}", "code": {"text": text}}


def queue(store: Store) -> list[tuple[int, ...]]:
    return sorted(store.database.fetch("SELECT key, version FROM text_queue"))


def indexed(store: Store) -> dict[int, tuple[int, str]]:
    rows = store.database.fetch("SELECT key, version, rest FROM text_search")
    return {key: (version, rest) for key, version, rest in rows}


def settle(store: Store) -> None:
    while store.index_words() != 0:
        pass


def waiting(store: Store, text: str, limit: int = 100) -> Waiting:
    texts = Texts(store.database, store._parts.commands, limit)
    with texts.settled():
        return texts.waiting("Basic", parse(text), narrative=False)


def test_a_write_queues_the_version_and_the_filler_brings_its_words_into_the_index(store: Store) -> None:
    put(store, note(1, "Chest pain"), note(2, "Fièvre"))
    assert queue(store) == [(1, 1), (2, 1)]
    assert indexed(store) == {}
    assert store.index_words() == 2
    assert store.index_words() == 0
    assert queue(store) == []
    assert indexed(store) == {1: (1, " b1  chest pain "), 2: (1, " b2  fievre ")}
    put(store, note(1, "Cough"))
    put(store, note(1, "Chronic cough"))
    assert queue(store) == [(1, 2), (1, 3)]
    delete(store, "Basic", "b2")
    settle(store)
    assert indexed(store) == {1: (3, " b1  chronic cough ")}
    put(store, note(2, "Back again"))
    settle(store)
    assert indexed(store)[2] == (3, " b2  back again ")
    assert store.check() == []


def test_what_the_index_lacks_is_found_in_the_documents(store: Store) -> None:
    put(store, note(1, "red"), note(2, "green"), note(3, "red"), note(4, "red"))
    assert waiting(store, "red") == Waiting((), (1, 3, 4))
    settle(store)
    assert waiting(store, "red") == Waiting((), ())
    put(store, note(1, "green"), note(2, "red"), {"resourceType": "Patient", "id": "p", "name": [{"text": "red"}]})
    delete(store, "Basic", "b3")
    assert waiting(store, "red") == Waiting((1, 2, 3), (2,))


def test_too_many_that_wait_are_a_refusal_with_their_number(store: Store) -> None:
    put(store, *(note(number, "red") for number in range(5)))
    assert waiting(store, "red", 5).matched == (1, 2, 3, 4, 5)
    with pytest.raises(Unavailable, match="5 new versions") as caught:
        waiting(store, "red", 4)
    assert caught.value.headers["Retry-After"]
    assert store.index_words() == 5
    assert waiting(store, "red", 4) == Waiting((), ())


def test_words_are_never_asked_for_outside_of_one_state_of_the_database(store: Store) -> None:
    with pytest.raises(ServerFault):
        store._parts.texts.waiting(None, parse("x"), narrative=False)


def test_a_write_that_comes_between_reading_and_indexing_stays_queued(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, note(1, "old"), note(2, "same"), note(3, "gone"))
    transaction = store.database.transaction

    def late() -> Any:
        monkeypatch.undo()
        put(store, note(1, "new"))
        delete(store, "Basic", "b3")
        return transaction()

    monkeypatch.setattr(store.database, "transaction", late)
    assert store.index_words() == 3
    assert queue(store) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert indexed(store) == {2: (1, " b2  same ")}
    settle(store)
    assert queue(store) == []
    assert indexed(store) == {1: (2, " b1  new "), 2: (1, " b2  same ")}


def test_fillers_exclude_one_another(store: Store) -> None:
    put(store, note(1, "x"))
    if store.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer anyway")
    other = open_store(store.database.url.render_as_string(hide_password=False))
    with other.database.transaction() as session:
        session.fetch("SELECT pg_advisory_xact_lock(7310226106)")
        assert store.index_words() is None
        assert queue(store) == [(1, 1)]
    assert store.index_words() == 1
    other.database.close()


def test_a_batch_takes_no_more_than_it_is_told(store: Store) -> None:
    put(store, *(note(number, "x") for number in range(7)))
    assert [fill(store._parts, 3) for _ in range(4)] == [3, 3, 1, 0]


def test_check_compares_the_index_with_the_documents_and_reproject_repairs_it(store: Store) -> None:
    put(store, *(note(number, "word") for number in range(1, 5)))
    delete(store, "Basic", "b4")
    assert store.check() == [], "what waits is no difference"
    settle(store)
    wreck(
        store,
        "DELETE FROM text_search WHERE key = 1",
        "UPDATE text_search SET version = 9 WHERE key = 2",
        "INSERT INTO text_search (key, type, version, narrative, rest) VALUES (4, 'Basic', 1, '', ' x ')",
    )
    assert store.check() == [
        Difference("Basic", "b1", "text_search", 1, 0),
        Difference("Basic", "b2", "text_search", 1, 1),
        Difference("Basic", "b4", "text_search", 0, 1),
    ]
    wreck(store, "DELETE FROM text_search WHERE key = 4")
    store.reproject(["Basic"])
    assert store.check() == []
    assert queue(store) == []


def test_a_database_from_before_lets_everything_wait(store: Store) -> None:
    put(store, note(1, "a"), note(2, "b"), note(3, "c"))
    put(store, note(2, "d"))
    delete(store, "Basic", "b3")
    wreck(store, "DROP TABLE text_queue", "DROP TABLE text_search")
    if store.database.dialect == "sqlite":
        wreck(store, "DROP TABLE text_index")
    (step,) = [step for step in MIGRATIONS if step.name == "full text search"]
    with store.database.transaction() as session:
        step.run(session.core, schema_of(store.database.dialect))
    assert queue(store) == [(1, 1), (2, 2)]
    settle(store)
    assert store.check() == []


def wreck(store: Store, *statements: str) -> None:
    def run(session: Session) -> None:
        for each in statements:
            session.fetch(each)

    with store.database.transaction() as session:
        run(session)
