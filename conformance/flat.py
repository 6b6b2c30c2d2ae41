"""A resource as a flat table from path to value, the same for JSON and XML, so that two forms can be compared.

https://hl7.org/fhir/R4/json.html#xml

Every element has its index within its name ("Patient.name[0].given[1]"); a primitive's value stands under
`@value`, the id of an element under `@id`, the url of an extension under `@url`, a narrative as canonical XML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from lxml import etree

from conformance.r4 import FHIR_NAMESPACE, XHTML_NAMESPACE

Table = dict[str, str]


class NotXml(ValueError):
    """The text is not XML as FHIR wants it."""


def from_json(resource: dict[str, Any]) -> Table:
    """Return the table of a decoded JSON resource."""
    table: Table = {}
    _json_object(resource, str(resource.get("resourceType")), "", table)
    return table


def from_xml(raw: bytes) -> Table:
    """Return the table of a FHIR XML resource.

    Raises NotXml when it is not well-formed, has a DTD, or its root is not in the FHIR namespace.
    """
    root = parse_xml(raw)
    table: Table = {}
    _xml_children(root, etree.QName(root).localname, table)
    return table


def parse_xml(raw: bytes) -> etree._Element:
    """Return the root of a FHIR XML resource; raises NotXml."""
    if b"<!DOCTYPE" in raw:
        raise NotXml("a FHIR resource has no DTD")
    try:
        root = etree.fromstring(
            raw, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        )
    except etree.XMLSyntaxError as error:
        raise NotXml(str(error)) from error
    if etree.QName(root).namespace != FHIR_NAMESPACE:
        raise NotXml(f"the root element {root.tag} is not in the namespace {FHIR_NAMESPACE}")
    return root


def differences(sent: Table, got: Table, *, but: Collection[str] = ()) -> list[str]:
    """Return a sentence for each path that differs.

    but  paths below the root that are not compared, with all below them: "meta", "text", "id"
    """
    root = next(iter(sent), "").partition(".")[0]
    heads = tuple(f"{root}.{name}[" for name in but)
    found = []
    for path in sorted(sent.keys() | got.keys()):
        if path.startswith(heads) or sent.get(path) == got.get(path):
            continue
        if path not in got:
            found.append(f"{path} is missing (was {sent[path]!r})")
        elif path not in sent:
            found.append(f"{path} was added ({got[path]!r})")
        else:
            found.append(f"{path} is {got[path]!r}, was {sent[path]!r}")
    return found


def _json_object(value: dict[str, Any], path: str, name: str, table: Table) -> None:
    is_resource = "resourceType" in value
    for key in sorted({key.removeprefix("_") for key in value}):
        item, extra = value.get(key), value.get(f"_{key}")
        if key == "resourceType":
            continue
        if key == "id" and not is_resource:
            table[f"{path}/@id"] = str(item)
        elif key == "url" and name in ("extension", "modifierExtension"):
            table[f"{path}/@url"] = str(item)
        else:
            items = item if isinstance(item, list) else [item]
            extras = extra if isinstance(extra, list) else [extra]
            for index in range(max(len(items), len(extras))):
                one = items[index] if index < len(items) else None
                more = extras[index] if index < len(extras) else None
                _json_element(one, more, f"{path}.{key}[{index}]", key, table)


def _json_element(item: Any, extra: Any, path: str, name: str, table: Table) -> None:
    if isinstance(item, dict):
        inner = f"{path}/{item['resourceType']}" if "resourceType" in item else path
        _json_object(item, inner, name, table)
    elif name == "div" and isinstance(item, str):
        table[path] = _narrative(item)
    elif item is not None:
        table[f"{path}/@value"] = _primitive(item)
    if isinstance(extra, dict):
        _json_object(extra, path, name, table)


def _primitive(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | Decimal) else repr(value)


def _narrative(text: str) -> str:
    try:
        return _canonical(etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True)))
    except etree.XMLSyntaxError:
        return text


def _canonical(element: etree._Element) -> str:
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False).decode()


def _xml_children(element: etree._Element, path: str, table: Table) -> None:
    for attribute, value in element.attrib.items():
        table[f"{path}/@{attribute!s}"] = str(value)
    seen: Counter[str] = Counter()
    for child in element:
        name = etree.QName(child)
        here = f"{path}.{name.localname}[{seen[name.localname]}]"
        seen[name.localname] += 1
        if name.namespace == XHTML_NAMESPACE:
            table[here] = _canonical(child)
        elif len(child) == 1 and etree.QName(child[0]).localname[:1].isupper():
            inner = child[0]
            _xml_children(inner, f"{here}/{etree.QName(inner).localname}", table)
        else:
            _xml_children(child, here, table)
