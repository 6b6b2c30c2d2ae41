"""FHIR XML to the JSON shape, for the few elements that the suite sends to the small server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lxml import etree

from conformance.r4 import FHIR_NAMESPACE, XHTML_NAMESPACE

Resource = dict[str, Any]

_LISTS = {
    "address",
    "coding",
    "component",
    "contact",
    "contained",
    "entry",
    "extension",
    "given",
    "identifier",
    "line",
    "parameter",
    "qualification",
    "security",
    "tag",
    "telecom",
}
_BOOLEANS = {"active", "valueBoolean"}
_DECIMALS = {"valueDecimal"}


class NotXml(ValueError):
    """This is no FHIR XML."""


def decode(raw: bytes) -> Resource:
    """Return the resource; raises NotXml."""
    if b"<!DOCTYPE" in raw:
        raise NotXml("no DTD here")
    try:
        root = etree.fromstring(
            raw, etree.XMLParser(resolve_entities=False, remove_comments=True, remove_blank_text=True)
        )
    except etree.XMLSyntaxError as error:
        raise NotXml(str(error)) from error
    return _resource(root)


def _resource(element: etree._Element) -> Resource:
    name = etree.QName(element)
    if name.namespace != FHIR_NAMESPACE:
        raise NotXml("not FHIR's namespace")
    return {"resourceType": name.localname, **_children(element, name.localname)}


def _children(element: etree._Element, parent: str) -> Resource:
    made: Resource = {str(name): str(value) for name, value in element.attrib.items() if name in ("id", "url")}
    for child in element:
        name = etree.QName(child)
        key = name.localname
        if name.namespace == XHTML_NAMESPACE:
            made[key] = etree.tostring(child, encoding="unicode", with_tail=False)
        elif key in _LISTS or (key == "name" and parent in ("Patient", "Practitioner")):
            made.setdefault(key, []).append(_value(child, key))
        else:
            made[key] = _value(child, key)
    return made


def _value(element: etree._Element, name: str) -> Any:
    if len(element) == 1 and etree.QName(element[0]).localname[0].isupper():
        return _resource(element[0])
    text = element.get("value")
    if text is None:
        return _children(element, name)
    if name in _BOOLEANS:
        return text == "true"
    return Decimal(text) if name in _DECIMALS else text
