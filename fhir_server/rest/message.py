"""A FHIR request and its answer without HTTP: what a web request, a Bundle entry and the loader have in common.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhir_server.formats import json
from fhir_server.rest.representation import PLAIN, HeaderFields, Representation
from fhir_server.storage.access import Access


class _NoHeaders:
    __slots__ = ()

    def get(self, _name: str, /) -> str | None:
        return None


NO_HEADERS: HeaderFields = _NoHeaders()


@dataclass(slots=True)
class Request:
    """One request for the FHIR interface.

    method      upper case: "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"
    path        below the base URL, percent-decoded, without slashes at its ends: "Patient/1"; "" is the base
    query       decoded pairs in their order
    access      what the caller may see and do
    headers     by lower-case name
    form        how the answer is to look; in a Bundle entry only its parts matter, not its format
    body        raw bytes, still to be decoded; b"" where `resource` is given
    resource    the decoded body, where there is no need to decode: a Bundle entry, the loader
    request_id  travels into the answer and the log
    label       where the request stands in a Bundle: "Bundle.entry[3]", else ""
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    access: Access
    headers: HeaderFields = NO_HEADERS
    form: Representation = PLAIN
    body: bytes = b""
    resource: Any = None
    request_id: str = ""
    label: str = ""


@dataclass(slots=True)
class Response:
    """One answer.

    status   HTTP status
    headers  names as they are sent: "ETag", "Location", ...
    text     JSON text of the resource it carries, "" for none; every other format is made from it
    outcome  True where `text` is an OperationOutcome that reports on the interaction itself
    modified when the version it is about was made (UTC); finer than the Last-Modified header
    raw      bytes that are no resource; their Content-Type is among the headers
    rendered keeps the bytes of an answer that is always the same, by form; None for all others
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    outcome: bool = False
    modified: datetime | None = None
    rendered: dict[Representation, bytes] | None = None
    raw: bytes | None = None

    def resource(self) -> Any:
        """Return the carried resource decoded, or None."""
        return json.decode_trusted(self.text) if self.text else None
