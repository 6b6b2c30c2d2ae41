"""Writes docs/reference/settings.md and cli.md: `python -m fhir_server.cli.reference docs/reference`.

https://diataxis.fr/reference/
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from fhir_server.cli import COMMANDS, main
from fhir_server.settings import SETTINGS

_NAMES = frozenset(setting.option for setting in SETTINGS)


def settings_page() -> str:
    """Return the text of settings.md."""
    return "\n".join(_settings_lines()) + "\n"


def cli_page() -> str:
    """Return the text of cli.md."""
    return "\n".join(_cli_lines()) + "\n"


def _settings_lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Made by `make reference` out of the settings table; a test compares."
    yield ""
    yield "A value comes from the command line, else from the environment, else from the defaults below."
    yield "`fhir-server settings` prints the values in force and the origin of each; secrets are masked."
    yield "A value that cannot be used stops the command with a sentence that names the variable."
    yield ""
    yield "| variable | option | allowed | default | meaning |"
    yield "|---|---|---|---|---|"
    for setting in SETTINGS:
        default = f"`{setting.text(setting.default)}`" if setting.text(setting.default) else "empty"
        yield f"| `{setting.variable}` | `{setting.option}` | {setting.allowed} | {default} | {setting.help} |"


def _cli_lines() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "Made by `make reference` out of the commands themselves; a test compares."
    yield ""
    yield "Options that set a [setting](settings.md) are named here and explained there."
    context = click.Context(main, info_name="fhir-server")
    for name in COMMANDS:
        command = main.get_command(context, name)
        yield from _command_lines(name, command) if command is not None else ()


def _command_lines(name: str, command: click.Command) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    names = "".join(f" {parameter.make_metavar(click.Context(command))}" for parameter in arguments)
    yield ""
    yield f"## `fhir-server {name}{names}`"
    yield ""
    yield from (line.strip() for line in (command.help or "").strip().splitlines())
    own = [option for option in options if option.opts[0] not in _NAMES]
    if own:
        yield ""
        yield "| option | meaning |"
        yield "|---|---|"
    for option in own:
        spelling = ", ".join(f"`{text}`" for text in (*option.opts, *option.secondary_opts))
        yield f"| {spelling} | {option.help} |"
    shared = [f"`{option.opts[0]}`" for option in options if option.opts[0] in _NAMES]
    if shared:
        yield ""
        yield f"Settings: {', '.join(shared)}."


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
