"""The `value` part of a FHIRPath Patch operation, turned into the JSON of the element it is meant for.

https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Invalid
from fhir_server.fhirpath.model import Slot, elements, is_primitive
from fhir_server.rest.patch.element_edit import Pair, add, copied

_VALUE = re.compile(r"_?value([A-Z][A-Za-z0-9]*)", re.ASCII)
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Content:
    """What a parameter carries.

    suffix  type as the property names it ("Date" of valueDate), "" for parts and resources
    value   the value, None where there is none
    extra   ids and extensions of a primitive value, or None
    parts   parameters that name the children of an element without a type of its own, or None
    """

    suffix: str = ""
    value: Any = None
    extra: dict[str, Any] | None = None
    parts: list[Any] | None = None


def content_of(parameter: dict[str, Any]) -> Content:
    """Return what a parameter carries. Raises Invalid where it carries nothing, or more than one thing."""
    suffixes = {found[1] for key in parameter if (found := _VALUE.fullmatch(key))}
    resource, parts = parameter.get("resource"), parameter.get("part")
    if len(suffixes) + (resource is not None) + (parts is not None) != 1:
        raise Invalid("It must carry exactly one value: value[x], a resource, or parts.")
    if parts is not None:
        if not isinstance(parts, list) or not parts:
            raise Invalid("Its parts must be an array that is not empty.")
        return Content(parts=parts)
    if resource is not None:
        return Content(value=resource)
    suffix = suffixes.pop()
    extra = parameter.get("_value" + suffix)
    return Content(suffix, parameter.get("value" + suffix), extra if isinstance(extra, dict) else None)


def slot_for(type_name: str, name: str, content: Content) -> Slot:
    """Return the property of `type_name` that `content` goes to; a choice may be named without its type.

    Raises Invalid for a name or a type R4 does not have there.
    """
    table = elements(type_name)
    slots = table.get(name) or tuple(slot for each in table.values() for slot in each if slot.key == name)
    if not slots:
        raise Invalid(f"R4 has no element of that name in {type_name}.")
    if len(slots) == 1:
        return slots[0]
    for slot in slots:
        if slot.key == name + content.suffix:
            return slot
    raise Invalid(f"The element {name} of {type_name} cannot have that type.")


def pair_for(slot: Slot, content: Content, depth: int = 0) -> Pair:
    """Return the JSON of an element under `slot`; shares nothing with `content`.

    Raises Invalid where a complex value is meant for a primitive element or the other way round.
    """
    if depth > _MAX_DEPTH:
        raise Invalid(f"It nests elements deeper than {_MAX_DEPTH} levels.")
    if content.parts is not None:
        if is_primitive(slot.type) or slot.type == "Resource":
            raise Invalid("Parts are for elements that have no type of their own; this one has.")
        return _built(slot.type, content.parts, depth), None
    if is_primitive(slot.type) == isinstance(content.value, dict) and content.value is not None:
        raise Invalid(f"The element has the type {slot.type}; the value does not.")
    if not is_primitive(slot.type) and (content.value is None or isinstance(content.value, list)):
        raise Invalid(f"The element has the type {slot.type}; the value does not.")
    return copied(content.value), copied(content.extra)


def _built(type_name: str, parts: list[Any], depth: int) -> dict[str, Any]:
    """Return the element that parts describe: each names a child and carries its value."""
    made: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise Invalid("Each part must be an object with a name.")
        content = content_of(part)
        slot = slot_for(type_name, part["name"], content)
        if not slot.repeats and (slot.key in made or slot.extra_key in made):
            raise Invalid("A part stands twice, but its element may not repeat.")
        add(made, slot, pair_for(slot, content, depth + 1))
    return made
