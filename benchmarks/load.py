"""Load rate with everything on, as a fraction of bare COPY (executemany) of the same rows; peak memory.

https://hl7.org/fhir/R4/http.html#transaction

    python -m benchmarks.load FILE... [--repeat N]

FILE are Synthea transaction bundles (hospital and practitioner files first), unpacked before the clock starts: bunzip2
alone takes 80 us a resource. `fhir-server load` takes them with
validation, reference checks, projection, history and one commit a bundle. Then every row that is in the database is
written again into an empty one with the same tables and indexes, in as many commits, by COPY (PostgreSQL) or
executemany (SQLite) alone, by as many processes: the baseline. With --repeat N the patient files are taken N times; the
rate of each round is printed and should not fall.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import multiprocessing
import os
import resource as limits
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.served import databases, machine

WORKERS = 2
GOALS = {"postgresql": 5_000, "sqlite": 4_000}
FRACTION = 0.4
Slice = dict[str, list[tuple[Any, ...]]]


def command(*words: str, database: str) -> None:
    """Run `fhir-server WORDS` on a database in a process of its own."""
    environment = os.environ | {"FHIR_DATABASE": database}
    subprocess.run(
        [sys.executable, "-m", "fhir_server.cli", *words], env=environment, check=True, stdout=subprocess.DEVNULL
    )


def _connect(url: str) -> Any:
    if url.startswith("sqlite"):
        import sqlite3

        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=60)
        connection.execute("PRAGMA synchronous=FULL")
        return connection
    import psycopg

    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def stored(url: str) -> int:
    """Return how many resources the database holds."""
    with _connect(url) as connection:
        return int(connection.execute("SELECT count(*) FROM resource WHERE version > 0").fetchone()[0])


def committing(url: str) -> float:
    """Return the seconds between the first and the last transaction: the load without the start of its processes."""
    with _connect(url) as connection:
        first, last = connection.execute("SELECT min(last_updated), max(last_updated) FROM resource_version").fetchone()
    if isinstance(first, str):
        first, last = datetime.fromisoformat(first), datetime.fromisoformat(last)
    return float((last - first).total_seconds())


def _tables(url: str) -> dict[str, str]:
    """Return table -> the column that holds the resource's key, for every table with rows."""
    from fhir_server.definitions import load
    from fhir_server.mappings import mappings_for
    from fhir_server.storage.schema import build_schema

    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    schema = build_schema(mappings_for(load()), dialect)
    found = {table.name: "key" for table in schema.plain_tables()}
    return {"resource": "key", "resource_version": "key", "resource_reference": "source"} | found


def slices(url: str, commits: int) -> list[Slice]:
    """Read all rows, cut into `commits` slices of resources with neighbouring keys."""
    result: list[Slice] = [{} for _ in range(commits)]
    with _connect(url) as connection:
        keys = [row[0] for row in connection.execute("SELECT key FROM resource ORDER BY key")]
        of_key = {key: position * commits // len(keys) for position, key in enumerate(keys)}
        for table, column in _tables(url).items():
            cursor = connection.execute(f'SELECT "{column}", * FROM "{table}"')
            for row in cursor:
                result[of_key[row[0]]].setdefault(table, []).append(tuple(row[1:]))
    return result


def _write(url: str, parts: list[Slice]) -> None:
    connection = _connect(url)
    for part in parts:
        if url.startswith("sqlite"):
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in part.items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
            connection.execute("COMMIT")
            continue
        with connection.transaction():
            for table, rows in part.items():
                with connection.cursor().copy(f'COPY "{table}" FROM STDIN') as copy:
                    for row in rows:
                        copy.write_row(row)
    connection.close()


def baseline(url: str, parts: list[Slice]) -> float:
    """Write the slices into the empty database with WORKERS processes; return the seconds it takes.

    Slices go over to the processes before the clock starts.
    """
    if url.startswith("sqlite"):
        started = time.perf_counter()
        _write(url, parts)  # one writer at a time anyway
        return time.perf_counter() - started
    context = multiprocessing.get_context("fork")
    ready, go = context.Semaphore(0), context.Event()

    def work(share: list[Slice]) -> None:
        ready.release()
        go.wait()
        _write(url, share)

    processes = [context.Process(target=work, args=(parts[number::WORKERS],)) for number in range(WORKERS)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    started = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    return time.perf_counter() - started


def load(url: str, files: list[Path]) -> tuple[float, int]:
    """Load `files`; return seconds and peak memory of the largest process in MB."""
    started = time.perf_counter()
    command("load", *map(str, files), "--workers", str(WORKERS), "--again", database=url)
    seconds = time.perf_counter() - started
    return seconds, limits.getrusage(limits.RUSAGE_CHILDREN).ru_maxrss // 1024


def unpacked(files: list[Path], folder: Path) -> list[Path]:
    """Write `files` without compression into `folder`."""
    result = []
    for file in files:
        opener = {".bz2": bz2.open, ".gz": gzip.open}.get(file.suffix)
        target = folder / (file.stem if opener else file.name)
        target.write_bytes(opener(file).read() if opener else file.read_bytes())
        result.append(target)
    return result


def measure(name: str, url: str, empty: str, files: list[Path], repeat: int) -> None:
    """Print rate, fraction of the baseline and peak memory on one database."""
    for target in (url, empty):
        command("migrate", database=target)
    patients = [file for file in files if "Information" not in file.name]
    for round_ in range(repeat):
        before = stored(url)
        with ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")
        ) as apart:  # so that peak memory is of this load
            seconds, peak = apart.submit(load, url, files if round_ == 0 else patients).result()
        count = stored(url) - before
        rate = count / seconds
        print(f"{name:<11} {count:>7,} resources in {seconds:6.1f} s = {rate:>6,.0f}/s, start-up included; ", end="")
        print(f"largest process {peak} MB; {stored(url):>9,} stored; goal {GOALS[name]:,}/s", flush=True)
        if round_ == 0:
            steady = committing(url)
            parts = slices(url, len(files))
            bare = baseline(empty, parts)
            del parts
            print(
                f"{'':<11} bare {'COPY' if name == 'postgresql' else 'executemany'} of the same rows: {bare:.1f} s; ",
                end="",
            )
            print(f"load / bare = {bare / seconds:.2f}, ", end="")
            print(
                f"{bare / steady:.2f} between the first and the last commit ({steady:.1f} s); goal {FRACTION}",
                flush=True,
            )


def main(files: list[Path], repeat: int = 1, only: str | None = None) -> None:
    """Measure both databases, or `only` one."""
    print(f"{machine()}; {WORKERS} loading processes; PostgreSQL on the same machine")
    with tempfile.TemporaryDirectory() as folder:
        plain = unpacked(files, Path(folder))
        for name in GOALS:
            if only in (None, name):
                with databases() as first, databases() as second:
                    measure(name, first[name], second[name], plain, repeat)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Load rate as a fraction of bare COPY or executemany.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--only", choices=sorted(GOALS))
    options = parser.parse_args()
    main(options.files, options.repeat, options.only)
