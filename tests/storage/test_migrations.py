"""Tables are made once, alone, and grow forward; a server does not start on tables that are not its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import inspect

from fhir_server.definitions import load
from fhir_server.errors import FhirError, StoreUnavailable, Unavailable
from fhir_server.mappings import Mapping, mappings_for
from fhir_server.mappings.datatypes import String
from fhir_server.mappings.model import string
from fhir_server.storage.database import Database, open_database
from fhir_server.storage.migrations import is_empty, migrate, require_current
from fhir_server.storage.migrations.steps import MIGRATIONS
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.projection import Projector
from fhir_server.storage.repository import Store
from fhir_server.storage.schema import Schema, build_schema
from tests.stores import EVERYONE, put

TYPES = ("Patient", "Basic", "Observation")


def schema(dialect: str, **changed: Mapping) -> Schema:
    """A schema of a few types: the machinery is the same, the tables are made sooner."""
    mappings = mappings_for(load())
    return build_schema({name: changed.get(name, mappings[name]) for name in TYPES}, dialect)


def nickname() -> Mapping:
    """Basic with one more element and parameter."""
    basic = mappings_for(load())["Basic"]
    return Mapping(
        "Basic",
        *basic.elements,
        String("nickname", "0..*"),
        String("motto", "0..1"),
        search=(*basic.search, string("nickname"), string("motto")),
        main_date=basic.main_date,
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()


def open_(database: Database, tables: Schema) -> Store:
    return Store(database, tables, Projector(tables), load())


def test_an_empty_database_gets_all_tables_and_is_current(database: Database) -> None:
    tables = schema(database.dialect)
    assert is_empty(database)
    if database.dialect == "postgresql":
        with pytest.raises(StoreUnavailable, match="fhir-server migrate"):
            require_current(database, tables)
    assert migrate(database, tables) == ["tables of the store and of every resource type"]
    assert not is_empty(database)
    require_current(database, tables)
    assert migrate(database, tables) == [], "a second time there is nothing to do"
    assert database.fetch("SELECT count(*) FROM schema_version") == [(len(MIGRATIONS),)]


def test_two_starters_do_not_both_migrate(database: Database) -> None:
    tables = schema(database.dialect)
    done: list[Any] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(database, tables))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0, 0, 1]
    require_current(database, tables)


def test_a_creation_that_was_cut_off_is_finished(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite makes all tables in one transaction")
    tables = schema(database.dialect)
    migrate(database, tables)
    with database.transaction() as session:
        session.fetch("DROP TABLE schema_version")
        session.fetch("DROP TABLE observation CASCADE")
        for table in tables.tables_of("Observation")[1:]:
            session.fetch(f"DROP TABLE {table.name} CASCADE")
    assert migrate(database, tables) == ["tables of the store and of every resource type"]
    put(open_(database, tables), {"resourceType": "Observation", "id": "o"})


def test_tables_and_columns_that_a_mapping_adds_are_made_and_filled(database: Database) -> None:
    old = schema(database.dialect)
    migrate(database, old)
    put(
        open_(database, old),
        {"resourceType": "Basic", "id": "b", "nickname": ["Bee", "Zed"], "motto": "Go"},
        {"resourceType": "Patient", "id": "p", "gender": "male"},
    )
    new = schema(database.dialect, Basic=nickname())
    with pytest.raises(StoreUnavailable, match="fhir-server migrate"):
        require_current(database, new)
    assert migrate(database, new) == ["additions of the mappings"]
    require_current(database, new)
    store = open_(database, new)
    search = SearchRequest("Basic", (("nickname", "zed"),))
    with pytest.raises(Unavailable) as caught:
        store.search(EVERYONE, search)
    assert caught.value.headers["Retry-After"]
    with pytest.raises(Unavailable):
        store.write(EVERYONE, lambda unit: unit.match("Basic", [("nickname", "zed")]))
    with pytest.raises(Unavailable):
        store.search(EVERYONE, SearchRequest(None, (("_id", "p"),)))
    assert len(store.search(EVERYONE, SearchRequest("Patient", (("gender", "male"),))).rows) == 1
    assert store.reproject() == 1, "only the types that changed"
    store = open_(database, new)
    assert [row.id for row in store.search(EVERYONE, search).rows] == ["b"]
    assert [row.id for row in store.search(EVERYONE, SearchRequest("Basic", (("motto", "go"),))).rows] == ["b"]
    assert store.check() == []
    assert migrate(database, new) == []


def test_views_show_the_columns_that_a_mapping_adds(database: Database) -> None:
    old, new = schema(database.dialect), schema(database.dialect, Basic=nickname())
    migrate(database, old)
    assert "motto" not in columns_of(database, "v_basic")
    migrate(database, new)
    assert "motto" in columns_of(database, "v_basic")
    put(open_(database, new), {"resourceType": "Basic", "id": "b", "motto": "Go"})
    assert database.fetch("SELECT id, motto FROM v_basic") == [("b", "Go")]


def columns_of(database: Database, view: str) -> list[str]:
    return [column["name"] for column in inspect(database.engine).get_columns(view)]


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    tables = schema(database.dialect)
    migrate(database, tables)
    with database.transaction() as session:
        session.fetch("UPDATE schema_version SET number = 9999 WHERE number = 1")
    for start in (lambda: require_current(database, tables), lambda: migrate(database, tables)):
        with pytest.raises(StoreUnavailable, match="newer"):
            start()


def test_a_migration_that_fails_leaves_an_sqlite_file_empty(database: Database) -> None:
    if database.dialect == "postgresql":
        pytest.skip("PostgreSQL makes its tables type by type, and goes on where it stopped")
    tables = schema(database.dialect)
    broken = build_schema(tables.mappings, "sqlite")
    layout = broken.layout("Patient")
    broken._layouts["Patient"] = replace(layout, tables=(layout.tables[0], layout.tables[0]))
    with pytest.raises(FhirError):
        migrate(database, broken)
    assert is_empty(database)
    assert database.fetch("SELECT count(*) FROM sqlite_master") == [(0,)]
