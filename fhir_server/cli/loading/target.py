"""Where a load goes to: the write pipeline of this process or a server, and what both answer.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fhir_server.errors import Conflict, Issue, StoreUnavailable

WHOLE = -1  # the unit that stands for all units of a file


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one entry: HTTP status, issues when it was refused."""

    status: int
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the journal: unit `unit` of the file with this digest is stored, but for the entries in `left`.

    once  refuse to store the unit when the journal has this very line already
    """

    digest: str
    unit: int
    left: tuple[int, ...] = ()
    once: bool = False


class AlreadyStored(Conflict):
    """The journal has the line that a transaction was to write: someone stored the same unit meanwhile."""


class InDoubt(StoreUnavailable):
    """The target broke off before it answered: it may or may not have stored what it got."""


class OpenTarget(Hashable, Protocol):
    """Knows how to open a target; travels to the worker processes."""

    def prepare(self) -> None:
        """Make sure once, before any worker opens it, that the target can be loaded. Raises click.ClickException."""

    def warm(self) -> None:
        """Do what takes time and can be done before the target is prepared."""

    def __call__(self) -> Target:
        """Open the target for this process."""


class Target(Protocol):
    """Takes entries and remembers, in a journal, what was taken."""

    max_depth: int

    def left(self, digest: str, unit: int) -> tuple[int, ...] | None:
        """Return the indexes of a unit's entries that are not stored yet; None when the unit was never submitted."""

    def mark(self, mark: Mark) -> None:
        """Write a line of the journal, in place of an older one for the same unit."""

    def transaction(self, entries: Sequence[dict[str, Any]], mark: Mark) -> list[Answer]:
        """Store all entries or none, and `mark` with them.

        Raises the FhirError that refuses them, AlreadyStored, InDoubt.
        """

    def batch(self, entries: Sequence[dict[str, Any]]) -> list[Answer]:
        """Store the entries one by one; each has its own answer. Raises FhirError when the batch itself is refused."""

    def close(self) -> None:
        """Give connections back."""


def answers_of(bundle: Any, count: int) -> list[Answer]:
    """Return the answers that a transaction-response or batch-response carries for `count` entries."""
    entries = bundle.get("entry", []) if isinstance(bundle, dict) else []
    answers = []
    for entry in entries:
        response = entry.get("response", {})
        status = int(str(response.get("status", "500"))[:3])
        answers.append(Answer(status, issues_of(response.get("outcome") or entry.get("resource"), status)))
    missing = Answer(500, (Issue("error", "exception", "The answer of the server has no entry for this one."),))
    return answers + [missing] * (count - len(answers))


def issues_of(outcome: Any, status: int) -> tuple[Issue, ...]:
    """Return the issues of an OperationOutcome, and one made from `status` when a refusal carries none."""
    if status < 400:
        return ()
    found = []
    if isinstance(outcome, dict) and outcome.get("resourceType") == "OperationOutcome":
        for issue in outcome.get("issue", []):
            places = issue.get("expression") or [""]
            text = issue.get("diagnostics") or issue.get("details", {}).get("text") or "No reason was given."
            found.append(Issue(issue.get("severity", "error"), issue.get("code", "processing"), text, places[0]))
    return tuple(found) or (Issue("error", "processing", f"The server answered {status} without a reason."),)
