"""FHIR XML from a JSON resource whose elements stand in the order of the specification, as the samples' do.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lxml import etree

from conformance.r4 import FHIR_NAMESPACE

_NAMESPACES: dict[Any, str] = {None: FHIR_NAMESPACE}


def encode(resource: dict[str, Any]) -> bytes:
    """Return the resource as XML."""
    root = etree.Element(_tag(resource["resourceType"]), nsmap=_NAMESPACES)
    _children(root, resource, "")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _tag(name: str) -> str:
    return f"{{{FHIR_NAMESPACE}}}{name}"


def _children(parent: etree._Element, value: dict[str, Any], name: str) -> None:
    is_resource = "resourceType" in value
    for key in dict.fromkeys(key.removeprefix("_") for key in value if key != "resourceType"):
        item, extra = value.get(key), value.get(f"_{key}")
        if (key == "id" and not is_resource) or (key == "url" and name == "extension"):
            parent.set(key, str(item))
            continue
        items = item if isinstance(item, list) else [item]
        extras = extra if isinstance(extra, list) else [extra]
        for index in range(max(len(items), len(extras))):
            one = items[index] if index < len(items) else None
            more = extras[index] if index < len(extras) else None
            _element(parent, key, one, more)


def _element(parent: etree._Element, name: str, item: Any, extra: Any) -> None:
    if name == "div":
        parent.append(etree.fromstring(item))
        return
    element = etree.SubElement(parent, _tag(name))
    if isinstance(item, dict):
        holder = etree.SubElement(element, _tag(item["resourceType"])) if "resourceType" in item else element
        _children(holder, item, name)
    elif item is not None:
        element.set("value", _text(item))
    if isinstance(extra, dict):
        _children(element, extra, name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | Decimal) else repr(value)
