"""Submits the content of one file, or a chunk of it, to a target, and says what became of every entry.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec

from fhir_server.cli.loading.report import Refusal, Tally
from fhir_server.cli.loading.sources import Chunk, Source, Unreadable, read_chunks, read_document
from fhir_server.cli.loading.target import WHOLE, Answer, Mark, Target
from fhir_server.cli.loading.units import Unit, of_chunk, of_document, refusals_of
from fhir_server.errors import FhirError, Issue, StoreUnavailable, Unavailable
from fhir_server.formats import json

P = ParamSpec("P")
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](\.resource)?\.?")
# Codes of refusals that may go well later; the second row only where a conditional reference may be the reason.
_WAITING = frozenset({"not-found", "lock-error", "timeout", "transient", "throttled"})
_UNCLEAR = frozenset({"invalid", "processing", "value"})
_PAUSES = (0.2, 1.0, 3.0)  # seconds between tries while the database is busy
_MOST_REFUSALS = 5_000  # that one task may bring home


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work for one worker: a document (chunk None) or a chunk of an NDJSON file.

    digest  of the file; "" lets the worker compute it
    again   True in the second round, for what waited: nothing is counted as found twice
    force   True ignores the journal
    """

    source: Source
    chunk: Chunk | None = None
    digest: str = ""
    again: bool = False
    force: bool = False

    @property
    def number(self) -> int:
        """The number of the chunk, or that of the whole file."""
        return WHOLE if self.chunk is None else self.chunk.number


@dataclass(slots=True)
class Done:
    """What a task did: counts, refusals, whether all of it had been loaded in an earlier run.

    lost  why the target takes nothing any more, "" while it does
    """

    tally: Tally = field(default_factory=Tally)
    refusals: list[Refusal] = field(default_factory=list)
    skipped: bool = False
    lost: str = ""

    @property
    def waits(self) -> bool:
        """Whether something was refused only because its target is not there yet."""
        return any(refusal.waits for refusal in self.refusals)


def perform(target: Target, task: Task) -> Done:
    """Load what `task` names; never raises for what is in a file."""
    done = Done()
    file = str(task.source.path)
    try:
        if task.chunk is not None:
            _load_chunk(target, task, file, task.chunk, done)
        else:
            _load_document(target, task, file, done)
    except Unreadable as error:
        done.refusals.append(Refusal(file, "", 0, "structure", str(error)))
    except OSError as error:
        done.refusals.append(Refusal(file, "", 0, "exception", f"The file cannot be read: {error.strerror}."))
    except StoreUnavailable as error:
        done.lost = str(error)
    except FhirError as error:
        done.refusals.extend(refusals_of(file, "", error))
    del done.refusals[_MOST_REFUSALS:]
    return done


def _load_document(target: Target, task: Task, file: str, done: Done) -> None:
    digest = task.digest or task.source.digest()
    if not task.force and target.left(digest, WHOLE) == ():
        done.skipped = not task.again
        return
    document = json.decode(read_document(task.source), max_depth=target.max_depth)
    complete = True
    for unit in of_document(file, document):
        if isinstance(unit, Refusal):
            done.refusals.append(unit)
            complete = False
        else:
            complete &= _Submission(target, task, digest, file, done).unit(unit)
    if complete:
        target.mark(Mark(digest, WHOLE))


def _load_chunk(target: Target, task: Task, file: str, chunk: Chunk, done: Done) -> None:
    if not task.force and target.left(task.digest, chunk.number) == ():
        done.skipped = not task.again
        return
    for unit in of_chunk(file, chunk, target.max_depth):
        if isinstance(unit, Refusal):
            done.refusals.append(unit)
        else:
            _Submission(target, task, task.digest, file, done).unit(unit)


class _Submission:
    """The submission of a unit and its bookkeeping in `done`."""

    def __init__(self, target: Target, task: Task, digest: str, file: str, done: Done) -> None:
        self._target, self._task, self._digest, self._file, self._done = target, task, digest, file, done

    def unit(self, unit: Unit) -> bool:
        """Store what of `unit` is not stored yet; return whether nothing is left of it."""
        indexes = self._wanted(unit)
        if not self._task.again:
            for index in indexes:
                resource = unit.entries[index].get("resource")
                if isinstance(resource, dict):
                    self._done.tally.found[str(resource.get("resourceType"))] += 1
        if not indexes:
            return True
        part = unit.only(indexes)
        number = WHOLE if unit.atomic else unit.number
        try:
            answers = _patiently(self._target.transaction, part.entries, Mark(self._digest, number, unit.broken))
        except StoreUnavailable:
            raise
        except FhirError as error:
            if unit.atomic or len(indexes) == 1:
                self._refused_together(part, error)
                if not unit.atomic:
                    self._target.mark(Mark(self._digest, number, (*unit.broken, *indexes)))
                return False
            return self._one_by_one(part, indexes)
        self._count(part, answers)
        return True

    def _wanted(self, unit: Unit) -> list[int]:
        """Return the indexes of the entries to submit: those there are, that an earlier run did not store."""
        fresh = unit.atomic or (self._task.force and not self._task.again)
        left = None if fresh else self._target.left(self._digest, unit.number)
        indexes = range(len(unit.entries)) if left is None else left
        return [index for index in indexes if unit.entries[index]]

    def _one_by_one(self, part: Unit, indexes: Sequence[int]) -> bool:
        """Store the good entries of a unit that holds a bad one."""
        answers = _patiently(self._target.batch, part.entries)
        lost = [issue.diagnostics for answer in answers for issue in answer.issues if issue.code == "no-store"]
        if lost:
            raise StoreUnavailable(lost[0])
        self._count(part, answers)
        left = tuple(index for index, answer in zip(indexes, answers, strict=True) if answer.status >= 400)
        self._target.mark(Mark(self._digest, part.number, (*part.broken, *left)))
        return not left

    def _count(self, part: Unit, answers: Sequence[Answer]) -> None:
        tally = self._done.tally
        for entry, place, answer in zip(part.entries, part.places, answers, strict=True):
            resource = entry.get("resource")
            name = str(resource.get("resourceType")) if isinstance(resource, dict) else ""
            if answer.status >= 400:
                for issue in answer.issues:
                    self._refuse(place, answer.status, issue, _inside(issue, entry), [entry])
            elif name and answer.status == 201:
                tally.created[name] += 1
            elif name and entry.get("request", {}).get("method") == "POST":
                tally.present[name] += 1
            elif name:
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
            waits = issue.code in _WAITING or (issue.code in _UNCLEAR and _asks(entries))
            self._done.refusals.append(Refusal(self._file, place, status, issue.code, issue.diagnostics, inside, waits))


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
    resource = entry.get("resource")
    name = resource.get("resourceType") if found[2] and isinstance(resource, dict) else None
    return f"{name}.{rest}".removesuffix(".") if name else rest


def _patiently(send: Callable[P, list[Answer]], *arguments: P.args, **options: P.kwargs) -> list[Answer]:
    """Call `send`, again after a pause when the database is busy."""
    for pause in _PAUSES:
        try:
            return send(*arguments, **options)
        except Unavailable:
            time.sleep(pause)
    return send(*arguments, **options)


def tasks_of(source: Source, *, again: bool = False, force: bool = False) -> Iterator[Task]:
    """Yield the tasks of one file. Raises Unreadable for a damaged NDJSON file, after the tasks before the damage."""
    if source.kind == "document":
        yield Task(source, again=again, force=force)
        return
    digest = source.digest()
    for chunk in read_chunks(source):
        yield Task(source, chunk, digest, again=again, force=force)
