"""An endpoint without HTTP over a migrated database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir_server.app import create_server
from fhir_server.rest.endpoint import Endpoint
from fhir_server.settings import Settings
from tests.stores import BASE_URL, Clock, Ids, clock, ids, store_url, templates

__all__ = ["clock", "ids", "store_url", "templates"]


@pytest.fixture
def endpoint(store_url: str, clock: Clock, ids: Ids) -> Iterator[Endpoint]:
    """An empty endpoint with a clock that stands still and ids that count."""
    settings = Settings(database=store_url, base_url=BASE_URL, link_secret="of the tests")
    server = create_server(settings, clock=clock, new_id=ids)
    yield server.endpoint
    server.database.close()
