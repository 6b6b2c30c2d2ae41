"""What SQLite leaves to its callers where several processes write: waiting in turn, and an end to the write-ahead log.

https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files

SQLite's own waiting sleeps up to a tenth of a second between two tries, and it begins its log anew only when a writer
finds everything copied into the database. Two processes that write all the time never leave that moment: under a load
the log grew to 400 MB, each commit copied pages that the next one copied again, and each read had more to look through.
"""

from __future__ import annotations

import os
import sqlite3
import time

LOG_LIMIT = 64 << 20
"""Bytes that the log may have before it is begun anew."""
BULK_LOG_LIMIT = 128 << 20
"""The same during a load, which copies nothing before: pages that many Bundles change are copied once."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.004  # seconds between two tries
# Seconds a writer may spend on beginning the log anew, while others read or write: a request is waited for, a load not.
_PATIENCE, _BULK_PATIENCE = 0.2, 2.0


class WriteLog:
    """The write-ahead log of a database file as one connection sees it.

    connection  in autocommit mode
    path        of the database file
    patience    seconds to wait for another writer
    bulk        a load: the log is copied when it has reached its limit, not after each thousand pages
    limit       bytes that the log may have, 0 for the usual
    """

    def __init__(
        self, connection: sqlite3.Connection, path: str, patience: float, *, bulk: bool = False, limit: int = 0
    ) -> None:
        self._execute = connection.execute
        self._file = path + "-wal"
        self._patience = patience
        self._trying = _BULK_PATIENCE if bulk else _PATIENCE
        self._step = self._limit = limit or (BULK_LOG_LIMIT if bulk else LOG_LIMIT)
        if bulk:
            self._execute("PRAGMA wal_autocheckpoint = 0")

    def begin(self) -> None:
        """Begin a transaction as the one writer. Raises sqlite3.OperationalError (busy) when others take too long."""
        deadline, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        self._wait(0.0)
        try:
            while True:
                try:
                    self._execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        finally:
            self._wait(self._patience)

    def bound(self) -> None:
        """Copy the log into the database and begin it anew when it has grown too long; call it after a commit.

        Nothing is lost when that fails, because a reader needs the log or another process is at it: it is tried again
        when the log has grown by as much once more.
        """
        try:
            size = os.stat(self._file).st_size  # noqa: PTH116 - called for every transaction
        except OSError:
            return
        if size <= self._limit:
            return
        self._limit = size + self._step
        self._wait(0.0)
        try:
            # The first copies while others go on writing; what is left for the second is short.
            busy = self._copied("PASSIVE")
            deadline = time.monotonic() + self._trying
            while not busy and self._copied("TRUNCATE"):
                if time.monotonic() > deadline:
                    return
                time.sleep(_LONGEST_PAUSE)
            self._limit = self._step
        except sqlite3.OperationalError:
            return  # the commit has happened, whatever becomes of the log
        finally:
            self._wait(self._patience)

    def _copied(self, mode: str) -> bool:
        """Copy and return whether somebody was in the way."""
        ((busy, _, _),) = self._execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        return bool(busy)

    def _wait(self, seconds: float) -> None:
        self._execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
