"""How a process gets its target. Nothing heavy is imported before: the process that only hands out work stays small.

https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fhir_server.cli.loading.target import Target
from fhir_server.settings import Settings

_MOST_ENTRIES = 1_000_000  # a file on this machine is trusted to be as long as it is


@dataclass(frozen=True)
class OpenLocal:
    """Opens the write pipeline of whichever process calls it.

    migrate  whether an existing database is brought up to date
    """

    settings: Settings
    migrate: bool = False

    def prepare(self) -> None:
        """Make the tables of a new database. Raises click.ClickException when they are missing or old."""
        from fhir_server.cli.database import prepare

        prepare(self.settings, upgrade=self.migrate)

    def warm(self) -> None:
        """Import the write pipeline and read the facts of R4."""
        from fhir_server.cli.loading.local import LocalTarget
        from fhir_server.definitions import load
        from fhir_server.mappings import mappings_for

        _ = LocalTarget
        mappings_for(load())

    def __call__(self) -> Target:
        from fhir_server.cli.collector import relieve
        from fhir_server.cli.loading.local import LocalTarget

        target = LocalTarget(replace(self.settings, max_bundle_entries=_MOST_ENTRIES))
        relieve()
        return target


@dataclass(frozen=True)
class OpenRemote:
    """Opens a connection to a server.

    url      base URL
    journal  file that several workers share
    """

    url: str
    journal: Path
    max_depth: int

    def prepare(self) -> None:
        """Return: a server needs no preparation."""

    def warm(self) -> None:
        """Return: there is little to import."""

    def __call__(self) -> Target:
        from fhir_server.cli.loading.remote import RemoteTarget

        return RemoteTarget(self.url, self.journal, max_depth=self.max_depth)
