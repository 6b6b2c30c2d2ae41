"""`fhir-server settings`: every setting, its value and where that came from.

https://12factor.net/config
"""

from __future__ import annotations

from typing import Any

import click

from fhir_server.cli.options import ALL, setting_options, settings_from
from fhir_server.settings import SETTINGS


@click.command("settings", short_help="Print every setting, its value and its origin.")
@setting_options(*ALL)
def command(**options: Any) -> None:
    """Print every setting with its value and its origin; secrets are masked."""
    settings = settings_from(options)
    for setting in SETTINGS:
        value = setting.shown(getattr(settings, setting.name)) or "(empty)"
        click.echo(f"{setting.variable:<28} {value:<44} {settings.origins[setting.name]}")
