"""Processes die at any moment, without a warning: what was acknowledged stays, once, and nothing is left by halves.

https://hl7.org/fhir/R4/http.html#transaction and https://www.postgresql.org/docs/current/wal-reliability.html
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.cli.running import Running, serving
from tests.faults.ledger import Client, Entry, reconcile
from tests.faults.postgres import OwnPostgres
from tests.stores import Templates, open_store

_NAMES = ["a", "b", "c", "d"]
# How long the clients write; a longer run: FHIR_TEST_CRASH_SECONDS=60
_SECONDS = float(os.environ.get("FHIR_TEST_CRASH_SECONDS", "4.5"))


@contextmanager
def writing(port: int, names: list[str]) -> Iterator[list[Client]]:
    stop = threading.Event()
    clients = [Client(port, name, stop) for name in names]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        stop.set()
        for client in clients:
            client.join(40)


def workers(running: Running) -> list[psutil.Process]:
    """The processes that answer, oldest first; not the helpers of multiprocessing."""
    children = psutil.Process(running.process.pid).children(recursive=True)
    return sorted((child for child in children if child.num_threads() > 2), key=lambda child: child.create_time())


def kill_one_worker(running: Running) -> None:
    found = workers(running)
    if found:
        found[0].kill()


def back(running: Running, seconds: float = 30) -> float:
    """Wait until the server is ready and return how long that took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        try:
            if running.get("/readyz")[0] == 200:
                return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server did not come back: {running.get('/readyz')}")


def settle(url: str, entries: list[Entry], names: list[str]) -> None:
    store = open_store(url)
    balance = reconcile(store, entries, names)
    differences = store.check()
    store.database.close()
    sys.stdout.write(
        f"acknowledged {balance.acknowledged}, unknown {balance.unknown}, of these there {balance.unknown_present}\n"
    )
    assert balance.wrong == []
    assert balance.acknowledged > 50, "the clients got somewhere"
    assert differences == []


def test_sqlite_keeps_what_was_acknowledged_when_workers_and_the_whole_server_are_killed(
    templates: Templates, tmp_path
) -> None:
    url = templates.copy("sqlite", tmp_path)
    entries: list[Entry] = []
    rounds = max(2, int(_SECONDS / 2))
    for round_ in range(rounds):
        names = [f"{name}{round_}" for name in _NAMES]
        with serving("serve", "--workers", 2, "--no-access-log", "--database", url) as running:
            with writing(running.port, names) as clients:
                time.sleep(_SECONDS / rounds / 2)
                kill_one_worker(running)
                time.sleep(_SECONDS / rounds / 2)
                os.killpg(running.process.pid, signal.SIGKILL)
            entries += [entry for client in clients for entry in client.entries]
    settle(url, entries, [f"{name}{round_}" for name in _NAMES for round_ in range(rounds)])


def test_postgresql_keeps_what_was_acknowledged_when_it_and_workers_are_killed(postgres: OwnPostgres) -> None:
    url = postgres.sqlalchemy_url
    with serving("serve", "--workers", 2, "--no-access-log", "--database", url) as running:
        with writing(running.port, _NAMES) as clients:
            end = time.monotonic() + _SECONDS / 2
            while time.monotonic() < end:
                time.sleep(0.8)
                kill_one_worker(running)
                time.sleep(0.8)
                postgres.cut_all("postgres")
                time.sleep(0.5)
                postgres.kill()
                assert running.get("/livez")[0] == 200
                assert running.get("/readyz")[0] == 503
                postgres.start()
                back(running)
        entries = [entry for client in clients for entry in client.entries]
        assert sum(client.statuses[500] for client in clients) == 0
        settle(url, entries, _NAMES)
