"""Quantities stored before they were told in canonical units are found once their types are projected again.

https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from fhir_server.errors import Unavailable
from fhir_server.storage.database import open_database
from fhir_server.storage.migrations import migrate
from fhir_server.storage.migrations.canonical_units import canonical_units
from fhir_server.storage.migrations.steps import MIGRATIONS
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, open_store, put, schema_of

NUMBER = next(migration.number for migration in MIGRATIONS if migration.run is canonical_units)
COLUMNS = ("value_quantity_canonical_low", "value_quantity_canonical_high", "value_quantity_canonical_code")


def observation(id_: str, number: str, code: str) -> dict[str, Any]:
    amount = {"value": Decimal(number), "system": "http://unitsofmeasure.org", "code": code}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "x"},
        "valueQuantity": amount,
    }


def found(store: Store) -> set[str]:
    value = "5.4|http://unitsofmeasure.org|mg"
    page = store.search(EVERYONE, SearchRequest("Observation", (("value-quantity", value),)))
    return {row.id for row in page.rows}


def before_the_migration(url: str) -> None:
    """Take a database back to where it was: the columns there, but empty."""
    database = open_database(url)
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE observation SET {', '.join(f'{name} = NULL' for name in COLUMNS)}"))
        connection.execute(text("DELETE FROM schema_version WHERE number >= :number"), {"number": NUMBER})
    database.close()


def test_old_rows_are_not_searched_until_they_are_filled(store_url: str) -> None:
    store = open_store(store_url)
    put(store, observation("g", "0.0054", "g"), {"resourceType": "Patient", "id": "p"})
    assert found(store) == {"g"}
    store.database.close()
    before_the_migration(store_url)
    database = open_database(store_url)
    done = migrate(database, schema_of(database.dialect))
    database.close()
    assert "quantities in canonical units" in done
    store = open_store(store_url)
    with pytest.raises(Unavailable):
        found(store)
    store.search(EVERYONE, SearchRequest("Patient", ()))
    assert store.reproject() == 1, "types without resources or without quantities are left alone"
    store.database.close()
    store = open_store(store_url)
    assert found(store) == {"g"}
    assert store.check() == []
    store.database.close()


def test_migrations_are_numbered_one_by_one() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
