"""Every error the server raises on purpose, as one tree; `rest` renders it in one place as an OperationOutcome.

https://hl7.org/fhir/R4/operationoutcome.html

FhirError
├── BadRequest            400 invalid        the request cannot be understood
│   ├── MalformedContent  400 structure      the body is not JSON / XML / FHIR shaped
│   ├── UnsupportedParameter 400 not-supported
│   └── TooCostly         400 too-costly     bounded work was exceeded
├── Forbidden             403 forbidden
├── NotFound              404 not-found
├── UnknownType           404 not-supported
├── MethodNotAllowed      405 not-supported
├── NotAcceptable         406 not-supported
├── Conflict              409 conflict
├── Gone                  410 deleted
├── PreconditionFailed    412 conflict
│   └── MultipleMatches   412 multiple-matches
├── TooLarge              413 too-long
├── UriTooLong            414 too-long
├── UnsupportedMediaType  415 not-supported
├── Invalid               422 processing     the resource breaks rules; carries all issues
├── Throttled             429 throttled
├── HeadersTooLarge       431 too-long
├── ServerFault           500 exception      our bug: the text never carries data
└── Unavailable           503 transient      retry later
    ├── LockTimeout       503 lock-error
    ├── StoreUnavailable  503 no-store
    └── StatementTimeout  503 timeout
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One `OperationOutcome.issue`.

    severity    fatal | error | warning | information
    code        a code of http://hl7.org/fhir/issue-type
    diagnostics a sentence a person understands; never holds values of the record
    expression  FHIRPath of the place, relative to the request's resource ("Patient.name[0].given"), or ""
    """

    severity: Severity
    code: str
    diagnostics: str
    expression: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the issue as the JSON object FHIR defines."""
        issue: dict[str, object] = {
            "severity": self.severity,
            "code": self.code,
            "diagnostics": self.diagnostics,
        }
        if self.expression:
            issue["expression"] = [self.expression]
        return issue


def outcome(issues: Sequence[Issue]) -> dict[str, object]:
    """Return the OperationOutcome resource for `issues` (at least one)."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [issue.to_json() for issue in issues],
    }


@dataclass(slots=True)
class FhirError(Exception):
    """Base of the tree: a diagnostics sentence, where it points, and optionally several issues.

    diagnostics  sentence for a person
    expression   FHIRPath of the place, or ""
    code         overrides the class's issue code
    issues       when set, replaces the single issue built from the fields above
    headers      extra HTTP headers of the answer (Retry-After, Allow, ...)
    """

    diagnostics: str
    expression: str = ""
    code: str = ""
    issues: tuple[Issue, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    status = 500
    default_code = "exception"

    def __str__(self) -> str:
        return self.diagnostics

    def all_issues(self) -> tuple[Issue, ...]:
        """Return the issues of the answer, never empty."""
        if self.issues:
            return self.issues
        code = self.code or self.default_code
        return (Issue("error", code, self.diagnostics, self.expression),)


class BadRequest(FhirError):
    status = 400
    default_code = "invalid"


class MalformedContent(BadRequest):
    default_code = "structure"


class UnsupportedParameter(BadRequest):
    default_code = "not-supported"


class TooCostly(BadRequest):
    default_code = "too-costly"


class Forbidden(FhirError):
    status = 403
    default_code = "forbidden"


class NotFound(FhirError):
    status = 404
    default_code = "not-found"


class UnknownType(FhirError):
    status = 404
    default_code = "not-supported"


class MethodNotAllowed(FhirError):
    status = 405
    default_code = "not-supported"


class NotAcceptable(FhirError):
    status = 406
    default_code = "not-supported"


class Conflict(FhirError):
    status = 409
    default_code = "conflict"


class Gone(FhirError):
    status = 410
    default_code = "deleted"


class PreconditionFailed(FhirError):
    status = 412
    default_code = "conflict"


class MultipleMatches(PreconditionFailed):
    default_code = "multiple-matches"


class TooLarge(FhirError):
    status = 413
    default_code = "too-long"


class UriTooLong(FhirError):
    status = 414
    default_code = "too-long"


class UnsupportedMediaType(FhirError):
    status = 415
    default_code = "not-supported"


class Invalid(FhirError):
    status = 422
    default_code = "processing"


class Throttled(FhirError):
    status = 429
    default_code = "throttled"


class HeadersTooLarge(FhirError):
    status = 431
    default_code = "too-long"


class ServerFault(FhirError):
    status = 500
    default_code = "exception"


class Unavailable(FhirError):
    status = 503
    default_code = "transient"


class LockTimeout(Unavailable):
    default_code = "lock-error"


class StoreUnavailable(Unavailable):
    default_code = "no-store"


class StatementTimeout(Unavailable):
    default_code = "timeout"
