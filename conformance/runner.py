"""Runs the checks against a target, cleans up, and writes the reports.

https://hl7.org/fhir/R4/testing.html
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from conformance.check import Check, Failed, Group, Level, Outcome, Result, Skipped
from conformance.checks import GROUPS
from conformance.claims import Claims
from conformance.cleanup import clean
from conformance.client import BadUrl, Base, Client, Elsewhere, NoAnswer, OutOfTime
from conformance.json_content import NotJson, decode
from conformance.ledger import Run
from conformance.r4 import JSON
from conformance.reports import Report, console, write
from conformance.target import Target

EXIT_PASS, EXIT_FAIL, EXIT_UNUSABLE, EXIT_INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds.

    answer   without a byte of an answer
    run      all checks together; those not reached are skipped
    index    until a search finds what was just written: an index may lag
    cleanup  removing what was made
    """

    answer: float = 30.0
    run: float = 900.0
    index: float = 5.0
    cleanup: float = 180.0


def run(
    *,
    url: str,
    token: str | None = None,
    report: Path | str | None = None,
    only: Sequence[str] = (),
    out: TextIO | None = None,
    limits: Limits | None = None,
) -> int:
    """Test a FHIR R4 server and return the exit code: 0 when no SHALL check failed.

    url     service base URL
    token   bearer token sent with every request; masked in all reports
    report  folder for junit.xml, index.html and testreport.json; None writes none
    only    names of groups or ids of checks; empty for all
    out     where the console report goes; standard output when None

    Other exit codes: 1 a SHALL check failed; 2 the URL, a name in `only` or the server is unusable; 130 interrupted.
    """
    out = out or sys.stdout
    limits = limits or Limits()
    try:
        base = Base.parse(url)
        chosen = select(only)
    except (BadUrl, LookupError) as error:
        out.write(f"{error.args[0]}\n")
        return EXIT_UNUSABLE
    client = Client(base, token or None, timeout=limits.answer, deadline=time.monotonic() + limits.run)
    try:
        claims = read_claims(client)
    except NoAnswer as error:
        out.write(f"{base} cannot be tested: {error}\n")
        return EXIT_UNUSABLE
    target = Target(client, claims or Claims.read({}), Run.new(), index_wait=limits.index)
    started = datetime.now(UTC)
    results: list[Result] = []
    interrupted = False
    console.opening(out, str(base), target)
    try:
        for result in run_checks(target, chosen, has_claims=claims is not None):
            results.append(result)
            console.line(out, result)
    except KeyboardInterrupt:
        interrupted = True
        out.write("\ninterrupted; removing what was made\n")
    removed, left = clean(target, seconds=limits.cleanup)
    client.close()
    done = Report(
        str(base), target.claims, target.run.id, started, datetime.now(UTC), tuple(results), tuple(left), interrupted
    )
    console.closing(out, done, removed)
    if report is not None:
        write(done, Path(report))
        out.write(f"reports: {Path(report) / 'index.html'}, junit.xml, testreport.json\n")
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAIL if done.count(Outcome.FAIL) else EXIT_PASS


def select(only: Sequence[str]) -> tuple[Group, ...]:
    """Return the groups with the checks that `only` names; raises LookupError for a name that is none."""
    if not only:
        return GROUPS
    known = {group.name for group in GROUPS} | {check.id for group in GROUPS for check in group.checks}
    if unknown := [name for name in only if name not in known]:
        names = ", ".join(group.name for group in GROUPS)
        raise LookupError(f"{', '.join(unknown)}: no such group or check. Groups: {names}")
    picked = (
        Group(g.name, g.title, g.checks if g.name in only else tuple(c for c in g.checks if c.id in only))
        for g in GROUPS
    )
    return tuple(group for group in picked if group.checks)


def read_claims(client: Client) -> Claims | None:
    """Read the CapabilityStatement; None when the answer is none. Raises NoAnswer."""
    response = client.send("GET", "metadata", (("Accept", JSON),))
    try:
        statement = decode(response.body)
    except NotJson:
        return None
    if response.status != 200 or not isinstance(statement, dict):
        return None
    return Claims.read(statement) if statement.get("resourceType") == "CapabilityStatement" else None


def run_checks(target: Target, groups: Sequence[Group], *, has_claims: bool) -> Iterator[Result]:
    """Run checks one after the other, each on its own: what one finds does not stop the next."""
    for group in groups:
        for check in group.checks:
            reason = None
            if check.needs:
                if not has_claims:
                    reason = "no CapabilityStatement could be read, so what the server claims is not known"
                else:
                    reason = next((why for need in check.needs if (why := need(target.claims))), None)
            yield _skipped(group, check, reason) if reason else _run(target, group, check)


def _run(target: Target, group: Group, check: Check) -> Result:
    target.notes = []
    first = len(target.client.exchanges)
    started = time.monotonic()
    outcome = Outcome.PASS
    messages: tuple[str, ...] = ()
    try:
        check.run(target)
    except Skipped as error:
        outcome, messages = Outcome.SKIP, (str(error),)
    except Elsewhere as error:
        outcome, messages = Outcome.SKIP, (f"{error}; it is not followed",)
    except OutOfTime:
        outcome, messages = Outcome.SKIP, ("the time for the whole run is used up",)
    except (Failed, NoAnswer) as error:
        outcome, messages = _broken(check), (str(error),)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        place = f"{type(error).__name__}: {error}"
        outcome, messages = (
            _broken(check),
            (f"an answer is not shaped as FHIR says, the check could not go on ({place})",),
        )
    if target.notes and outcome in (Outcome.PASS, Outcome.FAIL, Outcome.WARN):
        outcome = Outcome.WARN if outcome is Outcome.PASS else outcome
        messages = (*messages, *target.notes)
    exchanges = tuple(target.client.exchanges[first:])
    return Result(group.name, check, outcome, messages, exchanges, time.monotonic() - started)


def _broken(check: Check) -> Outcome:
    return Outcome.FAIL if check.level is Level.SHALL else Outcome.WARN


def _skipped(group: Group, check: Check, reason: str) -> Result:
    return Result(group.name, check, Outcome.SKIP, (reason,), (), 0.0)
