"""The `fhir-server` command: every subcommand is a module, imported only when it is called.

https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from __future__ import annotations

import difflib
from importlib import import_module

import click

# Name -> module of fhir_server.cli that holds the click command `command`, in the order of the help text.
COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "load": "load",
    "migrate": "migrate",
    "reproject": "reproject",
    "check": "check",
    "settings": "settings",
    "conformance": "conformance",
}


class _Lazy(click.Group):
    """A group whose commands are imported on use, so that `--help` and completion answer at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(f"fhir_server.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            text = f"Did you mean {near[0]}?" if near else f"Commands are {', '.join(COMMANDS)}."
            ctx.fail(f"There is no command {args[0]!r}. {text}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fhir-server")
def main() -> None:
    """A FHIR R4 server on SQLite or PostgreSQL. Settings come from options and from FHIR_* variables."""
