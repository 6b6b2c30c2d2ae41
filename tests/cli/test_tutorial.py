"""The tutorial works as written: every command in it is run, in its order, and its answer compared."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner

from fhir_server.app import create_app
from fhir_server.cli import main
from fhir_server.settings import Settings
from tests.docs.curl import run
from tests.paths import ROOT
from tests.stores import Templates, templates

__all__ = ["templates"]

_STEP = re.compile(r"```sh\n(?P<code>.*?)\n```\n<!-- (?P<note>.*?) -->", re.DOTALL)
_TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.fixture
def application(templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[flask.Flask]:
    """What `make run` starts, in an empty folder."""
    Path(templates.copy("sqlite", tmp_path).removeprefix("sqlite:///")).rename(tmp_path / "fhir.db")
    for name in [name for name in os.environ if name.startswith("FHIR_") and not name.startswith("FHIR_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(main, ["demo", "--no-serve"])
    assert "The demo clinic is loaded: 205 resources." in made.output
    app = create_app(Settings())
    yield app
    app.extensions["fhir_server"].database.close()


def test_every_step_of_the_tutorial_does_what_it_says(application) -> None:
    for found in _STEP.finditer(_TUTORIAL):
        code, note = found["code"], found["note"]
        kind, _, rest = note.partition(" ")
        match kind:
            case "expect":
                status, _, text = rest.partition(" ")
                answer = run(application, code)
                assert (answer.status_code, text in answer.text) == (int(status), True), (code, answer.text)
            case "exits":
                status, _, text = rest.partition(" ")
                program, *words = shlex.split(code)
                assert program == ".venv/bin/fhir-server"
                result = CliRunner().invoke(main, words)
                assert (result.exit_code, text in result.output) == (int(status), True), result.output
            case "makes":
                Path(rest).write_text(code.partition("\n")[2].rpartition("\n")[0] + "\n", encoding="utf-8")
            case "changes":
                name, _, change = rest.partition(": ")
                old, _, new = change.partition(" to ")
                assert f"s/{old}/{new}/" in code
                Path(name).write_text(Path(name).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
            case "prints":
                _, name, query = shlex.split(code)
                connection = sqlite3.connect(name)
                rows = ["|".join(map(str, row)) for row in connection.execute(query)]
                connection.close()
                assert rows == [rest]
            case _:
                assert note.startswith("not run: ")


def test_no_command_of_the_tutorial_goes_without_a_note() -> None:
    assert len(list(_STEP.finditer(_TUTORIAL))) == _TUTORIAL.count("```sh\n") >= 12
