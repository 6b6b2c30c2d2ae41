"""https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.rest.places import look
from fhir_server.storage.references import EVERY_ROLE, walk
from tests.paths import R4_PACKAGE, needs_r4_package

URL = "urn:uuid:0c9f8a2e-0000-4000-8000-000000000001"
REFERENCE = {"reference": URL}


def test_references_are_found_at_any_depth() -> None:
    document: dict[str, Any] = {
        "resourceType": "Observation",
        "subject": REFERENCE,
        "performer": [REFERENCE, {"display": "x"}],
        "contained": [{"resourceType": "Patient", "extension": [{"url": "u", "valueReference": REFERENCE}]}],
    }
    found = look(document, {URL})
    assert len(found.holders) == 3
    assert (found.elsewhere, found.nested) == (False, False)


@pytest.mark.parametrize(
    "more",
    [
        {"content": [{"attachment": {"url": URL}}]},
        {"implicitRules": URL},
        {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><a href="x">x</a></div>'}},
        {"instantiatesUri": ["x", URL]},
    ],
)
def test_links_elsewhere_are_noticed(more: dict[str, Any]) -> None:
    assert look({"resourceType": "DocumentReference", **more}, {URL}).elsewhere
    assert not look({"resourceType": "DocumentReference", "description": URL}, {URL}).elsewhere


def test_a_bundle_inside_is_noticed() -> None:
    assert look({"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "Bundle"}}]}, {}).nested


@needs_r4_package
def test_the_quick_look_misses_nothing_that_the_typed_walk_finds_in_the_official_examples() -> None:
    from fhir_server.formats import json

    examples = sorted(R4_PACKAGE.glob("example/*.json")) or sorted(R4_PACKAGE.glob("*-*.json"))
    for path in examples[::7]:
        document = json.decode(path.read_bytes(), max_depth=100)
        if "resourceType" not in document:
            continue
        found = look(document, ())
        texts = [place.text for place in walk(document)]
        if not found.nested:
            assert set(texts) <= {holder["reference"] for holder in found.holders}, path.name
        for place in walk(document, EVERY_ROLE):
            assert found.nested or look(document, {place.text}).elsewhere or place.text in texts, path.name
