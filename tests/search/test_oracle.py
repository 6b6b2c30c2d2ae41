"""The store answers as a naive search written from the specification does, on generated resources and searches.

https://hl7.org/fhir/R4/search.html

A few hundred pairs, always the same. Many more: python -m tests.search.oracle_run (see CONTRIBUTING.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.definitions import load
from fhir_server.storage.access import INTERACTIONS, Access, Grant
from fhir_server.storage.model import SearchRequest
from fhir_server.validation import Validator
from tests.search.agreement import Court
from tests.search.oracle import Resource, name_of
from tests.search.oracle_run import run
from tests.search.queries import searches
from tests.search.resources import IDS, resource_sets
from tests.stores import Clock, open_store

PAIRS = 240
LAW = settings(
    max_examples=4,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def court(store_url: str, clock: Clock) -> Iterator[Court]:
    """A court over an empty store."""
    store = open_store(store_url, clock=clock, referential_integrity="relaxed")
    yield Court(store, clock)
    store.database.close()


def test_store_and_oracle_agree_on_generated_searches(court: Court) -> None:
    tally = run(court, PAIRS, 4)
    assert tally.pairs >= PAIRS
    assert not tally.found, f"{len(tally.found)} of {tally.pairs}; the first:\n{court.smallest(tally.found[0])}"


@LAW
@given(resource_sets(least=1, most=6))
def test_generated_resources_are_valid(resources: list[Resource]) -> None:
    validator = Validator(load())
    issues = [issue for each in resources for issue in validator.validate(each) if issue.severity == "error"]
    assert issues == []


def test_a_restricted_caller_finds_a_compartment_and_no_more(court: Court) -> None:
    @LAW
    @given(resource_sets(least=20))
    def holds(resources: list[Resource]) -> None:
        court.fill(resources)
        for id_ in IDS:
            mine = sorted(name_of(each) for each in court.oracle.compartment("Patient", id_))
            reader = Access.restricted([Grant("*", INTERACTIONS, ("Patient", id_))])
            found = [f"{row.type}/{row.id}" for row in court.store.search(reader, SearchRequest(None, count=100)).rows]
            assert sorted(found) == mine

    holds()


def test_pages_joined_are_the_search_at_once(court: Court) -> None:
    @LAW
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        resources = data.draw(resource_sets(least=15))
        court.fill(resources)
        asked = data.draw(searches(resources, 15))
        wrong = [(search, found) for search in asked for count in (1, 3) if (found := court.pages(search, count))]
        assert wrong == []

    holds()
