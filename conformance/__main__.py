"""Command line: `python -m conformance --url https://server.example/fhir --report out`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from conformance.checks import GROUPS
from conformance.runner import EXIT_PASS, EXIT_UNUSABLE, Limits, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="conformance", description="Test any FHIR R4 (4.0.1) server over HTTP.")
    parser.add_argument("--url", help="service base URL, for example https://server.example/fhir")
    parser.add_argument("--token", default=os.environ.get("FHIR_TOKEN"), help="bearer token (default: $FHIR_TOKEN)")
    parser.add_argument("--report", metavar="DIR", help="folder for index.html, junit.xml and testreport.json")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a group or a check; may repeat")
    parser.add_argument("--list", action="store_true", help="list groups and checks, and end")
    parser.add_argument("--timeout", type=float, default=defaults.answer, help="seconds to wait for an answer")
    parser.add_argument("--limit", type=float, default=defaults.run, help="seconds that all checks may take")
    options = parser.parse_args(arguments)
    if options.list:
        sys.stdout.write(listing())
        return EXIT_PASS
    if not options.url:
        parser.print_usage(sys.stderr)
        sys.stderr.write("conformance: --url is required\n")
        return EXIT_UNUSABLE
    signal.signal(signal.SIGTERM, _interrupt)
    limits = Limits(answer=options.timeout, run=options.limit)
    return run(url=options.url, token=options.token, report=options.report, only=options.only, limits=limits)


def listing() -> str:
    """Return a line for each group and each check."""
    lines = []
    for group in GROUPS:
        lines.append(f"{group.name}: {group.title}")
        lines += [f"  {check.level.value:6} {check.id:34} {check.title}" for check in group.checks]
    return "\n".join([*lines, ""])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Take an order to stop as Ctrl-C, so that the target is cleaned up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
