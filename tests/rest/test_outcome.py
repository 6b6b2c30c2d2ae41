"""https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

import json

import pytest

from fhir_server.errors import BadRequest, Conflict, FhirError, Invalid, Issue, LockTimeout
from fhir_server.fhirpath.errors import FhirPathTooCostly
from fhir_server.rest.outcome import at, error_response, refuse, within

BROKEN = Issue("error", "invariant", "x", "Patient.name[0]")


@pytest.mark.parametrize(
    "code, kind", [("structure", BadRequest), ("value", BadRequest), ("required", Invalid), ("code-invalid", Invalid)]
)
def test_what_cannot_be_understood_is_400_and_what_breaks_a_rule_422(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        refuse([Issue("warning", "invariant", "x"), Issue("error", code, "x")])


def test_an_error_that_passes_says_when_to_try_again() -> None:
    assert error_response(LockTimeout("x")).headers == {"Retry-After": "1"}
    assert error_response(LockTimeout("x", headers={"Retry-After": "9"})).headers == {"Retry-After": "9"}


def test_warnings_refuse_nothing() -> None:
    refuse([Issue("warning", "structure", "x"), Issue("information", "value", "x")])


def test_an_error_seen_from_a_bundle_names_the_entry() -> None:
    error = within(Invalid("x", issues=(BROKEN, Issue("error", "processing", "y"))), "Bundle.entry[3]")
    places = [issue.expression for issue in error.all_issues()]
    assert places == ["Bundle.entry[3].resource.name[0]", "Bundle.entry[3]"]


def test_a_bundle_in_an_entry_keeps_its_own_places() -> None:
    inner = within(
        Invalid("x", issues=(Issue("error", "invariant", "x", "Bundle.entry[0].fullUrl"),)), "Bundle.entry[3]"
    )
    assert inner.all_issues()[0].expression == "Bundle.entry[3].resource.entry[0].fullUrl"


def test_errors_of_every_kind_are_moved() -> None:
    pending = [FhirError]
    for kind in pending:  # grows while it is read
        pending += kind.__subclasses__()
        moved = within(kind("x"), "Bundle.entry[3]")
        assert (type(moved), moved.all_issues()[0].expression) == (kind, "Bundle.entry[3]")
    assert FhirPathTooCostly in pending


def test_kind_code_and_headers_survive_the_move() -> None:
    error = Conflict("x", code="lock-error", headers={"Retry-After": "1"})
    moved = at(within(error, ""), "Bundle.entry[0].request.url")
    assert (type(moved), moved.headers) == (Conflict, {"Retry-After": "1"})
    assert moved.all_issues() == (Issue("error", "lock-error", "x", "Bundle.entry[0].request.url"),)
    answer = error_response(moved)
    assert (answer.status, answer.headers) == (409, {"Retry-After": "1"})
    assert json.loads(answer.text)["issue"][0]["code"] == "lock-error"
