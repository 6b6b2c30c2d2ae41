"""Binary as what it holds: bytes in their own media type come in and go out, beside the resource in JSON and XML.

https://hl7.org/fhir/R4/binary.html#rest
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from fhir_server.errors import MalformedContent, NotAcceptable, UnsupportedMediaType
from fhir_server.formats import json
from fhir_server.formats.negotiate import body_format
from fhir_server.rest.message import Request, Response

BINARY: Final = "Binary"
_CONTEXT: Final = "X-Security-Context"  # Binary.securityContext of content that travels without its resource
_FHIR_NAMES: Final = frozenset(
    ("application/fhir+json", "application/fhir+xml", "application/json", "application/xml", "text/json", "text/xml")
)
_WORD: Final = r"[A-Za-z0-9!#$&^_.+\-]{1,127}"
_MEDIA_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|\"[^\"\\\x00-\x1f\x7f-\uffff]*\"))*")


def wants_content(request_path: str, accept: str | None, format_parameter: str | None) -> bool:
    """Tell whether a GET asks for the bytes: of a Binary, and without naming a format of FHIR."""
    if not request_path.startswith("Binary/") or format_parameter:
        return False
    return _FHIR_NAMES.isdisjoint(part.partition(";")[0].strip().lower() for part in (accept or "").split(","))


def content(text: str, accept: str | None, headers: dict[str, str]) -> Response:
    """Return the bytes of a Binary; a browser is told to save them, never to run them.

    text     the stored resource
    headers  those of its version
    Raises NotAcceptable where the client takes other media types only.
    """
    document = json.decode_trusted(text)
    kind = str(document.get("contentType", ""))
    if not _MEDIA_TYPE.fullmatch(kind):
        kind = "application/octet-stream"
    if not _accepted(accept or "*/*", kind.partition(";")[0].strip().lower()):
        raise NotAcceptable("The Accept header allows neither the media type of this content nor a format of FHIR.")
    try:
        raw = base64.b64decode("".join(document.get("data", "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotAcceptable("The content cannot be read; ask for the resource in a format of FHIR.") from None
    sent = {**headers, "Content-Type": kind, "Content-Disposition": "attachment"}
    context = document.get("securityContext", {}).get("reference", "")
    if context.isascii() and context.isprintable() and context:
        sent[_CONTEXT] = context
    return Response(200, sent, raw=raw)


def _accepted(accept: str, kind: str) -> bool:
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return not ranges.isdisjoint(("*/*", kind, f"{kind.partition('/')[0]}/*"))


def uploaded(request: Request) -> dict[str, Any] | None:
    """Return the Binary for a body in another media type than FHIR's; None where the body is a resource.

    Raises UnsupportedMediaType where there is no usable Content-Type.
    """
    if request.resource is not None or not request.body:
        return None
    kind = (request.headers.get("content-type") or "").strip()
    if kind.partition(";")[0].strip().lower() in _FHIR_NAMES:
        body_format(kind)  # refuses other charsets and versions
        return None
    if not kind:
        raise UnsupportedMediaType("Content needs a Content-Type, which becomes the contentType of the Binary.")
    if not _MEDIA_TYPE.fullmatch(kind):
        raise MalformedContent("The Content-Type is no media type.", code="value")
    document: dict[str, Any] = {"resourceType": BINARY, "contentType": kind}
    context = request.headers.get(_CONTEXT.lower())
    if context:
        document["securityContext"] = {"reference": context}
    document["data"] = base64.b64encode(request.body).decode()
    return document
