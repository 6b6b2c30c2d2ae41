"""`fhir-server migrate`: bring the tables of a database up to what this program needs.

https://www.postgresql.org/docs/current/ddl-alter.html
"""

from __future__ import annotations

from typing import Any

import click

from fhir_server.cli.database import opened
from fhir_server.cli.options import DATABASE, setting_options, settings_from
from fhir_server.storage.migrations import migrate


@click.command("migrate")
@setting_options(*DATABASE)
def command(**options: Any) -> None:
    """Make or change the tables of the database.

    Run it before a new version of the program serves. Types whose tables changed are filled by `reproject`.
    """
    with opened(settings_from(options)) as database:
        names = migrate(database)
    for name in names:
        click.echo(f"Migrated: {name}")
    if not names:
        click.echo("Nothing to do: the tables are those this program needs.")
