"""What a check is, and what comes out of it.

https://hl7.org/fhir/R4/conformance-rules.html#conflang
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from conformance.claims import Claims
from conformance.exchange import Exchange
from conformance.r4 import SPEC

if TYPE_CHECKING:
    from conformance.target import Target

_MOST_SHOWN = 40  # exchanges of one check in a report

Requirement = Callable[[Claims], str | None]
"""Returns why a check does not apply to what the server claims, or None when it does."""


class Level(Enum):
    """How strongly the specification asks for something."""

    SHALL = "SHALL"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Outcome(Enum):
    """What a check found. Only a SHALL can fail; a broken SHOULD or MAY is a warning."""

    PASS = "pass"  # noqa: S105 (not a password)
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Failed(Exception):
    """The target does not do what the check's title says; the text says what it did."""


class Skipped(Exception):
    """The check cannot be made on this target; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence of the specification, and the function that tries it.

    id        unique in the suite, never reused for another sentence
    title     the sentence
    section   page and anchor below https://hl7.org/fhir/R4/
    level     SHALL | SHOULD | MAY
    run       raises Failed or Skipped; returns when the sentence holds
    needs     requirements on what the server claims, all must hold
    """

    id: str
    title: str
    section: str
    level: Level
    run: Callable[[Target], None]
    needs: tuple[Requirement, ...] = ()

    @property
    def url(self) -> str:
        """Address of the section of the specification."""
        return SPEC + self.section


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that belong together; `name` is what `--only` takes."""

    name: str
    title: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found.

    messages   why it failed, warned or was skipped; empty for a pass
    exchanges  the evidence, in order
    seconds    how long the check took
    """

    group: str
    check: Check
    outcome: Outcome
    messages: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    seconds: float

    @property
    def evidence(self) -> tuple[Exchange, ...]:
        """The exchanges worth showing: all of a few; of many the first, the last, and those without success."""
        if len(self.exchanges) <= _MOST_SHOWN:
            return self.exchanges
        ends = {*range(5), *range(len(self.exchanges) - 5, len(self.exchanges))}
        odd = [n for n, one in enumerate(self.exchanges) if one.status is None or not 200 <= one.status < 300]
        return tuple(self.exchanges[n] for n in sorted(ends | set(odd[: _MOST_SHOWN - 10])))
