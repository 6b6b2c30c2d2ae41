"""Patches in the three formats of R4, as the checks send them.

https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance import needs as need
from conformance.check import Skipped
from conformance.exchange import Response
from conformance.r4 import FHIR_NAMESPACE, JSON, JSON_PATCH, XML_PATCH
from conformance.samples import Resource
from conformance.target import Target


def json_patch(target: Target, path: str, *operations: Resource, headers: Mapping[str, str] | None = None) -> Response:
    """Send a JSON Patch."""
    return target.send("PATCH", path, list(operations), content_type=JSON_PATCH, headers=headers)


def fhirpath_parameters(*operations: Mapping[str, Any]) -> Resource:
    """Return a FHIRPath Patch; an operation maps part names to values, "value" being a pair of value[x] and value."""
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": _parts(o)} for o in operations]}


def _parts(operation: Mapping[str, Any]) -> list[Resource]:
    parts = []
    for name, value in operation.items():
        if name == "value":
            parts.append({"name": "value", value[0]: value[1]})
        else:
            key = {
                "type": "valueCode",
                "index": "valueInteger",
                "source": "valueInteger",
                "destination": "valueInteger",
            }
            parts.append({"name": name, key.get(name, "valueString"): value})
    return parts


def change_active(target: Target, path: str, *, value: bool, headers: Mapping[str, str] | None = None) -> Response:
    """Set `active` by the first patch format that the server claims; raises Skipped when it takes none of them."""
    formats = (JSON_PATCH, JSON, XML_PATCH)
    for media_type in (name for name in formats if need.patch_format(name)(target.claims) is None):
        if media_type == JSON_PATCH:
            response = json_patch(target, path, {"op": "replace", "path": "/active", "value": value}, headers=headers)
        elif media_type == JSON:
            response = target.send("PATCH", path, _replace_active(target, value=value), headers=headers)
        else:
            response = xml_patch(target, path, _xml_active(target, value=value), headers=headers)
        if response.status != 415:
            return response
    raise Skipped("the server takes none of JSON Patch, FHIRPath Patch and XML Patch")


def _replace_active(target: Target, *, value: bool) -> Resource:
    return fhirpath_parameters({"type": "replace", "path": f"{target.type}.active", "value": ("valueBoolean", value)})


def xml_patch(target: Target, path: str, operations: str, headers: Mapping[str, str] | None = None) -> Response:
    """Send an XML Patch; the prefix f stands for the FHIR namespace."""
    body = f'<diff xmlns:f="{FHIR_NAMESPACE}">{operations}</diff>'
    return target.send("PATCH", path, body.encode(), content_type=XML_PATCH, headers=headers)


def _xml_active(target: Target, *, value: bool) -> str:
    return f'<replace sel="f:{target.type}/f:active/@value">{str(value).lower()}</replace>'
