"""What tests of searches share: entries by their mode, links, pages to the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from tests.spec.http.client import BASE, Fhir

FORM = "application/x-www-form-urlencoded"
LENIENT = {"Prefer": "handling=lenient"}


def ids(answer: TestResponse, mode: str = "match") -> list[str]:
    """Return the ids of the entries of one search mode, in their order."""
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = dict(answer.json).get("entry", [])
    return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == mode]


def links(answer: TestResponse) -> dict[str, str]:
    """Return the links of a page by relation, below the base."""
    assert answer.status_code == 200, answer.text
    found: list[dict[str, str]] = dict(answer.json)["link"]
    assert len({link["relation"] for link in found}) == len(found)
    return {link["relation"]: link["url"].removeprefix(BASE) for link in found}


def remarks(answer: TestResponse) -> list[dict[str, Any]]:
    """Return the issues of the OperationOutcome entry, [] where there is none."""
    entries = [entry for entry in dict(answer.json).get("entry", []) if entry["search"]["mode"] == "outcome"]
    assert len(entries) <= 1
    return [issue for entry in entries for issue in entry["resource"]["issue"]]


def pages(fhir: Fhir, path: str, relation: str = "next") -> Iterator[TestResponse]:
    """Yield a page and those that its links of one relation lead to."""
    while path:
        answer = fhir.get(path)
        yield answer
        path = links(answer).get(relation, "")
