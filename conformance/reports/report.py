"""Everything a run found, as plain data for every form of report.

https://hl7.org/fhir/R4/testreport.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from conformance.check import Outcome, Result
from conformance.claims import Claims
from conformance.cleanup import Leftover


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run.

    url          the service base URL
    claims       what the server said of itself
    run_id       the UUID that marks what the run made
    started, finished   UTC
    results      in the order of the suite
    leftovers    what could not be removed from the target
    interrupted  whether the run was stopped before its end
    """

    url: str
    claims: Claims
    run_id: str
    started: datetime
    finished: datetime
    results: tuple[Result, ...]
    leftovers: tuple[Leftover, ...]
    interrupted: bool = False

    def count(self, outcome: Outcome) -> int:
        """Return how many checks had that outcome."""
        return sum(result.outcome is outcome for result in self.results)

    def groups(self) -> Iterator[tuple[str, list[Result]]]:
        """Yield each group's name with its results."""
        for name, results in groupby(self.results, key=lambda result: result.group):
            yield name, list(results)

    @property
    def server(self) -> str:
        """Name and version of the server's software, as it gives them, or ""."""
        software = self.claims.statement.get("software")
        if not isinstance(software, Mapping):
            return ""
        return " ".join(str(software[key]) for key in ("name", "version") if software.get(key))

    @property
    def summary(self) -> str:
        """One line with the counts."""
        counts = (
            ("passed", Outcome.PASS),
            ("failed", Outcome.FAIL),
            ("warnings", Outcome.WARN),
            ("skipped", Outcome.SKIP),
        )
        return ", ".join(f"{self.count(outcome)} {word}" for word, outcome in counts)
