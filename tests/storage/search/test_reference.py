"""https://hl7.org/fhir/R4/search.html#reference: a canonical names what it means by its URL or its address"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import BASE_URL, EVERYONE, put

REFERENCES = {
    "relative": "Library/lib",
    "versioned": "Library/lib|2.0",
    "ours": f"{BASE_URL}/Library/lib",
    "other": "Library/other",
    "foreign": "http://elsewhere.example/Library/lib|2.0",
}


def measure(id_: str, library: str) -> dict[str, Any]:
    return {"resourceType": "Measure", "id": id_, "status": "draft", "library": [library]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Library/lib", {"relative", "versioned", "ours"}),
        (f"{BASE_URL}/Library/lib", {"relative", "versioned", "ours"}),
        ("Library/lib|2.0", {"versioned"}),
        (f"{BASE_URL}/Library/lib|2.0", {"versioned"}),
        ("Library/lib|3.0", set()),
        ("Library/other,Library/lib|2.0", {"other", "versioned"}),
        ("http://elsewhere.example/Library/lib", {"foreign"}),
        ("http://elsewhere.example/Library/lib|2.0", {"foreign"}),
        ("Library/none", set()),
        ("lib", set()),
    ],
)
def test_a_canonical_is_found_by_the_address_it_names(store: Store, value: str, found: set[str]) -> None:
    put(store, *(measure(id_, library) for id_, library in REFERENCES.items()))
    page = store.search(EVERYONE, SearchRequest("Measure", (("depends-on", value),)))
    assert {row.id for row in page.rows} == found


def test_a_value_with_a_version_names_no_element_that_is_a_reference(store: Store) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/DiagnosticReport-geneticsAssessedCondition"
    report = {"resourceType": "DiagnosticReport", "id": "d", "status": "final", "code": {"text": "x"}}
    put(store, {"resourceType": "Condition", "id": "c", "subject": {"display": "x"}})
    put(store, report | {"extension": [{"url": url, "valueReference": {"reference": "Condition/c"}}]})
    for value, found in (("Condition/c", ["d"]), (f"{BASE_URL}/Condition/c", ["d"]), ("Condition/c|1", [])):
        page = store.search(EVERYONE, SearchRequest("DiagnosticReport", (("assessed-condition", value),)))
        assert [row.id for row in page.rows] == found, value
