"""Options of the command line, made from the settings table, and the settings they result in.

https://click.palletsprojects.com/en/stable/options/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from fhir_server.settings import SETTINGS, Setting, SettingError, Settings, read, unknown_variables

F = TypeVar("F", bound=Callable[..., Any])

DATABASE = ("database", "statement_timeout_ms", "lock_timeout_ms")
ALL = tuple(setting.name for setting in SETTINGS)


class _Parsed(click.ParamType):  # type: ignore[type-arg] # generic in newer click only
    """A click type that parses as the settings table does."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.name = "LIST" if setting.type is tuple else "INTEGER" if setting.type is int else "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            parsed = self._setting.parse(value) if isinstance(value, str) else value
            self._setting.check(parsed)
        except SettingError as error:
            self.fail(str(error), param, ctx)
        return parsed


def setting_options(*names: str) -> Callable[[F], F]:
    """Return a decorator that gives a command the options of the settings called `names`."""
    rows = [setting for setting in SETTINGS if setting.name in names]

    def decorate(function: F) -> F:
        for setting in reversed(rows):
            function = _option(setting)(function)
        return function

    return decorate


def _option(setting: Setting) -> Callable[[F], F]:
    default = setting.text(setting.default) or "empty"
    help_text = f"{setting.help}  [{setting.variable}; default: {default}]"
    if setting.type is bool:
        flag = f"{setting.option}/--no-{setting.option.removeprefix('--')}"
        return click.option(flag, setting.name, default=None, help=help_text)
    kind = click.Choice(setting.choices) if setting.choices else _Parsed(setting)
    return click.option(setting.option, setting.name, type=kind, default=None, help=help_text)


def settings_from(options: Mapping[str, Any]) -> Settings:
    """Return the settings of the defaults, the environment and `options`; warn about misspelt variables.

    Raises click.UsageError naming the variable whose value cannot be used.
    """
    for sentence in unknown_variables(os.environ):
        click.echo(f"Warning: {sentence}", err=True)
    try:
        return read(os.environ, options)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
