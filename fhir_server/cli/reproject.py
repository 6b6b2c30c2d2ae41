"""`fhir-server reproject`: fill the search tables anew from the documents.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import Any

import click

from fhir_server.cli.database import prepare, wired
from fhir_server.cli.options import DATABASE, setting_options, settings_from
from fhir_server.cli.progress import Counting
from fhir_server.definitions import load


@click.command("reproject", short_help="Fill search tables anew from the stored documents.")
@click.argument("types", nargs=-1, metavar="[TYPE]...")
@setting_options(*DATABASE, "base_url")
def command(*, types: tuple[str, ...], **options: Any) -> None:
    """Fill the tables of resource TYPEs anew from the stored documents.

    Without a TYPE: search parameters that were added and are not complete, and the types that an interrupted run or a
    migration left incomplete; or else all types.

    The server may run meanwhile: searches over a type are refused until its tables are complete, reads go on.
    """
    unknown = sorted(set(types) - load().resource_type_set)
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)} is no resource type of FHIR R4.", param_hint="TYPE")
    settings = settings_from(options)
    prepare(settings, upgrade=False)
    with wired(settings) as server, Counting() as progress:
        count = server.endpoint.store.reproject(types or None, progress.show)
    click.echo(f"{count:,} resources were projected anew.")
