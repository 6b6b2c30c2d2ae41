"""`fhir-server demo`: a server with the demo clinic in it, for a first look.

https://hl7.org/fhir/R4/bundle.html#transaction
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from fhir_server.cli.database import opened, prepare, wired
from fhir_server.cli.options import ALL, setting_options, settings_from
from fhir_server.cli.serve import refuse_open_door, serve
from fhir_server.settings import Settings

_LOOK = (
    "Patient",
    "Appointment?status=booked",
    "Slot?status=free",
    "Patient?name=alma",
)


@click.command("demo")
@click.option("--serve/--no-serve", "start", default=True, help="Whether to serve after loading.  [default: serve]")
@setting_options(*ALL)
def command(*, start: bool, **options: Any) -> None:
    """Make the tables of an empty database, load the demo clinic into it, and serve.

    A database that has resources already is served as it is.
    """
    settings = settings_from(options)
    refuse_open_door(settings)
    with opened(settings) as database:
        from fhir_server.storage.migrations import is_empty

        new = is_empty(database)
    prepare(settings, upgrade=new)
    if new:
        click.echo(f"The demo clinic is loaded: {load_clinic(settings)} resources.", err=True)
    if start:
        click.echo("Look at:", err=True)
        for path in _LOOK:
            click.echo(f"  {settings.base_url}/{path}", err=True)
        serve(settings)


def load_clinic(settings: Settings) -> int:
    """Store the demo clinic, dated from now; return the number of its resources."""
    from fhir_server.demo import clinic
    from fhir_server.storage.access import Access

    bundle = clinic(datetime.now().astimezone())
    with wired(settings) as server:
        return len(server.endpoint.transaction(bundle, Access.unrestricted()))
