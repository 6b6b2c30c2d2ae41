"""Errors and issues as answers: the one place that makes an OperationOutcome out of them.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace

from fhir_server.errors import BadRequest, FhirError, Invalid, Issue, ServerFault, outcome
from fhir_server.formats import json
from fhir_server.rest.message import Response

_log = logging.getLogger(__name__)
_UNREADABLE = frozenset(("structure", "value", "invalid"))
_PASSING = frozenset((429, 503))
_SEVERE = frozenset(("error", "fatal"))


def outcome_text(issues: Sequence[Issue]) -> str:
    """Return the JSON text of the OperationOutcome for `issues` (at least one)."""
    return json.encode(outcome(issues)).decode()


def error_response(error: FhirError) -> Response:
    """Return the answer for an error the server raised on purpose; one that passes says when to try again."""
    headers = dict(error.headers)
    if error.status in _PASSING:
        headers.setdefault("Retry-After", "1")
    return Response(error.status, headers, outcome_text(error.all_issues()), outcome=True)


def fault_response(error: Exception, request_id: str) -> Response:
    """Return the answer for a defect of the server, and log where it happened.

    Neither the answer nor the log holds the exception's text: it could carry values of a record.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("request %s failed with %s\n%s", request_id, type(error).__name__, frames)
    return error_response(
        ServerFault(f"The server failed on this request. Its log tells more under the request id {request_id}.")
    )


def refuse(issues: Sequence[Issue]) -> None:
    """Raise the error for the issues of a validation; return where none is an error.

    BadRequest (400) where the resource cannot be understood, Invalid (422) where it can be but breaks rules.
    """
    severe = [issue for issue in issues if issue.severity in _SEVERE]
    if not severe:
        return
    kind = BadRequest if any(issue.code in _UNREADABLE for issue in severe) else Invalid
    raise kind(severe[0].diagnostics, issues=tuple(issues))


def within(error: FhirError, label: str) -> FhirError:
    """Return `error`, met by one entry of a Bundle, as it looks from the Bundle.

    label  the entry: "Bundle.entry[3]"; "" returns the error as it is
    To be applied once: "Patient.name[0]" becomes "Bundle.entry[3].resource.name[0]".
    """
    return _moved(error, lambda place: _place(place, label)) if label else error


def at(error: FhirError, expression: str) -> FhirError:
    """Return `error` with all its issues at one place."""
    return _moved(error, lambda _: expression)


def _moved(error: FhirError, move: Callable[[str], str]) -> FhirError:
    issues = tuple(replace(issue, expression=move(issue.expression)) for issue in error.all_issues())
    # The error itself: another one of its kind may need to be made of other things.
    error.expression, error.issues = move(error.expression), issues
    return error


def _place(expression: str, label: str) -> str:
    if not expression:
        return label
    _, dot, rest = expression.partition(".")
    return f"{label}.resource{dot}{rest}"
