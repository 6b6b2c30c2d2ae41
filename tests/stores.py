"""Ready stores for tests on either database: import the fixtures you need in a conftest.py or a test module.

    from tests.stores import clock, ids, store, store_url, templates

`store` is empty, migrated, with a clock that stands still and ids that count. Creating all tables takes seconds, so it
is done once per worker process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.access import Access
from fhir_server.storage.database import open_database
from fhir_server.storage.migrations import migrate
from fhir_server.storage.model import Version, Write
from fhir_server.storage.projection import Projector
from fhir_server.storage.repository import Store
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.storage.tables import core_metadata
from tests.conftest import create_database, drop_database

BASE_URL = "http://fhir.example/fhir"
START = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
EVERYONE = Access.unrestricted()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Move on (or back) by timedelta(**by) and return the new time."""
        self.now += timedelta(**by)
        return self.now


class Ids:
    """Ids that count: "new-1", "new-2" ..."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> str:
        self.given += 1
        return f"new-{self.given}"


@cache
def schema_of(dialect: str) -> Schema:
    """Return the schema of all R4 types for "sqlite" or "postgresql"."""
    return build_schema(mappings_for(load()), dialect)


@cache
def projector_of(dialect: str) -> Projector:
    """Return the projector of `schema_of`."""
    return Projector(schema_of(dialect), BASE_URL)


def open_store(url: str, **options: Any) -> Store:
    """Return a store on a migrated database; options go to Store, those of Database are named `limits`.

    The caller closes it: `store.database.close()`.
    """
    database = open_database(url, **options.pop("limits", {}))
    schema, projector = schema_of(database.dialect), projector_of(database.dialect)
    return Store(database, schema, projector, load(), **({"base_url": BASE_URL} | options))


class Templates:
    """Migrated databases, made on first use: a SQLite file to copy, PostgreSQL databases that are emptied after use."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self._admin_url = admin_url
        self._folder = folder
        self._sqlite: Path | None = None
        self._made: list[str] = []
        self._free: list[str] = []

    def copy(self, dialect: str, folder: Path) -> str:
        """Return the URL of a migrated, empty database; `drop` gives it back."""
        if dialect == "sqlite":
            path = folder / "store.db"
            shutil.copyfile(self._sqlite_template(), path)
            return f"sqlite:///{path}"
        if not self._free:
            url = create_database(self._admin_url)
            _migrated(url)
            self._made.append(url)
            return url
        return self._free.pop()

    def drop(self, url: str) -> None:
        """Empty a PostgreSQL database for the next test."""
        if url.startswith("postgresql"):
            _emptied(url)
            self._free.append(url)

    def close(self) -> None:
        """Drop everything."""
        for url in self._made:
            drop_database(self._admin_url, url)

    def _sqlite_template(self) -> Path:
        if self._sqlite is None:
            path = self._folder / "template.db"
            _migrated(f"sqlite:///{path}")
            self._sqlite = path
        return self._sqlite


def _migrated(url: str) -> None:
    database = open_database(url)
    migrate(database, schema_of(database.dialect))
    if database.dialect == "sqlite":
        # One file without a log beside it can be copied.
        database.fetch("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _emptied(url: str) -> None:
    """Empty the tables that a test can have filled: those of the types it wrote. Cuts connections it forgot."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        types = [row[0] for row in connection.execute("SELECT DISTINCT type FROM resource")]
        schema = schema_of("postgresql")
        names = [table.name for kind in types for table in schema.layout(kind).tables]
        names += [table.name for table in core_metadata.sorted_tables]
        names += [table.name for table in schema.common_tables]
        tables = sql.SQL(", ").join(map(sql.Identifier, names))
        connection.execute(sql.SQL("TRUNCATE {}").format(tables))
        connection.execute("ALTER SEQUENCE resource_key RESTART")


@pytest.fixture(scope="session")
def templates(postgres_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Databases to copy from; one set per worker process."""
    made = Templates(postgres_admin_url, tmp_path_factory.mktemp(f"templates-{os.getpid()}"))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[str]:
    """The URL of a new, migrated, empty database of each kind."""
    url = templates.copy(request.param, tmp_path)
    yield url
    templates.drop(url)


@pytest.fixture
def clock() -> Clock:
    """The clock of `store`."""
    return Clock()


@pytest.fixture
def ids() -> Ids:
    """The ids of `store`."""
    return Ids()


@pytest.fixture
def store(store_url: str, clock: Clock, ids: Ids) -> Iterator[Store]:
    """An empty store with enforced referential integrity, on each database."""
    opened = open_store(store_url, clock=clock, new_id=ids)
    yield opened
    opened.database.close()


def put(store: Store, *documents: dict[str, Any], method: str = "update") -> list[Version]:
    """Write documents under the ids they carry, in one transaction; return their versions."""
    writes = [Write(method, document["resourceType"], document["id"], document) for document in documents]  # type: ignore[arg-type]
    return store.write(EVERYONE, lambda unit: unit.persist(writes))


def delete(store: Store, type_: str, id_: str) -> Version:
    """Delete one resource."""
    return store.write(EVERYONE, lambda unit: unit.persist([Write("delete", type_, id_, None)]))[0]
