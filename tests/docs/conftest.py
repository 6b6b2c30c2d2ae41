"""A database with the demo clinic in it, as `make run` makes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fhir_server.cli import main
from tests.stores import Templates, templates

__all__ = ["templates"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def demo_database(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database of each kind that holds the demo clinic."""
    folder: Path = tmp_path_factory.mktemp("demo")
    url = templates.copy(request.param, folder)
    made = CliRunner().invoke(main, ["demo", "--no-serve", "--database", url])
    assert made.exit_code == 0, made.output
    yield url
    templates.drop(url)
