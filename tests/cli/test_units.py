"""What the loader makes out of documents and lines: entries with requests, and refusals with places."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.cli.loading.report import Refusal
from fhir_server.cli.loading.sources import LINES, Chunk
from fhir_server.cli.loading.units import Unit, of_chunk, of_document
from fhir_server.errors import FhirError

PATIENT = {"resourceType": "Patient"}
NAMED = {"resourceType": "Patient", "id": "p1"}


def units(document: Any) -> list[Unit]:
    found = list(of_document("f.json", document))
    assert all(isinstance(unit, Unit) for unit in found)
    return found  # type: ignore[return-value]


def bundle(kind: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_a_resource_without_an_id_is_created() -> None:
    (unit,) = units(PATIENT)
    assert unit.entries == [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}]
    assert not unit.atomic


def test_a_resource_with_an_id_is_stored_under_it() -> None:
    (unit,) = units(NAMED)
    assert unit.entries[0]["request"] == {"method": "PUT", "url": "Patient/p1"}


def test_a_transaction_stays_whole() -> None:
    entries = [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}] * (LINES + 1)
    (unit,) = units(bundle("transaction", *entries))
    assert unit.atomic
    assert len(unit.entries) == LINES + 1
    assert unit.places[-1] == f"Bundle.entry[{LINES}]"


def test_a_batch_is_cut_into_pieces() -> None:
    entries = [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}] * (LINES + 1)
    found = units(bundle("batch", *entries))
    assert [(unit.number, len(unit.entries), unit.atomic) for unit in found] == [(0, LINES, False), (1, 1, False)]
    assert found[1].places == [f"Bundle.entry[{LINES}]"]


def test_a_search_result_is_stored_without_its_outcome() -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    (unit,) = units(bundle("searchset", {"resource": NAMED, "search": {"mode": "match"}}, outcome))
    assert [entry["request"]["url"] for entry in unit.entries] == ["Patient/p1"]


def test_a_collection_whose_entries_call_each_other_by_urn_stays_whole() -> None:
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": PATIENT} for number in range(LINES + 1)]
    (unit,) = units(bundle("collection", *entries))
    assert len(unit.entries) == LINES + 1
    assert unit.entries[3]["fullUrl"] == "urn:uuid:3"


@pytest.mark.parametrize("kind", ["document", "message"])
def test_a_document_or_message_is_itself_a_record(kind) -> None:
    (unit,) = units(bundle(kind, {"resource": NAMED}))
    assert unit.entries[0]["request"] == {"method": "POST", "url": "Bundle"}


@pytest.mark.parametrize("kind", ["history", "transaction-response", "nonsense", None])
def test_other_bundles_are_refused_with_a_reason(kind) -> None:
    (refusal,) = of_document("f.json", bundle(kind))
    assert isinstance(refusal, Refusal)
    assert (refusal.file, refusal.expression, refusal.status) == ("f.json", "Bundle.type", 422)


@pytest.mark.parametrize("entry", ["text", [1], [None], {"a": 1}])
def test_a_bundle_whose_entries_are_no_objects_is_refused(entry) -> None:
    (refusal,) = of_document("f.json", {"resourceType": "Bundle", "type": "batch", "entry": entry})
    assert isinstance(refusal, Refusal)


@pytest.mark.parametrize("document", [[], "text", None, {}, {"resourceType": 1}])
def test_a_document_that_is_no_resource_is_refused(document) -> None:
    with pytest.raises(FhirError, match="resourceType"):
        list(of_document("f.json", document))


def test_a_line_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    lines = (b'{"resourceType":"Patient","id":"a"}\n', b"\n", b"{broken\n", b"[]\n", b'{"resourceType":"Patient"}')
    *refusals, unit = of_chunk("f.ndjson", Chunk(2, 11, lines, 0), 64)
    assert [refusal.place for refusal in refusals] == ["line 13", "line 14"]
    assert isinstance(unit, Unit)
    assert (unit.number, unit.broken) == (2, (2, 3))
    assert [bool(entry) for entry in unit.entries] == [True, False, False, False, True]
    assert unit.places[4] == "line 15"
