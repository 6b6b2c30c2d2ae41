"""The real application over a migrated database of each kind, shared by all tests of a worker.

Copying a thousand tables takes seconds, so tests make resources of their own and look for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.spec.http.client import BASE, Fhir
from tests.stores import Templates, templates

__all__ = ["templates"]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a migrated database of each kind."""
    folder: Path = tmp_path_factory.mktemp("served")
    url = templates.copy(request.param, folder)
    yield url
    templates.drop(url)


def _serve(settings: Settings) -> Iterator[flask.Flask]:
    app = create_app(settings)
    yield app
    app.extensions["fhir_server"].database.close()


@pytest.fixture(scope="session")
def application(database: str) -> Iterator[flask.Flask]:
    """The application with its default settings."""
    yield from _serve(Settings(database=database, base_url=BASE, link_secret="of the tests"))


@pytest.fixture
def fhir(application: flask.Flask) -> Fhir:
    """A client of the application."""
    return Fhir(application)


@pytest.fixture(scope="session")
def strict(database: str) -> Iterator[Fhir]:
    """A client of an application with small limits, ids of its own and relaxed references."""
    settings = Settings(
        database=database,
        base_url=BASE,
        max_body_bytes=20_000,
        max_url_bytes=1_000,
        max_query_parameters=10,
        max_headers=20,
        max_header_bytes=2_000,
        max_bundle_entries=3,
        max_patch_operations=2,
        max_page_size=20,
        update_as_create=False,
        cors_origins=("https://app.example",),
        referential_integrity="relaxed",
    )
    for app in _serve(settings):
        yield Fhir(app)


@pytest.fixture(scope="session")
def guarded(database: str) -> Iterator[Fhir]:
    """A client of an application that wants If-Match."""
    for app in _serve(Settings(database=database, base_url=BASE, require_if_match=True)):
        yield Fhir(app)
