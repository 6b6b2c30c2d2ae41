"""Runs many generated searches against a database and the oracle, and prints what they disagree on.

    python -m tests.search.oracle_run --pairs 20000 --database sqlite

`--database postgresql` takes the server of FHIR_TEST_POSTGRES_URL, or starts one. `--seed` draws other searches.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests import conftest
from tests.search.agreement import Court, Disagreement
from tests.search.queries import FEATURES, searches
from tests.search.resources import resource_sets
from tests.stores import Clock, Templates, open_store

PER_SET = 40


@contextmanager
def court(database: str) -> Iterator[Court]:
    """Give a court over an empty database, "sqlite" or "postgresql"."""
    server: Any = None
    if database == "postgresql" and not os.environ.get("FHIR_TEST_POSTGRES_URL"):
        server, _ = conftest._start_server()
        os.environ["FHIR_TEST_POSTGRES_URL"] = server.get_uri()
    admin = os.environ.get("FHIR_TEST_POSTGRES_URL", "").replace("postgresql+psycopg://", "postgresql://")
    with tempfile.TemporaryDirectory() as name:
        templates, clock = Templates(admin, Path(name)), Clock()
        store = open_store(templates.copy(database, Path(name)), clock=clock, referential_integrity="relaxed")
        try:
            yield Court(store, clock)
        finally:
            store.database.close()
            templates.close()
            if server is not None:
                server.cleanup()


class Tally:
    """Counts pairs and collects disagreements."""

    def __init__(self, judge: Court, allowed: frozenset[str]) -> None:
        self.judge = judge
        self.allowed = allowed
        self.pairs = 0
        self.telling = 0
        self.used: Counter[str] = Counter()
        self.found: list[Disagreement] = []

    def example(self, data: st.DataObject) -> None:
        """Judge one set of resources with PER_SET searches."""
        resources = data.draw(resource_sets())
        asked = data.draw(searches(resources, PER_SET, self.allowed))
        self.judge.fill(resources)
        before = self.judge.telling
        self.found += self.judge.differences(asked)
        self.telling += self.judge.telling - before
        self.pairs += len(asked)
        for search in asked:
            self.used.update(search.features)


def run(judge: Court, pairs: int, number: int, allowed: frozenset[str] = FEATURES) -> Tally:
    """Judge `pairs` searches, drawn by a seed."""
    tally = Tally(judge, allowed)
    given_data: Any = given(st.data())(tally.example)
    limits = settings(
        max_examples=-(-pairs // PER_SET),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(limits(given_data))()
    return tally


def main() -> int:
    """Run, print, and return 1 where there is a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", nargs="*", default=[], help=f"features left out, of {', '.join(sorted(FEATURES))}")
    parser.add_argument("--show", type=int, default=5, help="disagreements shown, each of another kind")
    options = parser.parse_args()
    with court(options.database) as judge:
        start = time.monotonic()
        tally = run(judge, options.pairs, options.seed, FEATURES - frozenset(options.without))
        spent = time.monotonic() - start
        lines = [f"{tally.pairs} pairs on {options.database} in {spent:.0f} s: {len(tally.found)} disagreements"]
        lines.append(f"{tally.telling} searches matched some resources of their type and not others")
        lines.append("asked: " + ", ".join(f"{name} {count}" for name, count in tally.used.most_common()))
        lines += [f"{count} x {kind}" for kind, count in Counter(map(_kind, tally.found)).most_common()]
        kinds = {_kind(each): each for each in tally.found}
        lines += [f"\n{judge.smallest(each)}" for each in list(kinds.values())[: options.show]]
        sys.stdout.write("\n".join(lines) + "\n")
    return bool(tally.found)


def _kind(found: Disagreement) -> str:
    return (
        found.difference[:60]
        if found.difference.startswith(("refused", "broke"))
        else " ".join(sorted(found.search.features))
    )


if __name__ == "__main__":
    sys.exit(main())
