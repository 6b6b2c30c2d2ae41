"""The few rules of content that the small server knows: enough to refuse what the suite sends as invalid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from conformance.r4 import RESOURCE_TYPES

Resource = dict[str, Any]

_LISTS = {
    "identifier",
    "telecom",
    "address",
    "contact",
    "qualification",
    "extension",
    "contained",
    "link",
    "component",
    "photo",
}
_OBJECTS = {"meta", "text", "partOf", "code", "subject", "valueQuantity"}
_STRINGS = {
    "resourceType",
    "id",
    "gender",
    "birthDate",
    "status",
    "effectiveDateTime",
    "valueString",
    "language",
    "contentType",
    "data",
}
_SYSTEMS = {"phone", "fax", "email", "pager", "url", "sms", "other"}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def problems(resource: Any, resource_type: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield the element and a sentence for everything that is wrong."""
    if not isinstance(resource, dict) or resource.get("resourceType") not in RESOURCE_TYPES:
        yield "Resource", "this is not a resource"
        return
    kind = resource["resourceType"]
    if resource_type not in (None, kind):
        yield kind, f"expected {resource_type}"
    for name, value in resource.items():
        if not _fits(kind, name.removeprefix("_"), value, is_extra=name.startswith("_")):
            yield f"{kind}.{name}", f"{name} is not of its type"
    yield from _values(resource, kind)
    if kind == "Observation":
        if "status" not in resource:
            yield "Observation.status", "status is required"
        if sum(name.startswith("value") for name in resource) > 1:
            yield "Observation.value", "only one value is allowed"
        subject = resource.get("subject", {}).get("reference", "")
        if (
            subject.partition("/")[0] not in ("", "Patient", "Group", "Device", "Location")
            and ":" not in subject
            and not subject.startswith("#")
        ):
            yield "Observation.subject", "that type is not allowed here"


def _fits(kind: str, name: str, value: Any, *, is_extra: bool) -> bool:
    if is_extra:
        return isinstance(value, dict)
    if name in _LISTS or (name == "name" and kind != "Organization"):
        return isinstance(value, list) and bool(value)
    if name in _OBJECTS:
        return isinstance(value, dict)
    if name in _STRINGS or name == "name":
        return isinstance(value, str)
    return name == "active" and isinstance(value, bool)


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "valueDate" and not _is_date(item):
                yield f"{path}.{name}", "this day does not exist"
            if name == "telecom" and isinstance(item, list):
                for one in item:
                    if one.get("system") not in _SYSTEMS:
                        yield f"{path}.telecom.system", "not a code of the value set"
            if name == "div" and "<script" in item:
                yield f"{path}.div", "a narrative has no script"
            yield from _values(item, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _values(item, f"{path}[{number}]")


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    try:
        return found is None or bool(date(int(found[1]), int(found[2]), int(found[3])))
    except ValueError:
        return False
