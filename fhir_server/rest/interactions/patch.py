"""Patch and conditional patch with JSON Patch, XML Patch and FHIRPath Patch.

https://hl7.org/fhir/R4/http.html#patch
https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import BadRequest, MalformedContent, TooCostly, UnsupportedMediaType
from fhir_server.formats import json
from fhir_server.formats.negotiate import BodyFormat, body_format
from fhir_server.rest import body
from fhir_server.rest.change import Change, Edit, criteria_of
from fhir_server.rest.headers import preferences
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions.update import tags, unmodified_since
from fhir_server.rest.message import Request
from fhir_server.rest.patch import fhirpath_patch, json_patch, xml_patch
from fhir_server.rest.representation import JSON, XML
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

# Media types of the bodies a PATCH may have, as the CapabilityStatement lists them.
FORMATS: Final = ("application/json-patch+json", "application/xml-patch+xml", JSON, XML)

_RAW: Final = ("json-patch", "xml-patch")


def patch(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that patches the resource in the URL."""
    return _change(endpoint, request, route)


def conditional_patch(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that patches the one resource that the criteria match. Raises BadRequest without criteria."""
    if not criteria_of(request.query):
        raise BadRequest("A PATCH names an id (Type/id) or search criteria (Type?identifier=...); this has neither.")
    return _change(endpoint, request, route)


def _change(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    return Change(
        "patch",
        route.type,
        route.id,
        edit=_edit(endpoint, request),
        criteria=None if route.id else criteria_of(request.query),
        if_match=tags(request, "If-Match"),
        if_none_match=tags(request, "If-None-Match"),
        unmodified_since=unmodified_since(request),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


def _edit(endpoint: Endpoint, request: Request) -> Edit:
    """Return the function that carries out the patch in the request's body."""
    if request.resource is not None:
        document = body.resource(request.resource)
        if document["resourceType"] != "Binary":
            return _fhirpath(endpoint, document)
        return _raw(endpoint, *_binary(document))
    if not request.body:
        raise MalformedContent("The body is empty; PATCH needs a patch document.")
    try:
        kind = body_format(request.headers.get("content-type"))
        if kind in _RAW:
            return _raw(endpoint, kind, request.body)
        document = body.decode(request, endpoint.settings.max_depth)
    except UnsupportedMediaType:
        raise UnsupportedMediaType(
            f"A patch has one of these types: {', '.join(FORMATS)}.", headers={"Accept-Patch": ", ".join(FORMATS)}
        ) from None
    return _fhirpath(endpoint, document)


def _binary(document: dict[str, Any]) -> tuple[BodyFormat, bytes]:
    """Return kind and bytes of the patch that a Binary carries inside a Bundle."""
    named = document.get("contentType")
    kind = body_format(named) if isinstance(named, str) else None
    if kind not in _RAW:
        raise UnsupportedMediaType(
            f"A Binary that carries a patch has the contentType {FORMATS[0]} or {FORMATS[1]}.", "Binary.contentType"
        )
    try:
        return kind, base64.b64decode("".join(str(document.get("data", "")).split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The data of the Binary is not base64.", "Binary.data", code="value") from None


def _raw(endpoint: Endpoint, kind: BodyFormat, raw: bytes) -> Edit:
    if kind == "xml-patch":
        return lambda document: xml_patch.apply(document, raw)
    operations = json.decode_array(raw, max_depth=endpoint.settings.max_depth)
    _bounded(endpoint, operations)
    return lambda document: json_patch.apply(document, operations)


def _fhirpath(endpoint: Endpoint, parameters: dict[str, Any]) -> Edit:
    if parameters["resourceType"] != "Parameters":
        raise BadRequest("A FHIRPath Patch is a Parameters resource.", parameters["resourceType"])
    operations = parameters.get("parameter")
    _bounded(endpoint, operations if isinstance(operations, list) else ())
    return lambda document: fhirpath_patch.apply(document, parameters)


def _bounded(endpoint: Endpoint, operations: Sequence[Any]) -> None:
    limit = endpoint.settings.max_patch_operations
    if len(operations) > limit:
        raise TooCostly(f"The patch has more than {limit} operations.")


PATCH = Interaction("patch", "instance", "PATCH", "[type]/[id]", "Patch", prepare=patch)
CONDITIONAL_PATCH = Interaction(
    "patch", "type", "PATCH", "[type]", "Patch the one resource the criteria match", prepare=conditional_patch
)
