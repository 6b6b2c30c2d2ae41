"""https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fhir_server.errors import BadRequest
from fhir_server.storage.model import HistoryPage, HistoryRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, START, Clock, delete, put


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    """Patient a: versions 1 (0 s), 2 (10 s), 3 deleted (20 s); patients b, c and observation o: version 1 (10 s)."""
    put(store, {"resourceType": "Patient", "id": "a"})
    clock.advance(seconds=10)
    put(
        store,
        {"resourceType": "Patient", "id": "a", "active": True},
        {"resourceType": "Patient", "id": "b"},
        {"resourceType": "Patient", "id": "c"},
        {"resourceType": "Observation", "id": "o", "status": "final"},
    )
    clock.advance(seconds=10)
    delete(store, "Patient", "a")
    return store


def names(page: HistoryPage) -> list[str]:
    return [f"{row.id}{row.version}" for row in page.rows]


def test_the_history_of_an_instance_is_newest_first_with_its_deletion(filled: Store) -> None:
    page = filled.history(EVERYONE, HistoryRequest("Patient", "a"))
    assert [(row.version, row.deleted, row.method) for row in page.rows] == [
        (3, True, "delete"),
        (2, False, "update"),
        (1, False, "update"),
    ]
    assert page.rows[1] == filled.vread(EVERYONE, "Patient", "a", 2)
    assert (page.total, page.next_cursor) == (3, "")


def test_the_history_of_a_type_and_of_everything(filled: Store) -> None:
    of_type = filled.history(EVERYONE, HistoryRequest("Patient"))
    assert names(of_type) == ["a3", "c1", "b1", "a2", "a1"]
    everything = filled.history(EVERYONE, HistoryRequest())
    assert names(everything) == ["a3", "o1", "c1", "b1", "a2", "a1"]
    assert (of_type.total, everything.total) == (5, 6)


def test_an_unknown_resource_has_no_history(filled: Store) -> None:
    assert filled.history(EVERYONE, HistoryRequest("Patient", "nobody")) == HistoryPage([], "", 0)
    assert filled.history(EVERYONE, HistoryRequest("Observation", "a")).rows == []


@pytest.mark.parametrize("request_", [HistoryRequest("Patient"), HistoryRequest(), HistoryRequest("Patient", "a")])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_pages_are_the_unpaged_list(filled: Store, request_: HistoryRequest, count: int) -> None:
    whole = filled.history(EVERYONE, request_).rows
    rows: list[Any] = []
    cursor = ""
    for _ in range(len(whole)):
        asked = HistoryRequest(request_.type, request_.id, count=count, cursor=cursor, total=False)
        page = filled.history(EVERYONE, asked)
        assert page.total is None
        rows += page.rows
        cursor = page.next_cursor
        if not cursor:
            break
    assert rows == whole
    assert cursor == ""


def test_pages_neither_repeat_nor_skip_while_others_write(filled: Store, clock: Clock) -> None:
    before = names(filled.history(EVERYONE, HistoryRequest()))
    first = filled.history(EVERYONE, HistoryRequest(count=2))
    clock.advance(seconds=10)
    put(filled, {"resourceType": "Patient", "id": "new"}, {"resourceType": "Patient", "id": "b"})
    second = filled.history(EVERYONE, HistoryRequest(count=10, cursor=first.next_cursor))
    assert names(first) + names(second) == before


def test_count_0_gives_the_total_alone(filled: Store) -> None:
    assert filled.history(EVERYONE, HistoryRequest("Patient", count=0)) == HistoryPage([], "", 5)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, ["a3", "a2", "a1"]), (10, ["a3", "a2"]), (10.000001, ["a3"]), (21, [])]
)
def test_since_includes_versions_made_at_or_after_the_instant(
    filled: Store, seconds: float, expected: list[str]
) -> None:
    since = START + timedelta(seconds=seconds)
    page = filled.history(EVERYONE, HistoryRequest("Patient", "a", since=since))
    assert names(page) == expected
    assert page.total == len(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-10, 0, []),
        (-10, 1, ["a1"]),
        (5, 6, ["a1"]),
        (5, 10, ["a1"]),
        (5, 11, ["a2", "a1"]),
        (10, 11, ["a2"]),
        (15, 25, ["a3", "a2"]),
        (30, 40, ["a3"]),
        (-100, 100, ["a3", "a2", "a1"]),
    ],
)
def test_at_includes_versions_that_were_current_during_the_period(
    filled: Store, low: int, high: int, expected: list[str]
) -> None:
    at = (START + timedelta(seconds=low), START + timedelta(seconds=high))
    assert names(filled.history(EVERYONE, HistoryRequest("Patient", "a", at=at))) == expected


@pytest.mark.parametrize("cursor", ["x", "!", "W10", "WzEsMiwzXQ", "a" * 3000, "bnVsbA", "eyJhIjoxfQ", "äö"])
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadRequest):
        store.history(EVERYONE, HistoryRequest(cursor=cursor))
