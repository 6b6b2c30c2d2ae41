"""The process beside the serving ones that brings new words into the full text index, and is started again if it ends.

https://docs.python.org/3/library/multiprocessing.html

It is a process and not a thread: taking documents apart would hold up the requests of a thread's process.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fhir_server.cli import logs
from fhir_server.cli.parent import end_with_parent
from fhir_server.errors import FhirError
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from fhir_server.storage.repository import Store

_log = logging.getLogger(__name__)
_IDLE: Final = 0.5  # seconds until new versions are noticed; searches read their documents until then
_TROUBLED: Final = 5.0


@contextmanager
def indexing(settings: Settings) -> Iterator[None]:
    """Keep a process that indexes words running inside the block."""
    ended = threading.Event()
    # Forked before there are threads, it shares what is loaded; a later one must not inherit the locks of threads.
    running = [_started(settings, "fork")]

    def watch() -> None:
        while True:
            running[0].join()
            if ended.wait(_TROUBLED):
                return
            _log.error("the process that indexes words ended with %s and is started again", running[0].exitcode)
            running[0] = _started(settings, "spawn")

    watcher = threading.Thread(target=watch, name="indexer-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        running[0].terminate()
        watcher.join()


def _started(settings: Settings, how: str) -> multiprocessing.process.BaseProcess:
    context = multiprocessing.get_context(how)
    process: multiprocessing.process.BaseProcess = context.Process(  # type: ignore[attr-defined] # of every context
        target=run, args=(settings,), name="indexer", daemon=True
    )
    process.start()
    return process


def run(settings: Settings) -> None:
    """Index words until the process is told to end; what is cut off is undone and done again by the next one."""
    # Ctrl-C reaches all processes of a terminal; the one that started this one then says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from fhir_server.app import create_server

    logs.configure(settings.log_level)
    end_with_parent(signal.SIGKILL)
    store = create_server(settings).endpoint.store
    pause = threading.Event()
    while True:
        pause.wait(step(store))


def step(store: Store) -> float:
    """Index one batch and return how many seconds to wait before the next one."""
    try:
        return 0.0 if store.index_words() else _IDLE
    except FhirError as error:
        _log.warning("words are not being indexed at the moment: %s", error.diagnostics)
    except Exception:  # noqa: BLE001 - the next try may do better
        _log.exception("the indexing of words failed")
    return _TROUBLED
