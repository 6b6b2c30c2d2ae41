"""Indexes of earlier versions go when others do their work: https://www.sqlite.org/queryplanner.html"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.database import Database, open_database
from fhir_server.storage.migrations import migrate, require_current
from fhir_server.storage.migrations.steps import MIGRATIONS
from fhir_server.storage.schema import build_schema

NAME = "indexes that others do the work of"
NUMBER = next(migration.number for migration in MIGRATIONS if migration.name == NAME)
NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND substr(name, 1, 3) = 'ix_'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE substr(indexname, 1, 3) = 'ix_'",
}
EARLIER = (
    "CREATE INDEX ix_observation_code_code_system_main_date_key ON observation_code (code, system, main_date, key)",
    "CREATE INDEX ix_patient_birth_date_until_key ON patient (birth_date_until, key)",
)
OF_THE_CLINIC = "CREATE INDEX ix_of_the_clinic ON patient (gender)"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()


def test_a_database_of_an_earlier_version_gets_the_indexes_of_a_new_one(database: Database) -> None:
    mappings = mappings_for(load())
    schema = build_schema({name: mappings[name] for name in ("Patient", "Observation")}, database.dialect)
    migrate(database, schema)
    wanted = set(database.fetch(NAMES[database.dialect]))
    with database.engine.connect() as connection:
        connection.execute(text("DROP INDEX ix_observation_code_code_main_date_key_system"))
        for statement in (*EARLIER, OF_THE_CLINIC):
            connection.execute(text(statement))
        connection.execute(text("DELETE FROM schema_version WHERE number >= :number"), {"number": NUMBER})
    assert NAME in migrate(database, schema)
    require_current(database, schema)
    assert set(database.fetch(NAMES[database.dialect])) == wanted | {("ix_of_the_clinic",)}
    assert database.fetch("SELECT count(*) FROM projection_build") == [(0,)], "no row changes, nothing is projected"
