"""What the commands share about databases: open one, make its tables or refuse to work with old ones.

https://www.sqlite.org/wal.html and https://www.postgresql.org/docs/current/ddl.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fhir_server.errors import FhirError
from fhir_server.settings import Settings, mask_url
from fhir_server.storage.database import Database, open_database
from fhir_server.storage.migrations import is_empty, migrate

if TYPE_CHECKING:
    from fhir_server.app import Server


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database of `settings`; errors of it end the command with a sentence."""
    try:
        database = open_database(
            settings.database,
            statement_timeout=settings.statement_timeout_ms / 1000,
            lock_timeout=settings.lock_timeout_ms / 1000,
        )
    except ValueError as error:
        raise click.UsageError(f"FHIR_DATABASE (option --database): {error}.") from error
    try:
        yield database
    except FhirError as error:
        raise click.ClickException(f"{mask_url(settings.database)}: {error}") from error
    finally:
        database.close()


@contextmanager
def wired(settings: Settings) -> Iterator[Server]:
    """Open the server without HTTP; errors of its database end the command with a sentence."""
    from fhir_server.app import create_server

    try:
        server = create_server(settings)
    except ValueError as error:
        raise click.UsageError(f"FHIR_DATABASE (option --database): {error}.") from error
    try:
        yield server
    except FhirError as error:
        raise click.ClickException(f"{mask_url(settings.database)}: {error}") from error
    finally:
        server.database.close()


def prepare(settings: Settings, *, upgrade: bool) -> bool:
    """Make sure that the database can be worked with; return whether its tables were made just now.

    upgrade  True migrates whatever is there; False makes the tables of a new SQLite file and nothing else
    Raises click.ClickException when the tables are missing or old.
    """
    from fhir_server.definitions import load
    from fhir_server.mappings import mappings_for
    from fhir_server.storage.migrations import require_current
    from fhir_server.storage.schema import build_schema

    with opened(settings) as database:
        empty = is_empty(database)
        if upgrade or (empty and database.dialect == "sqlite"):
            for name in migrate(database):
                click.echo(f"Migrated: {name}", err=True)
            return empty
        if empty:
            raise click.ClickException(
                f"{mask_url(settings.database)} is empty: run `fhir-server migrate`, or add --migrate."
            )
        require_current(database, build_schema(mappings_for(load()), database.dialect))
        return False
