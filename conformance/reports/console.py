"""The report as lines on a terminal: one for each check as it ends, a summary at the end."""

from __future__ import annotations

from typing import TextIO

from conformance.check import Outcome, Result
from conformance.reports.report import Report
from conformance.target import Target

_SIGNS = {Outcome.PASS: "pass", Outcome.WARN: "WARN", Outcome.FAIL: "FAIL", Outcome.SKIP: "skip"}
_LEFTOVERS_SHOWN = 50


def opening(out: TextIO, url: str, target: Target) -> None:
    """Say what is tested."""
    out.write(f"FHIR R4 conformance of {url}\n")
    out.write(f"run {target.run.id}; most checks use {target.type}\n")
    out.flush()


def line(out: TextIO, result: Result) -> None:
    """Say what one check found."""
    check = result.check
    out.write(f"{_SIGNS[result.outcome]}  {check.level.value:6} {check.id:34} {check.title}\n")
    if result.outcome is not Outcome.PASS:
        for message in result.messages:
            out.write(f"      {message}\n")
    if result.outcome in (Outcome.FAIL, Outcome.WARN):
        out.write(f"      {check.url}\n")
    out.flush()


def closing(out: TextIO, report: Report, removed: int) -> None:
    """Say how it ended and what is left on the target."""
    seconds = (report.finished - report.started).total_seconds()
    out.write(f"\n{report.summary} in {seconds:.1f} s\n")
    if not report.leftovers:
        out.write(f"cleaned up: {removed} resources removed, nothing left\n")
        return
    out.write(f"cleaned up: {removed} resources removed, {len(report.leftovers)} could NOT be removed:\n")
    for leftover in report.leftovers[:_LEFTOVERS_SHOWN]:
        out.write(f"      {leftover}\n")
    if len(report.leftovers) > _LEFTOVERS_SHOWN:
        out.write(f"      ... and {len(report.leftovers) - _LEFTOVERS_SHOWN} more\n")
