"""`fhir-server check`: prove that the search tables say what the documents say.

https://hl7.org/fhir/R4/http.html#versions
"""

from __future__ import annotations

from typing import Any

import click

from fhir_server.cli.database import prepare, wired
from fhir_server.cli.options import DATABASE, setting_options, settings_from
from fhir_server.cli.progress import Counting

_SHOWN = 50


@click.command("check", short_help="Compare the search tables with the documents.")
@setting_options(*DATABASE, "base_url")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Compare every table that is derived from the documents with the documents; nothing is changed.

    Exit code: 0 all agree, 1 differences were found; `reproject` removes those of the search tables.
    """
    settings = settings_from(options)
    prepare(settings, upgrade=False)
    with wired(settings) as server, Counting() as progress:
        differences = server.endpoint.store.check(progress.show)
    for difference in differences[:_SHOWN]:
        name = f"{difference.type}/{difference.id}" if difference.id else difference.type or "-"
        click.echo(f"{name} in {difference.table}: {difference.missing} rows missing, {difference.extra} too many")
    if len(differences) > _SHOWN:
        click.echo(f"and {len(differences) - _SHOWN:,} more.")
    click.echo("No differences." if not differences else f"{len(differences):,} differences.")
    context.exit(1 if differences else 0)
