"""The examples of the how-tos on search work as written, and none of them goes unproven."""

from __future__ import annotations

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.docs.curl import run, steps
from tests.paths import ROOT

DOCUMENTS = [ROOT / f"docs/how-to/{name}.md" for name in ("search", "search-contained-resources")]


def test_every_curl_of_the_document_answers_as_it_says(demo_database: str) -> None:
    app = create_app(Settings(database=demo_database))
    try:
        for step in [step for document in DOCUMENTS for step in steps(document)]:
            answer = run(app, step.command)
            assert answer.status_code == step.status, (step.command, answer.text)
            assert step.text in answer.text, (step.command, answer.text)
    finally:
        app.extensions["fhir_server"].database.close()


def test_no_curl_of_the_document_is_left_out() -> None:
    for document, least in zip(DOCUMENTS, (9, 2), strict=True):
        assert len(list(steps(document))) == document.read_text(encoding="utf-8").count("\ncurl ") >= least
