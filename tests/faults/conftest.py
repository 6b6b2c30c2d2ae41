"""A PostgreSQL server of this folder's own, with the tables in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir_server.storage.database import open_database
from fhir_server.storage.migrations import migrate
from tests.faults.postgres import OwnPostgres, own_postgres
from tests.stores import clock, ids, schema_of, store, store_url, templates

__all__ = ["clock", "ids", "store", "store_url", "templates"]


@pytest.fixture(scope="session")
def _own() -> Iterator[OwnPostgres]:
    with own_postgres() as started:
        database = open_database(started.sqlalchemy_url)
        migrate(database, schema_of("postgresql"))
        database.close()
        yield started


@pytest.fixture
def postgres(_own: OwnPostgres) -> OwnPostgres:
    """A running server with all tables; what tests put in is left there."""
    _own.start()
    return _own
