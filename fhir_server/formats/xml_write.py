"""The dictionary of a resource to FHIR XML, led by the definitions.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from fhir_server.errors import Invalid
from fhir_server.formats.xml_layout import FHIR, PRIMITIVE, Layout, Slot, layout_of
from fhir_server.formats.xml_narrative import markup_of

_SPECIAL = re.compile('[&<>"\0-\x1f\ud800-\udfff\ufffe\uffff]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def write(resource: dict[str, Any], *, pretty: bool) -> str:
    """Return the XML document of `resource`; raises Invalid for what has no XML form."""
    writer = _Writer(pretty=pretty)
    writer.resource(resource, 0, f' xmlns="{FHIR}"')
    return '<?xml version="1.0" encoding="UTF-8"?>' + "".join(writer.parts)


class _Writer:
    """Collects the parts of one document."""

    def __init__(self, *, pretty: bool) -> None:
        self.parts: list[str] = []
        self._pretty = pretty

    def resource(self, resource: Any, level: int, attributes: str = "") -> None:
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        try:
            layout = layout_of(name) if isinstance(name, str) else None
        except KeyError:
            layout = None
        if layout is None or name is None:
            raise Invalid("A resource without a resourceType of R4 has no XML form.")
        content = {key: value for key, value in resource.items() if key != "resourceType"}
        self._complex(name, content, layout, level, attributes)

    def _complex(self, tag: str, data: Any, layout: Layout, level: int, attributes: str = "") -> None:
        if not isinstance(data, dict):
            raise Invalid(f"The element {tag} must be an object; otherwise it has no XML form.")
        slots: dict[str, Slot] = {}
        for key in data:
            slot = layout.get(key) or layout.get(key.removeprefix("_"))
            if slot is None:
                raise Invalid(f"A property of {tag} is not one of R4 and has no XML form.")
            if slot.kind == "attribute":
                attributes += f' {slot.name}="{_attribute(data[key], slot.name)}"'
            else:
                slots[slot.name] = slot
        if not slots:
            self._line(level, f"<{tag}{attributes}/>")
            return
        self._line(level, f"<{tag}{attributes}>")
        for slot in sorted(slots.values(), key=_order):
            self._slot(slot, data, level + 1)
        self._line(level, f"</{tag}>")

    def _slot(self, slot: Slot, data: dict[str, Any], level: int) -> None:
        value = data.get(slot.name)
        if slot.kind == "primitive":
            self._primitives(slot, value, data.get("_" + slot.name), level)
            return
        items = value if slot.repeats else [value]
        if not isinstance(items, list):
            raise Invalid(f"The element {slot.name} must be an array; otherwise it has no XML form.")
        for item in items:
            if slot.kind == "narrative":
                self._line(level, markup_of(str(item)))
            elif slot.kind == "resource":
                self._line(level, f"<{slot.name}>")
                self.resource(item, level + 1)
                self._line(level, f"</{slot.name}>")
            else:
                self._complex(slot.name, item, layout_of(slot.type), level)

    def _primitives(self, slot: Slot, value: Any, extra: Any, level: int) -> None:
        if not slot.repeats:
            self._primitive(slot.name, value, extra, level)
            return
        values = [] if value is None else value
        extras = [] if extra is None else extra
        if not isinstance(values, list) or not isinstance(extras, list):
            raise Invalid(f"The element {slot.name} must be an array; otherwise it has no XML form.")
        for one, other in zip_longest(values, extras):
            self._primitive(slot.name, one, other, level)

    def _primitive(self, name: str, value: Any, extra: Any, level: int) -> None:
        attributes = "" if value is None else f' value="{_attribute(value, name)}"'
        if extra is None:
            self._line(level, f"<{name}{attributes}/>")
        else:
            self._complex(name, extra, layout_of(PRIMITIVE), level, attributes)

    def _line(self, level: int, text: str) -> None:
        if self._pretty:
            self.parts.append("\n" + "  " * level)
        self.parts.append(text)


def _order(slot: Slot) -> int:
    return slot.order


def _attribute(value: Any, name: str) -> str:
    if isinstance(value, str):
        return _SPECIAL.sub(_reference, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    raise Invalid(f"The value of {name} must be a text, number or boolean; otherwise it has no XML form.")


def _reference(match: re.Match[str]) -> str:
    # Characters that XML cannot hold in any spelling are shown as the replacement character.
    return _REFERENCES.get(match[0], "\ufffd")
