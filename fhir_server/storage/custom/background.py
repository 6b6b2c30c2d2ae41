"""Builds new search parameters in a thread of a serving process, for as long as the process lives.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import logging
import threading
import traceback
from typing import Final

from fhir_server.errors import FhirError, LockTimeout
from fhir_server.storage.repository import Store

_log = logging.getLogger(__name__)
_IDLE: Final = 2.0  # seconds until another process's changes are noticed
_WAITING: Final = 0.2
_TROUBLED: Final = 10.0


class Background:
    """A thread that builds what there is to build. Several processes may have one each: they share the work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="parameter-builder", daemon=True)

    def start(self) -> None:
        """Begin; a new SearchParameter of this process is noticed at once, one of another within two seconds."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current batch, which another builder goes on behind."""
        self._ended.set()
        self._store.parameters_changed.set()
        self._thread.join()

    def _run(self) -> None:
        changed = self._store.parameters_changed
        builder = self._store.builder()
        while not self._ended.is_set():
            changed.clear()
            try:
                outcome, _ = builder.step()
                pause = {"idle": _IDLE, "waiting": _WAITING, "worked": 0.0}[outcome]
            except LockTimeout:
                pause = _IDLE  # others write all the time
            except FhirError as error:
                _log.warning("search parameters are not being built at the moment: %s", error.diagnostics)
                pause = _TROUBLED
            except Exception as error:  # noqa: BLE001 - whatever a defect raises, the server goes on
                # Not the exception's text: it could carry values of a record.
                frames = "".join(traceback.format_tb(error.__traceback__))
                _log.error("the builder of search parameters failed with %s\n%s", type(error).__name__, frames)
                pause = _TROUBLED
            if pause:
                changed.wait(pause)
