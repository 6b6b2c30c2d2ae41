"""Read by id against a bare WSGI view that runs the same single SELECT in the same server process.

https://hl7.org/fhir/R4/http.html#read

    python -m benchmarks.read

One granian serves both: `/bare/<id>` is the bare view (psycopg connection per thread, autocommit, prepared), `/fhir` is
this server as it ships, --auth none. The two are measured in turn, several times; the ratio is of the medians.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.served import databases, granian, machine
from benchmarks.wire import Result, drive, get

COUNT = 2_000
ROUNDS = 5
SECONDS = 3.0
GOAL = 0.75


def observation(number: int) -> dict[str, Any]:
    """Return a resource of about the size that is read most: 0.8 kB."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body Height"}],
            "text": "Height",
        },
        "effectiveDateTime": "2020-05-04T10:00:00+02:00",
        "issued": "2020-05-04T10:00:00.123+02:00",
        "valueQuantity": {
            "value": 170 + number % 30,
            "unit": "cm",
            "system": "http://unitsofmeasure.org",
            "code": "cm",
        },
        "note": [{"text": "measured standing, without shoes " * 4}],
    }


def application() -> Callable[..., Iterable[bytes]]:
    """WSGI factory for the server under test: the bare view beside the FHIR application."""
    from fhir_server.app import create_app
    from fhir_server.settings import read

    app = create_app(read(os.environ))
    bare = _sqlite_view() if os.environ["FHIR_DATABASE"].startswith("sqlite") else _postgres_view()

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith("/bare/"):
            return app.wsgi_app(environ, start_response)
        body = bare("Observation", path[6:]).encode()
        headers = [("Content-Type", "application/fhir+json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return wsgi


def _postgres_view() -> Callable[[str, str], str]:
    import psycopg

    from fhir_server.storage.dialects import commands_for

    statement = commands_for("postgresql").read
    url = os.environ["FHIR_DATABASE"].replace("postgresql+psycopg://", "postgresql://")
    local = threading.local()

    def fetch(type_: str, id_: str) -> str:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        row = connection.execute(statement, (type_, id_)).fetchone()
        return str(row[4])

    return fetch


def _sqlite_view() -> Callable[[str, str], str]:
    import sqlite3

    from fhir_server.storage.dialects import commands_for

    statement = commands_for("sqlite").read
    path = os.environ["FHIR_DATABASE"].removeprefix("sqlite:///")
    local = threading.local()

    def fetch(type_: str, id_: str) -> str:
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = local.connection = sqlite3.connect(path, isolation_level=None)
        row = connection.execute(statement, (type_, id_)).fetchone()
        return str(row[4])

    return fetch


def fill(url: str) -> None:
    """Put COUNT observations into the empty database at `url`."""
    from fhir_server.app import create_server
    from fhir_server.settings import Settings
    from fhir_server.storage.access import Access
    from fhir_server.storage.migrations import migrate
    from fhir_server.storage.model import Write

    server = create_server(Settings(database=url))
    migrate(server.database, server.schema)
    access = Access.unrestricted()
    writes = [Write("create", "Observation", f"o{n}", observation(n), None, "") for n in range(COUNT)]
    server.endpoint.store.write(access, lambda unit: unit.persist(writes))
    server.database.close()


def measure(url: str, name: str) -> float:
    """Print what reading from the database at `url` costs; return the ratio of our rate to the bare view's."""
    fill(url)
    with granian("benchmarks.read:application", {"FHIR_DATABASE": url, "FHIR_ACCESS_LOG": "false"}) as port:
        ours = [get(f"/fhir/Observation/o{n}", port, "Accept: application/fhir+json") for n in range(COUNT)]
        bare = [get(f"/bare/o{n}", port, "Accept: application/fhir+json") for n in range(COUNT)]
        drive(port, ours, seconds=1.0)
        drive(port, bare, seconds=1.0)
        seen: dict[str, list[Result]] = {"ours": [], "bare": []}
        for round_ in range(ROUNDS):
            order = ("ours", "bare") if round_ % 2 else ("bare", "ours")
            for which in order:
                seen[which].append(drive(port, ours if which == "ours" else bare, seconds=SECONDS, seed=round_))
    rates = {which: statistics.median(result.rate for result in results) for which, results in seen.items()}
    errors = sum(result.errors for results in seen.values() for result in results)
    ratio = statistics.median(a.rate / b.rate for a, b in zip(seen["ours"], seen["bare"], strict=True))
    p50 = {which: statistics.median(result.percentile(0.5) for result in results) for which, results in seen.items()}
    print(
        f"{name:<11} bare view {rates['bare']:>7,.0f}/s (p50 {p50['bare']:.2f} ms)   read {rates['ours']:>7,.0f}/s",
        end="",
    )
    print(f" (p50 {p50['ours']:.2f} ms)   ratio {ratio:.2f}   goal {GOAL} on postgresql   errors {errors}")
    return ratio


def main() -> None:
    """Measure both databases and print one line each."""
    print(f"read by id, 8 connections, {ROUNDS} rounds of {SECONDS:.0f} s each in turn")
    print(json.dumps({"machine": machine()}))
    with databases() as urls:
        for name, url in urls.items():
            measure(url, name)


if __name__ == "__main__":
    main()
