"""FHIR XML to the same dictionary that JSON would give, led by the definitions.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from lxml import etree

from fhir_server.definitions import load
from fhir_server.errors import Issue, MalformedContent
from fhir_server.formats import xml_narrative
from fhir_server.formats.xml_layout import FHIR, PRIMITIVE, Layout, Slot, layout_of, tags_of

_PREFIX = f"{{{FHIR}}}"
_MAX_ISSUES = 20


def read(root: etree._Element, narratives: Iterable[str], max_depth: int) -> dict[str, Any]:
    """Return the resource that `root` holds.

    narratives  source text of every outermost XHTML div in the tree, in document order
    Raises MalformedContent with up to 20 issues, each with its place.
    """
    if not _is_resource(root):
        raise MalformedContent(f"The root element must be an R4 resource in the namespace {FHIR}.")
    reader = _Reader(narratives, max_depth)
    resource = reader.resource(root, 1)
    for sibling in chain(root.itersiblings(), root.itersiblings(preceding=True)):
        if not _is_comment(sibling):
            reader.report(root, "Processing instructions are not allowed.")
    if reader.issues:
        raise MalformedContent(reader.issues[0].diagnostics, issues=tuple(reader.issues))
    return resource


class _Reader:
    """Reads one document: collects issues and hands out the narratives in document order."""

    def __init__(self, narratives: Iterable[str], max_depth: int) -> None:
        self.issues: list[Issue] = []
        self._max_depth = max_depth
        self._narratives = iter(narratives)

    def resource(self, element: etree._Element, depth: int) -> dict[str, Any]:
        name = _local(element)
        return {"resourceType": name, **self._complex(element, name, depth)}

    def _complex(self, element: etree._Element, type_name: str, depth: int, ignore: str = "") -> dict[str, Any]:
        """Return the object an element of a type stands for; `ignore` names an attribute that is read elsewhere."""
        if depth > self._max_depth:
            raise MalformedContent(f"The document nests elements deeper than {self._max_depth} levels.")
        data: dict[str, Any] = {}
        if element.attrib:
            self._attributes(element, layout_of(type_name), ignore, data)
        self._expect_no_text(element, element.text)
        tags = tags_of(type_name)
        arrays: list[str] = []
        last = -1
        for child in element:
            tail = child.tail
            if tail and not tail.isspace():
                self._expect_no_text(element, tail)
            slot = tags.get(child.tag)
            if slot is None:
                self._unknown(child)
                continue
            if slot.order < last:
                self.report(child, "The element stands after one that must follow it: order matters in FHIR XML.")
            else:
                last = slot.order
            self._add(data, arrays, slot, child, depth + 1)
        for name in arrays:
            _drop_empty(data, name)
        return data

    def _attributes(self, element: etree._Element, layout: Layout, ignore: str, data: dict[str, Any]) -> None:
        for key, text in element.attrib.items():
            name = str(key)
            slot = layout.get(name)
            if slot is not None and slot.kind == "attribute":
                data[name] = str(text)
            elif name != ignore:
                self.report(element, f"The element has an attribute that FHIR does not define{_quoted(name)}.")

    def _unknown(self, child: etree._Element) -> None:
        """Report a child that fills no slot, unless it is a comment."""
        tag = _tag(child)
        if tag.startswith(_PREFIX):
            self.report(child, f"FHIR does not define this element here{_quoted(_local(child))}.")
        elif tag:
            self.report(child, "The element is not in the namespace that FHIR gives it.")
        elif not _is_comment(child):
            self.report(child.getparent(), "Processing instructions and entities are not allowed.")

    def _add(self, data: dict[str, Any], arrays: list[str], slot: Slot, child: etree._Element, depth: int) -> None:
        name = slot.name
        if slot.kind == "primitive":
            value, extra = self._primitive(child, slot, depth)
            if slot.repeats:
                if name not in data:
                    data[name], data["_" + name] = [], []
                    arrays.append(name)
                data[name].append(value)
                data["_" + name].append(extra)
                return
            self._expect_first(data, name, child)
            if value is not None:
                data[name] = value
            if extra is not None:
                data["_" + name] = extra
            return
        content = self._content(child, slot, depth)
        if slot.repeats:
            data.setdefault(name, []).append(content)
        else:
            self._expect_first(data, name, child)
            data[name] = content

    def _content(self, child: etree._Element, slot: Slot, depth: int) -> Any:
        if slot.kind == "resource":
            return self._wrapped(child, depth)
        if slot.kind == "narrative":
            return xml_narrative.text_of(child, next(self._narratives, ""))
        return self._complex(child, slot.type, depth)

    def _primitive(self, element: etree._Element, slot: Slot, depth: int) -> tuple[Any, dict[str, Any] | None]:
        """Return the value (None without one) and what JSON keeps under the underscore name (None without)."""
        text = element.get("value")
        value = None if text is None else slot.value(text)
        if text is not None and not len(element) and len(element.attrib) == 1 and element.text is None:
            return value, None
        extra = self._complex(element, PRIMITIVE, depth, ignore="value")
        if text is None and not extra:
            self.report(element, "The element is empty: it needs a value or an extension.")
        return value, extra or None

    def _wrapped(self, element: etree._Element, depth: int) -> dict[str, Any]:
        """Return the resource inside contained, entry.resource, parameter.resource or response.outcome."""
        self._expect_no_text(element, element.text)
        if element.attrib:
            self.report(element, "The element has an attribute that FHIR does not define.")
        inner = []
        for child in element:
            self._expect_no_text(element, child.tail)
            if not _is_comment(child):
                inner.append(child)
        if len(inner) == 1 and _is_resource(inner[0]):
            return self.resource(inner[0], depth)
        self.report(element, "The element must hold exactly one R4 resource.")
        return {}

    def _expect_no_text(self, element: etree._Element, text: str | None) -> None:
        if text and not text.isspace():
            self.report(element, "There is text between elements; FHIR values stand in attributes.")

    def _expect_first(self, data: dict[str, Any], name: str, child: etree._Element) -> None:
        if name in data or "_" + name in data:
            self.report(child, "The element stands twice but may not repeat.")

    def report(self, element: etree._Element | None, diagnostics: str) -> None:
        """Add an issue at `element`; raises once there are 20."""
        place = "" if element is None else expression_of(element)
        number = getattr(element, "sourceline", None) or 1
        line = f" (line {number})" if number > 1 else ""  # in a document of one line it says nothing
        self.issues.append(Issue("error", "structure", diagnostics.removesuffix(".") + line + ".", place))
        if len(self.issues) >= _MAX_ISSUES:
            raise MalformedContent(self.issues[0].diagnostics, issues=tuple(self.issues))


def expression_of(element: etree._Element) -> str:
    """Return the FHIRPath of an element, from the root resource down to the last ancestor that FHIR knows."""
    lineage = [element, *element.iterancestors()][::-1]
    path, layout = _local(lineage[0]), layout_of(_local(lineage[0]))
    for node in lineage[1:]:
        slot = layout.get(_local(node))
        if slot is not None and slot.kind != "attribute":
            path += f".{slot.name}"
            if slot.repeats:
                path += f"[{sum(1 for _ in node.itersiblings(node.tag, preceding=True))}]"
            layout = layout_of(PRIMITIVE) if slot.kind == "primitive" else _layout_below(slot)
        elif _is_resource(node):
            layout = layout_of(_local(node))
        else:
            break
    return path


def _layout_below(slot: Slot) -> Layout:
    return {} if slot.kind in ("narrative", "resource") else layout_of(slot.type)


def _tag(node: etree._Element) -> str:
    """Return the qualified name of an element, "" for a comment, processing instruction or entity."""
    tag: object = node.tag
    return tag if isinstance(tag, str) else ""


def _local(element: etree._Element) -> str:
    return _tag(element).rpartition("}")[2]


def _is_resource(element: etree._Element) -> bool:
    return _tag(element).startswith(_PREFIX) and _local(element) in load().resource_type_set


def _is_comment(node: etree._Element) -> bool:
    return isinstance(node, etree._Comment)


def _quoted(name: str) -> str:
    """Return the name for a message where it looks like one of FHIR's; anything else may be anything."""
    return f": {name}" if name.isascii() and name.isalnum() and len(name) <= 64 else ""


def _drop_empty(data: dict[str, Any], name: str) -> None:
    """Leave of the two arrays of a repeating primitive only those that hold something."""
    for key in (name, "_" + name):
        if all(item is None for item in data[key]):
            del data[key]
