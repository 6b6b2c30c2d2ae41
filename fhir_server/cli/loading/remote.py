"""A FHIR server reached by HTTP as the target of a load, with the journal in a file on this side.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import http.client
import json as plain
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fhir_server import errors
from fhir_server.cli.loading.target import Answer, InDoubt, Mark, answers_of, issues_of
from fhir_server.errors import FhirError, StoreUnavailable, Unavailable
from fhir_server.formats import json

_HEADERS = {
    "Content-Type": "application/fhir+json",
    "Accept": "application/fhir+json",
    "Prefer": "return=minimal",
    "Connection": "close",
}
_ERRORS = {
    kind.status: kind
    for kind in (
        errors.BadRequest,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.PreconditionFailed,
        errors.TooLarge,
        errors.Invalid,
    )
}


class RemoteTarget:
    """Posts Bundles to the base URL of a server.

    url      "https://server/fhir"
    journal  file to which the journal's lines are appended; several workers may share it
    seconds  to wait for an answer
    """

    def __init__(self, url: str, journal: Path, *, max_depth: int = 64, seconds: float = 300.0) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        self._path = parts.path.rstrip("/") or "/"
        self._journal = FileJournal(journal)
        self.max_depth = max_depth

    def left(self, digest: str, unit: int) -> tuple[int, ...] | None:
        return self._journal.left(digest, unit)

    def mark(self, mark: Mark) -> None:
        self._journal.mark(mark)

    def transaction(self, entries: Sequence[dict[str, Any]], mark: Mark) -> list[Answer]:
        answers = self._post("transaction", entries)
        self._journal.mark(mark)
        return answers

    def batch(self, entries: Sequence[dict[str, Any]]) -> list[Answer]:
        return self._post("batch", entries)

    def close(self) -> None:
        self._connection.close()

    def _post(self, kind: str, entries: Sequence[dict[str, Any]]) -> list[Answer]:
        body = json.encode({"resourceType": "Bundle", "type": kind, "entry": entries})
        try:
            self._connection.connect()  # a new one each time: the server may have given up the old one meanwhile
        except OSError as error:
            raise StoreUnavailable(f"The server cannot be reached ({type(error).__name__}).") from error
        try:
            self._connection.request("POST", self._path, body, _HEADERS)
            response = self._connection.getresponse()
            status, raw = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            text = (
                f"The connection broke ({type(error).__name__}): the server may or may not have stored the last Bundle."
            )
            raise InDoubt(text) from error
        try:
            document = plain.loads(raw)
        except ValueError:
            document = None
        if status >= 400:
            raise _refused(status, document)
        if not isinstance(document, dict) or document.get("resourceType") != "Bundle":
            raise errors.ServerFault("The server's answer is no Bundle: is the URL that of a FHIR server?")
        return answers_of(document, len(entries))


class FileJournal:
    """Lines of JSON in a file; each line is appended in one write, which several processes may do at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, int], tuple[int, ...]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    digest, unit, left = plain.loads(line)
                except ValueError:  # the line that was being written when the machine stopped
                    continue
                self._known[digest, unit] = tuple(left)

    def left(self, digest: str, unit: int) -> tuple[int, ...] | None:
        """Return the entries of a unit that are still to be stored, None for a unit never submitted."""
        return self._known.get((digest, unit))

    def mark(self, mark: Mark) -> None:
        """Append a line and make it durable."""
        self._known[mark.digest, mark.unit] = mark.left
        line = plain.dumps([mark.digest, mark.unit, list(mark.left)]) + "\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as stream:
            stream.write(line.encode())
            os.fsync(stream.fileno())


def _refused(status: int, document: Any) -> FhirError:
    issues = issues_of(document, status)
    if status in (429, 503):
        return Unavailable(issues[0].diagnostics, issues=issues)
    return _ERRORS.get(status, errors.ServerFault)(issues[0].diagnostics, issues=issues)
