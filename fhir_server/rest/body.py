"""From the bytes of a request to a resource.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from typing import Any

from fhir_server.errors import BadRequest, MalformedContent, UnsupportedMediaType
from fhir_server.formats import json, xml
from fhir_server.formats.negotiate import body_format
from fhir_server.rest.message import Request


def decode(request: Request, max_depth: int) -> dict[str, Any]:
    """Return the resource in a request's body.

    Raises MalformedContent for an empty or unreadable body, UnsupportedMediaType for a format that is not FHIR's.
    """
    if request.resource is not None:
        return resource(request.resource)
    if not request.body:
        raise MalformedContent("The body is empty; this interaction needs a resource.")
    kind = body_format(request.headers.get("content-type"))
    if kind == "json":
        return resource(json.decode(request.body, max_depth=max_depth))
    if kind == "xml":
        return xml.decode(request.body, max_depth=max_depth)
    raise UnsupportedMediaType("A resource is sent as application/fhir+json or application/fhir+xml.")


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
