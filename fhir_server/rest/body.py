"""From the bytes of a request to a resource: media types, charset, empty bodies.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fhir_server.errors import BadRequest, MalformedContent, UnsupportedMediaType
from fhir_server.formats import json, xml
from fhir_server.rest.message import Request

JSON_PATCH: Final = "application/json-patch+json"
XML_PATCH: Final = "application/xml-patch+xml"
FORM: Final = "application/x-www-form-urlencoded"
_JSON = frozenset(("application/fhir+json", "application/json", "text/json"))
_XML = frozenset(("application/fhir+xml", "application/xml", "text/xml"))
_ASCII_COMPATIBLE = frozenset(("utf-8", "utf8", "us-ascii"))


@lru_cache(maxsize=256)
def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header in lower case, without parameters.

    Raises UnsupportedMediaType for another charset than UTF-8 or another FHIR version than 4.0.
    """
    name, *parameters = (piece.strip() for piece in content_type.lower().split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        value = value.strip('"')
        if key == "charset" and value not in _ASCII_COMPATIBLE:
            raise UnsupportedMediaType("FHIR bodies are UTF-8; the Content-Type names another charset.")
        if key == "fhirversion" and value not in ("4.0", "4.0.1"):
            raise UnsupportedMediaType("This server speaks FHIR 4.0; the Content-Type names another fhirVersion.")
    return name


def decode(request: Request, max_depth: int) -> dict[str, Any]:
    """Return the resource in a request's body.

    Raises MalformedContent for an empty or unreadable body, UnsupportedMediaType for a format that is not FHIR's.
    """
    if request.resource is not None:
        return resource(request.resource)
    if not request.body:
        raise MalformedContent("The body is empty; this interaction needs a resource.")
    kind = media_type(request.headers.get("content-type") or "")
    if kind in _JSON:
        return resource(json.decode(request.body, max_depth=max_depth))
    if kind in _XML:
        return xml.decode(request.body, max_depth=max_depth)
    raise UnsupportedMediaType(
        "The Content-Type must be application/fhir+json or application/fhir+xml."
        if kind
        else "The request has a body but no Content-Type; send application/fhir+json or application/fhir+xml."
    )


def resource(value: Any) -> dict[str, Any]:
    """Return `value` where it has the shape of a resource, else raise MalformedContent."""
    if not isinstance(value, dict):
        raise MalformedContent("A resource is a JSON object.")
    if not isinstance(value.get("resourceType"), str):
        raise MalformedContent('The body has no "resourceType", so it is no resource.')
    return value


def of_type(document: dict[str, Any], expected: str) -> dict[str, Any]:
    """Return `document` where its type is the one in the URL, else raise BadRequest."""
    if document["resourceType"] != expected:
        raise BadRequest(f"The URL names {expected}, but the body holds another resource type.", expected)
    return document
