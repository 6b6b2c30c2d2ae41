"""Runs checks against a small server and returns what each found."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

from conformance import Limits, run
from conformance.check import Outcome, Result
from conformance.client import Base, Client
from conformance.ledger import Run
from conformance.runner import read_claims, run_checks, select
from conformance.target import Target
from tests.conformance.small_http import serving
from tests.conformance.small_server import SmallServer

FAST = Limits(answer=5.0, run=120.0, index=0.0, cleanup=30.0)


def results(server: SmallServer, only: Sequence[str] = (), *, token: str | None = None) -> dict[str, Result]:
    """Run checks without cleaning up; return what each found, by its id."""
    with serving(server) as url:
        client = Client(Base.parse(url), token, timeout=5.0, deadline=time.monotonic() + 120.0)
        try:
            claims = read_claims(client)
            assert claims is not None
            target = Target(client, claims, Run.new(), index_wait=0.0)
            return {result.check.id: result for result in run_checks(target, select(only), has_claims=True)}
        finally:
            client.close()


def whole_run(
    server: SmallServer, *, only: Sequence[str] = (), report: Path | None = None, limits: Limits = FAST
) -> tuple[int, str]:
    """Run the suite as its command does; return the exit code and what it printed."""
    out = io.StringIO()
    with serving(server) as url:
        code = run(url=url, only=only, report=report, out=out, limits=limits)
    return code, out.getvalue()


def broken(found: dict[str, Result]) -> dict[str, tuple[str, ...]]:
    """Return the messages of the checks that failed or warned."""
    return {name: one.messages for name, one in found.items() if one.outcome in (Outcome.FAIL, Outcome.WARN)}
