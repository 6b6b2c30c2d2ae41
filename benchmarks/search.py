"""Searches through the store, each beside the best SQL a person would write for the same question, in the same run.

https://hl7.org/fhir/R4/search.html

    python -m benchmarks.search FILE... [--repeat N]
    python -m benchmarks.search --database URL

FILE are Synthea transaction bundles; URL is a PostgreSQL that `fhir-server load` has filled with them. Both sides use
one connection, unprepared statements and the same values in turn, and fetch the documents of the page. Printed: median
and p99 of both, and the ratio of the medians. The goal is 2.0 at most. Where FHIR compares periods, the plain SQL is
content with their beginning.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.load import command
from benchmarks.served import databases, machine
from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.access import Access
from fhir_server.storage.database import Database, open_database
from fhir_server.storage.fold import fold
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.projection import Projector
from fhir_server.storage.repository import Store
from fhir_server.storage.schema import build_schema

EVERYONE = Access.unrestricted()
PAGE = 20
GOAL = 2.0
LOINC = "http://loinc.org"
DOCUMENTS = (
    "SELECT r.type, r.id, r.version, r.last_updated, r.key, v.method, v.content FROM ({page}) AS page "
    "JOIN resource r ON r.key = page.key JOIN resource_version v ON v.key = r.key AND v.version = r.version "
)


@dataclass(frozen=True)
class Shape:
    """One question: how it is asked of the store, and the statements a person would write for it.

    values      what differs from one asking to the next
    request     the search for one of them
    statements  (SQL, parameters) for one of them
    """

    name: str
    values: Sequence[Any]
    request: Callable[[Any], SearchRequest]
    statements: Callable[[Any], Iterable[tuple[str, Sequence[Any]]]]
    answers: Callable[[Any], int] = field(default=lambda page: len(page.rows))


def open_store(url: str) -> Store:
    """Return a store over a database that is there."""
    database = open_database(url, statement_timeout=120)
    definitions = load()
    schema = build_schema(mappings_for(definitions), database.dialect)
    return Store(database, schema, Projector(schema, "https://example.org/fhir"), definitions)


def page_of(inner: str, order: str = "") -> str:
    """Return the statement that fetches the documents of the keys that `inner` selects."""
    return DOCUMENTS.format(page=inner) + (f"ORDER BY {order}" if order else "")


def column(database: Database, statement: str, *parameters: Any) -> list[Any]:
    """Return the first column of a statement."""
    return [row[0] for row in database.fetch(statement, parameters)]


def shapes(database: Database, rounds: int) -> list[Shape]:
    """Return the twelve questions with values that are in the database."""
    chance = random.Random(4)

    def some(values: Sequence[Any]) -> list[Any]:
        return [chance.choice(values) for _ in range(rounds)]

    def rows(statement: str) -> list[Any]:
        return list(database.fetch(statement))

    patients = column(
        database, "SELECT id FROM resource WHERE type = 'Patient' AND NOT deleted ORDER BY key LIMIT 1000"
    )
    identifiers = rows("SELECT system, value FROM patient_identifier WHERE system IS NOT NULL ORDER BY key LIMIT 1000")
    families = column(database, "SELECT DISTINCT value FROM patient_name_part WHERE part = 'family' LIMIT 200")
    births = column(database, "SELECT DISTINCT birth_date FROM patient WHERE birth_date IS NOT NULL LIMIT 200")
    codes = column(
        database,
        "SELECT code FROM observation_code WHERE system = %s GROUP BY code HAVING count(*) > 1000".replace(
            "%s", f"'{LOINC}'"
        ),
    )
    visits = rows(
        "SELECT r.id, e.period_start, e.status FROM encounter e JOIN encounter_participant p ON p.key = e.key "
        "JOIN resource r ON r.key = p.individual_key WHERE e.period_start IS NOT NULL ORDER BY e.key LIMIT 1000"
    )
    conditions = column(database, "SELECT code FROM condition_code GROUP BY code HAVING count(*) BETWEEN 20 AND 2000")
    middle = rows(
        "SELECT effective_start, key FROM observation WHERE status = 'final' AND effective_start IS NOT NULL "
        "ORDER BY effective_start DESC, key DESC LIMIT 400 OFFSET 20000"
    )
    own = "(SELECT key FROM resource WHERE type = 'Patient' AND id = %s)"
    starts = [date(chance.randint(2012, 2019), chance.randint(1, 12), 1) for _ in range(200)]
    months = [(chance.choice(codes), start) for start in starts]

    def ends(start: date) -> tuple[str, str]:
        last = (start + timedelta(days=31)).replace(day=1)
        return f"ge{start:%Y-%m-%d}", f"lt{last:%Y-%m-%d}"

    def span(start: date) -> tuple[str, str]:
        last = (start + timedelta(days=31)).replace(day=1)
        return f"{start:%Y-%m-%d}T00:00:00Z", f"{last:%Y-%m-%d}T00:00:00Z"

    return [
        Shape(
            "identifier",
            some(identifiers),
            lambda pair: SearchRequest("Patient", (("identifier", f"{pair[0]}|{pair[1]}"),), count=PAGE),
            lambda pair: [
                (
                    page_of(
                        "SELECT DISTINCT key FROM patient_identifier WHERE value = %s AND system = %s "
                        "ORDER BY key LIMIT 21",
                        "r.key",
                    ),
                    (pair[1], pair[0]),
                )
            ],
        ),
        Shape(
            "name prefix",
            some([name[:4] for name in families]),
            lambda name: SearchRequest("Patient", (("name", name),), count=PAGE),
            lambda name: [
                (
                    page_of(
                        "SELECT DISTINCT key FROM patient_name_part WHERE substr(folded, 1, 200) >= %s "
                        "AND substr(folded, 1, 200) < %s ORDER BY key LIMIT 21",
                        "r.key",
                    ),
                    (fold(name), fold(name)[:-1] + chr(ord(fold(name)[-1]) + 1)),
                )
            ],
        ),
        Shape(
            "birthdate range",
            some(births),
            lambda day: SearchRequest(
                "Patient",
                (("birthdate", f"ge{day:%Y-%m-%d}"), ("birthdate", f"lt{day + timedelta(days=30):%Y-%m-%d}")),
                count=PAGE,
            ),
            lambda day: [
                (
                    page_of(
                        "SELECT key FROM patient WHERE birth_date >= %s AND birth_date < %s "
                        "ORDER BY birth_date DESC, key DESC LIMIT 21"
                    ),
                    (day, day + timedelta(days=30)),
                )
            ],
        ),
        Shape(
            "patient, by date",
            some(patients),
            lambda id_: SearchRequest("Observation", (("patient", f"Patient/{id_}"),), count=PAGE, sort=("-date",)),
            lambda id_: [
                (
                    page_of(
                        f"SELECT key, effective_start FROM observation WHERE subject_key = {own} "
                        "ORDER BY effective_start DESC, key DESC LIMIT 21",
                        "page.effective_start DESC, r.key DESC",
                    ),
                    (id_,),
                )
            ],
        ),
        Shape(
            "code, month",
            some(months),
            lambda pair: SearchRequest(
                "Observation",
                (("code", f"{LOINC}|{pair[0]}"), *(("date", end) for end in ends(pair[1]))),
                count=PAGE,
                sort=("-date",),
            ),
            lambda pair: [
                (
                    page_of(
                        "SELECT c.key, c.main_date FROM observation_code c WHERE c.code = %s AND c.system = %s "
                        "AND c.main_date >= %s AND c.main_date < %s ORDER BY c.main_date DESC, c.key DESC LIMIT 21",
                        "page.main_date DESC, r.key DESC",
                    ),
                    (pair[0], LOINC, *span(pair[1])),
                )
            ],
        ),
        Shape(
            "status, practitioner, day",
            some(visits),
            lambda visit: SearchRequest(
                "Encounter",
                (
                    ("participant", f"Practitioner/{visit[0]}"),
                    ("date", f"{visit[1]:%Y-%m-%d}"),
                    ("status", visit[2]),
                ),
                count=PAGE,
            ),
            lambda visit: [
                (
                    page_of(
                        "SELECT DISTINCT e.key FROM encounter_participant p JOIN encounter e ON e.key = p.key "
                        "WHERE p.individual_key = (SELECT key FROM resource WHERE type = 'Practitioner' AND id = %s) "
                        "AND p.main_date >= %s AND p.main_date < %s AND e.period_end <= %s AND e.status = %s LIMIT 21"
                    ),
                    (
                        visit[0],
                        f"{visit[1]:%Y-%m-%d}T00:00:00Z",
                        f"{visit[1] + timedelta(days=1):%Y-%m-%d}T00:00:00Z",
                        f"{visit[1] + timedelta(days=1):%Y-%m-%d}T00:00:00Z",
                        visit[2],
                    ),
                )
            ],
        ),
        Shape(
            "chain",
            some(families),
            lambda name: SearchRequest("Observation", (("patient.family:exact", name),), count=PAGE, sort=("-date",)),
            lambda name: [
                (
                    page_of(
                        "SELECT key, effective_start FROM observation WHERE subject_key IN (SELECT key FROM "
                        "patient_name_part WHERE substr(folded, 1, 200) = %s AND part = 'family' AND value = %s) "
                        "ORDER BY effective_start DESC, key DESC LIMIT 21",
                        "page.effective_start DESC, r.key DESC",
                    ),
                    (fold(name), name),
                )
            ],
        ),
        Shape(
            "_has",
            some(conditions),
            lambda code: SearchRequest("Patient", (("_has:Condition:patient:code", code),), count=PAGE),
            lambda code: [
                (
                    page_of(
                        "SELECT DISTINCT c.subject_key AS key FROM condition_code t JOIN condition c ON c.key = t.key "
                        "WHERE t.code = %s AND c.subject_type = 'Patient' ORDER BY 1 LIMIT 21",
                        "r.key",
                    ),
                    (code,),
                )
            ],
        ),
        Shape(
            "_include and _revinclude",
            some(patients),
            lambda id_: SearchRequest(
                "Encounter",
                (("patient", f"Patient/{id_}"),),
                count=PAGE,
                sort=("-date",),
                includes=(("_include", "Encounter:participant"), ("_revinclude", "Observation:encounter")),
            ),
            lambda id_: _with_includes(own, id_),
            lambda page: len(page.rows) + len(page.included),
        ),
        Shape(
            "composite",
            [("8302-2", chance.randint(150, 185)) for _ in range(rounds)],
            lambda pair: SearchRequest(
                "Observation", (("code-value-quantity", f"{LOINC}|{pair[0]}$gt{pair[1]}"),), count=PAGE, sort=("-date",)
            ),
            lambda pair: [
                (
                    page_of(
                        "SELECT c.key, c.main_date FROM observation_code c JOIN observation o ON o.key = c.key "
                        "WHERE c.code = %s AND c.system = %s AND o.value_quantity_high > %s "
                        "ORDER BY c.main_date DESC, c.key DESC LIMIT 21",
                        "page.main_date DESC, r.key DESC",
                    ),
                    (pair[0], LOINC, pair[1]),
                )
            ],
        ),
        Shape(
            "_total=accurate",
            some(codes),
            lambda code: SearchRequest("Observation", (("code", f"{LOINC}|{code}"),), count=PAGE, total=True),
            lambda code: [
                (
                    "SELECT count(DISTINCT key) FROM observation_code WHERE code = %s AND system = %s",
                    (code, LOINC),
                ),
                (
                    page_of(
                        "SELECT DISTINCT main_date, key FROM observation_code WHERE code = %s AND system = %s "
                        "ORDER BY main_date DESC, key DESC LIMIT 21"
                    ),
                    (code, LOINC),
                ),
            ],
        ),
        Shape(
            "page 1,000",
            some(middle),
            lambda place: SearchRequest(
                "Observation", (("status", "final"),), count=PAGE, sort=("-date",), cursor=_cursor(place)
            ),
            lambda place: [
                (
                    page_of(
                        "SELECT key, effective_start FROM observation WHERE status = 'final' "
                        "AND (effective_start, key) < (%s, %s) ORDER BY effective_start DESC, key DESC LIMIT 21",
                        "page.effective_start DESC, r.key DESC",
                    ),
                    place,
                )
            ],
        ),
    ]


def _cursor(place: tuple[datetime, int]) -> str:
    from fhir_server.storage.search.plan import Position

    return Position(backward=False, phase=0, values=place, order="-date").cursor()


def _with_includes(own: str, id_: str) -> Iterable[tuple[str, Sequence[Any]]]:
    page = (
        f"SELECT key, period_start FROM encounter WHERE subject_key = {own} "
        "ORDER BY period_start DESC, key DESC LIMIT 21"
    )
    added = (
        f"WITH p AS ({page}) SELECT DISTINCT individual_key AS key FROM encounter_participant "
        "WHERE key IN (SELECT key FROM p) UNION SELECT key FROM observation WHERE encounter_key IN (SELECT key FROM p)"
    )
    return [(page_of(page, "page.period_start DESC, r.key DESC"), (id_,)), (page_of(added, "r.key"), (id_,))]


def measure(store: Store, shape: Shape) -> tuple[list[float], list[float], int]:
    """Return the milliseconds of the store and of the plain SQL for each value, and how many resources were found."""
    ours: list[float] = []
    plain: list[float] = []
    found = 0

    def ask(value: Any) -> None:
        nonlocal found
        request = shape.request(value)
        started = time.perf_counter()
        page = store.search(EVERYONE, request)
        ours.append((time.perf_counter() - started) * 1000)
        found += shape.answers(page)

    def send(value: Any) -> None:
        statements = list(shape.statements(value))
        started = time.perf_counter()
        for statement, parameters in statements:
            store.database.read(lambda session, s=statement, p=parameters: session.run(s, p))  # type: ignore[misc]
        plain.append((time.perf_counter() - started) * 1000)

    for number, value in enumerate(shape.values):
        for step in (ask, send) if number % 2 else (send, ask):
            step(value)
    return ours, plain, found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of `values` lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def skewed(database: Database) -> list[tuple[str, str, str, str, int]]:
    """Return (parameter, value, system, code, rows): codes and categories of many, about 1,000 and about 10 rows."""
    found = []
    for parameter, table in (("category", "observation_category"), ("code", "observation_code")):
        counts = list(database.fetch(f"SELECT system, code, count(*) FROM {table} GROUP BY 1, 2 ORDER BY 3 DESC"))
        for size in (300_000, 1_000, 10):
            system, code, rows = min(counts, key=lambda row: abs(row[2] - size))
            if (parameter, code) not in {each[::3] for each in found}:
                found.append((parameter, f"{system}|{code}", system, code, rows))
    return found


def measure_skew(store: Store) -> None:
    """Print how long a search for common and rare codes takes the first and the tenth time on a new connection."""
    print(f"\n{'search, by date, on a new connection':<40}{'rows':>9}{'first':>9}{'tenth':>9}   goal: each below 5 ms")
    for parameter, whole, _, code, rows in skewed(store.database):
        for value in (whole, code):
            for sort in ((), ("-date",), ("date",)):
                request = SearchRequest("Observation", ((parameter, value),), count=PAGE, sort=sort)
                store.search(EVERYONE, request)  # the process knows the statement; the connection does not
                store.database.close()
                store.database.ping()
                times = []
                for _ in range(10):
                    started = time.perf_counter()
                    store.search(EVERYONE, request)
                    times.append((time.perf_counter() - started) * 1000)
                name = f"{parameter}={'system|' if value == whole else ''}code {' '.join(sort)}"
                print(f"{name:<40}{rows:>9,}{times[0]:>9.2f}{times[9]:>9.2f}", flush=True)


def main(url: str, rounds: int = 100) -> None:
    """Print one line for each question."""
    store = open_store(url)
    count = store.database.fetch("SELECT count(*) FROM resource")[0][0]
    print(f"{machine()}; {count:,} resources; {rounds} askings each, milliseconds")
    print(f"{'question':<28}{'found':>7}{'store':>9}{'p99':>9}{'SQL':>9}{'p99':>9}{'ratio':>8}")
    for shape in shapes(store.database, rounds):
        measure(store, Shape(shape.name, shape.values[:5], shape.request, shape.statements, shape.answers))
        ours, plain, found = measure(store, shape)
        ratio = statistics.median(ours) / statistics.median(plain)
        print(
            f"{shape.name:<28}{found / len(ours):>7.1f}{statistics.median(ours):>9.2f}{percentile(ours, 0.99):>9.2f}"
            f"{statistics.median(plain):>9.2f}{percentile(plain, 0.99):>9.2f}{ratio:>8.2f}"
            + ("" if ratio <= GOAL else "  above the goal"),
            flush=True,
        )
    measure_skew(store)


def filled(files: list[Path], repeat: int, rounds: int) -> None:
    """Load `files` into a PostgreSQL of its own, the patients among them `repeat` times, and measure there."""
    patients = [str(file) for file in files if "Information" not in file.name]
    with databases() as urls:
        url = urls["postgresql"]
        command("migrate", database=url)
        for number in range(repeat):
            chosen = patients if number else [str(file) for file in files]
            command("load", *chosen, "--workers", "2", "--again", database=url)
        store = open_store(url)
        store.database.fetch("VACUUM ANALYZE")
        store.database.close()
        main(url, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="Synthea bundles to load into a database of its own")
    parser.add_argument("--repeat", type=int, default=21, help="how often the patients are loaded: 21 make 1,028,000")
    parser.add_argument("--database", help="measure this database instead")
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.database:
        main(arguments.database, arguments.rounds)
    else:
        filled(arguments.files, arguments.repeat, arguments.rounds)
