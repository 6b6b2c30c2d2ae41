"""What XML needs to know of each type: which names it may hold, in which order, as attribute or element.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from fhir_server.definitions import Element, load
from fhir_server.formats.numbers import decimal_or_text, integer_or_text

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"

Kind = Literal["attribute", "primitive", "complex", "resource", "narrative"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One name that a type may hold; JSON property and XML element or attribute are called the same.

    order    position XML demands; the variants of a choice share it
    type     FHIR type of the content
    value    turns the text of a primitive into what JSON would hold
    """

    name: str
    order: int
    kind: Kind
    type: str
    repeats: bool
    value: Callable[[str], Any]


Layout = dict[str, Slot]

# The type that says what a primitive may hold beside its value: id and extensions.
PRIMITIVE = "Element"


def _boolean(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


def _text(text: str) -> str:
    return text


_VALUES: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "decimal": decimal_or_text,
    "integer": integer_or_text,
    "positiveInt": integer_or_text,
    "unsignedInt": integer_or_text,
}


def _kind(element: Element, type_name: str) -> Kind:
    if element.attribute:
        return "attribute"
    if type_name == "Resource":
        return "resource"
    if type_name == "xhtml":
        return "narrative"
    return "primitive" if load().type(type_name).kind == "primitive" else "complex"


@cache
def layout_of(type_name: str) -> Layout:
    """Return the slots of a resource, datatype or backbone element by name, in XML order.

    Raises KeyError for a type R4 does not know.
    """
    return {
        name: Slot(
            name=name,
            order=element.order,
            kind=_kind(element, ref.code),
            type=ref.code,
            repeats=element.max is None or element.max > 1,
            value=_VALUES.get(ref.code, _text),
        )
        for element in load().type(type_name).elements
        for name, ref in element.json_keys()
    }


@cache
def tags_of(type_name: str) -> Layout:
    """Return the slots that are elements of a type, by the qualified name the XML parser gives them."""
    return {
        f"{{{XHTML if slot.kind == 'narrative' else FHIR}}}{name}": slot
        for name, slot in layout_of(type_name).items()
        if slot.kind != "attribute"
    }
