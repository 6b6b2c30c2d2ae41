"""One store serves all threads of a process: what is built on first use is built once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.database import open_database
from fhir_server.storage.model import HistoryRequest, SearchRequest
from fhir_server.storage.projection import Projector
from fhir_server.storage.repository import Store
from fhir_server.storage.schema import build_schema
from tests.stores import EVERYONE, put


def test_the_first_requests_of_many_threads_at_once_are_answered(store: Store, store_url: str) -> None:
    put(
        store,
        {"resourceType": "Patient", "id": "p", "gender": "male", "name": [{"family": "Ng"}]},
        {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}},
    )
    database = open_database(store_url)
    schema = build_schema(mappings_for(load()), database.dialect)
    fresh = Store(database, schema, Projector(schema), load())
    searches = [("Patient", "gender", "male"), ("Patient", "family", "ng"), ("Observation", "patient", "p")] * 4
    barrier = threading.Barrier(len(searches))

    def ask(search: tuple[str, str, str]) -> int:
        barrier.wait()
        type_, name, value = search
        found = fresh.search(EVERYONE, SearchRequest(type_, ((name, value),), total=True)).total
        put(fresh, {"resourceType": "Patient", "id": "p", "gender": "male", "name": [{"family": "Ng"}]})
        assert fresh.history(EVERYONE, HistoryRequest("Patient", "p")).rows
        return found or 0

    with ThreadPoolExecutor(len(searches)) as pool:
        assert list(pool.map(ask, searches)) == [1] * len(searches)
    assert fresh.check() == []
    database.close()
