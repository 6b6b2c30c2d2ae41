"""The examples of the how-to on search work as written, and none of them goes unproven."""

from __future__ import annotations

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.docs.curl import run, steps
from tests.paths import ROOT

DOCUMENT = ROOT / "docs/how-to/search.md"


def test_every_curl_of_the_document_answers_as_it_says(demo_database: str) -> None:
    app = create_app(Settings(database=demo_database))
    try:
        for step in steps(DOCUMENT):
            answer = run(app, step.command)
            assert answer.status_code == step.status, (step.command, answer.text)
            assert step.text in answer.text, (step.command, answer.text)
    finally:
        app.extensions["fhir_server"].database.close()


def test_no_curl_of_the_document_is_left_out() -> None:
    assert len(list(steps(DOCUMENT))) == DOCUMENT.read_text(encoding="utf-8").count("\ncurl ") > 8
