"""The command line as a whole: help, documentation, settings."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from fhir_server.cli import COMMANDS, main
from fhir_server.cli.reference import cli_page, settings_page
from fhir_server.settings import SETTINGS
from tests.cli.running import call
from tests.paths import ROOT


def test_settings_md_is_what_the_settings_table_says() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run `make reference`"


def test_cli_md_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert page == cli_page(), "run `make reference`"


def test_every_setting_and_every_command_stands_in_the_reference() -> None:
    settings, commands = settings_page(), cli_page()
    for setting in SETTINGS:
        assert f"`{setting.variable}`" in settings
        assert f"`{setting.option}`" in settings
    for name in COMMANDS:
        assert f"## `fhir-server {name}" in commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_for_itself_and_each_of_its_options(name) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    command = main.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.help
    for parameter in command.params:
        assert parameter.param_type_name == "argument" or parameter.help, parameter.name


def test_the_list_of_commands_is_the_help_of_the_program() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"  {name}" in result.output for name in COMMANDS)


def test_settings_are_printed_with_their_origin_and_secrets_masked() -> None:
    done = call(
        "settings",
        "--max-depth",
        "32",
        FHIR_PORT="9000",
        FHIR_LINK_SECRET="s3cret",
        FHIR_DATABASE="postgresql+psycopg://u:hunter2@h/n",
    )
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["FHIR_MAX_DEPTH"] == ["32", "command", "line"]
    assert rows["FHIR_PORT"] == ["9000", "environment"]
    assert rows["FHIR_THREADS"] == ["4", "default"]
    assert rows["FHIR_BASE_URL"] == ["http://127.0.0.1:9000/fhir", "derived"]
    assert rows["FHIR_LINK_SECRET"] == ["******", "environment"]
    assert "s3cret" not in done.stdout
    assert "hunter2" not in done.stdout


def test_a_bad_variable_is_named_in_one_sentence_without_a_stack_trace() -> None:
    done = call("settings", FHIR_PORT="eighty")
    assert done.returncode == 2
    assert "FHIR_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_variable_is_a_warning() -> None:
    done = call("settings", FHIR_DATABSE="x")
    assert done.returncode == 0
    assert "Did you mean FHIR_DATABASE?" in done.stderr


def test_help_answers_without_importing_the_server() -> None:
    import subprocess
    import sys

    code = "import sys, fhir_server.cli; assert 'sqlalchemy' not in sys.modules and 'flask' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("typed, hint", [("serv", "Did you mean serve?"), ("xyz", "Commands are serve, demo, load")])
def test_an_unknown_command_names_the_near_one_or_all(typed: str, hint: str) -> None:
    done = call(typed)
    assert done.returncode == 2
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
