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
from fhir_server.storage.access import Access
from fhir_server.storage.migrations import is_empty
from fhir_server.storage.model import HistoryRequest

_EXAMPLES = ("Patient?name=alma", "Appointment?status=booked", "Slot?status=free")


@click.command("demo", short_help="Load a demo clinic into an empty database, and serve it.")
@click.option("--serve/--no-serve", "start", default=True, help="Whether to serve after loading.  [default: serve]")
@setting_options(*ALL)
def command(*, start: bool, **options: Any) -> None:
    """Make the tables of an empty database, load the demo clinic into it, and serve.

    A database that has resources already is served as it is.
    """
    from fhir_server.demo import clinic

    settings = settings_from(options)
    refuse_open_door(settings)
    with opened(settings) as database:
        new = is_empty(database)
    prepare(settings, upgrade=new)
    with wired(settings) as server:
        store, everyone = server.endpoint.store, Access.unrestricted()
        if not store.history(everyone, HistoryRequest(count=1, total=False)).rows:
            bundle = clinic(datetime.now().astimezone())
            count = len(server.endpoint.transaction(bundle, everyone))
            click.echo(f"The demo clinic is loaded: {count} resources.", err=True)
    if start:
        serve(settings, _EXAMPLES)
