"""Brings the units of one task to the target, and notes what became of every entry.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fhir_server.cli.loading.report import Refusal
from fhir_server.cli.loading.target import WHOLE, AlreadyStored, Answer, InDoubt, Mark, Target
from fhir_server.cli.loading.tasks import Done, Task
from fhir_server.cli.loading.units import Unit
from fhir_server.errors import FhirError, Issue, StoreUnavailable, Unavailable

_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](\.resource)?\.?")
# Codes of refusals that may go well later; the second row only where a conditional reference may be the reason.
_WAITING = frozenset({"not-found", "lock-error", "timeout", "transient", "throttled"})
_UNCLEAR = frozenset({"invalid", "processing", "value"})
_PAUSES = (0.2, 1.0, 3.0)  # seconds between tries while the target is busy


class Delivery:
    """The delivery of the units of `task`, whose file has this digest; counts and refusals go into `done`."""

    def __init__(self, target: Target, task: Task, digest: str, done: Done) -> None:
        self._target, self._task, self._digest, self._done = target, task, digest, done

    def deliver(self, unit: Unit) -> bool:
        """Store what of `unit` is not stored yet; return whether nothing is left of it. Raises StoreUnavailable."""
        indexes = self._wanted(unit)
        if not self._task.again:
            self._done.tally.found.update(filter(None, (_type_of(unit.entries[index]) for index in indexes)))
        if not indexes:
            return True
        part = unit.only(indexes)
        try:
            answers = self._stored_together(part)
        except StoreUnavailable:
            raise
        except FhirError as error:
            if unit.atomic or len(indexes) == 1:
                self._refused_together(part, error)
                if not unit.atomic:
                    self._target.mark(Mark(self._digest, unit.number, (*unit.broken, *indexes)))
                return False
            return self._one_by_one(part, indexes)
        self._count(part, answers)
        return True

    def _wanted(self, unit: Unit) -> list[int]:
        """Return the indexes of the entries to store: those there are, that an earlier run did not store."""
        fresh = unit.atomic or (self._task.force and not self._task.again)
        left = None if fresh else self._target.left(self._digest, unit.number)
        indexes = range(len(unit.entries)) if left is None else left
        return [index for index in indexes if unit.entries[index]]

    def _stored_together(self, part: Unit) -> list[Answer]:
        """Store all of `part` in one transaction; try again after a pause while the target is busy."""
        number = WHOLE if part.atomic else part.number
        mark = Mark(self._digest, number, part.broken, once=not self._task.force)
        for pause in (*_PAUSES, None):
            try:
                return self._target.transaction(part.entries, mark)
            except AlreadyStored:
                return [Answer(200)] * len(part.entries)
            except InDoubt:
                raise
            except Unavailable:
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _one_by_one(self, part: Unit, indexes: Sequence[int]) -> bool:
        """Store the good entries of a unit that holds a bad one. Raises StoreUnavailable."""
        answers = self._target.batch(part.entries)
        left = tuple(index for index, answer in zip(indexes, answers, strict=True) if answer.status >= 400)
        mark = Mark(self._digest, part.number, (*part.broken, *left))
        lost = [issue.diagnostics for answer in answers for issue in answer.issues if issue.code == "no-store"]
        if lost:
            with suppress(StoreUnavailable):
                self._target.mark(mark)
            raise StoreUnavailable(lost[0])
        self._count(part, answers)
        self._target.mark(mark)
        return not left

    def _count(self, part: Unit, answers: Sequence[Answer]) -> None:
        tally = self._done.tally
        for entry, place, answer in zip(part.entries, part.places, answers, strict=True):
            name = _type_of(entry)
            if answer.status >= 400:
                for issue in answer.issues:
                    self._refuse(place, answer.status, issue, _inside(issue, entry), [entry])
            elif not name:
                continue
            elif answer.status == 201:
                tally.created[name] += 1
            elif entry.get("request", {}).get("method") == "POST":
                tally.present[name] += 1
            else:
                tally.updated[name] += 1

    def _refused_together(self, part: Unit, error: FhirError) -> None:
        """Turn the issues of a refused transaction into refusals that name the entry's place in the file."""
        for issue in error.all_issues():
            found = _ENTRY.match(issue.expression)
            index = int(found[1]) if found else 0
            known = index < len(part.places) and (found or len(part.places) == 1)
            place = part.places[index] if known else ""
            inside = _inside(issue, part.entries[index]) if known else issue.expression
            self._refuse(place, error.status, issue, inside, part.entries)

    def _refuse(self, place: str, status: int, issue: Issue, inside: str, entries: Sequence[Any]) -> None:
        if issue.severity in ("error", "fatal"):
            file = str(self._task.source.path)
            waits = issue.code in _WAITING or (issue.code in _UNCLEAR and _asks(entries))
            self._done.refusals.append(Refusal(file, place, status, issue.code, issue.diagnostics, inside, waits))


def _type_of(entry: Mapping[str, Any]) -> str:
    """Return the type of the resource in an entry; "" where it only asks or deletes."""
    resource = entry.get("resource")
    return str(resource.get("resourceType")) if isinstance(resource, dict) else ""


def _asks(value: Any) -> bool:
    """Tell whether a conditional reference ("Practitioner?identifier=...") stands anywhere in `value`."""
    if isinstance(value, dict):
        reference = value.get("reference")
        return (isinstance(reference, str) and "?" in reference) or any(map(_asks, value.values()))
    return isinstance(value, list) and any(map(_asks, value))


def _inside(issue: Issue, entry: Mapping[str, Any]) -> str:
    """Return the place of an issue as seen from the resource in `entry`: "Patient.gender"."""
    found = _ENTRY.match(issue.expression)
    if not found:
        return issue.expression
    rest = issue.expression[found.end() :]
    return f"{_type_of(entry)}.{rest}".strip(".") if found[2] else rest
