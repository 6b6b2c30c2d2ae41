"""The write pipeline of this process as the target of a load, with the journal in the database that is loaded.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.app import create_server
from fhir_server.cli.loading.target import AlreadyStored, Answer, Mark, issues_of
from fhir_server.rest.message import Response
from fhir_server.settings import Settings
from fhir_server.storage import load_journal
from fhir_server.storage.access import Access
from fhir_server.storage.repository import WriteUnit


class LocalTarget:
    """Hands Bundles to the same pipeline that serves HTTP."""

    def __init__(self, settings: Settings) -> None:
        self._server = create_server(settings)
        self._server.database.for_bulk()
        self._endpoint = self._server.endpoint
        self._access = Access.unrestricted()
        self.max_depth = settings.max_depth

    def left(self, digest: str, unit: int) -> tuple[int, ...] | None:
        return load_journal.left(self._server.database, digest, unit)

    def mark(self, mark: Mark) -> None:
        self._endpoint.store.write(self._access, _noting(mark))

    def transaction(self, entries: Sequence[dict[str, Any]], mark: Mark) -> list[Answer]:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        try:
            responses = self._endpoint.transaction(bundle, self._access, also=_noting(mark))
        except load_journal.AlreadyLoaded as error:
            raise AlreadyStored(str(error)) from error
        return [_answer(response) for response in responses]

    def batch(self, entries: Sequence[dict[str, Any]]) -> list[Answer]:
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        return [_answer(response) for response in self._endpoint.batch(bundle, self._access)]

    def close(self) -> None:
        self._server.database.close()


def _noting(mark: Mark) -> Any:
    def note(unit: WriteUnit) -> None:
        unit.note_load(mark.digest, mark.unit, mark.left, once=mark.once)

    return note


def _answer(response: Response) -> Answer:
    if response.status < 400:
        return Answer(response.status)
    return Answer(response.status, issues_of(response.resource(), response.status))
