"""Finds the elements of a mapping that a search path means.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fhir_server.mappings.datatypes import Backbone, Choice, Element, Extension
from fhir_server.mappings.model import Mapping


@dataclass(frozen=True, slots=True)
class Found:
    """One element that a path means.

    path     its path with the type of a choice: "component.value:Quantity"
    element  the element
    part     what follows inside a datatype that is kept as a whole: "family" for "name.family", else ""
    """

    path: str
    element: Element
    part: str = ""


def fhir_type(element: Element) -> str:
    """Return the FHIR type code of an element: that of a datatype taken apart is the datatype's."""
    if isinstance(element, Backbone) and element.of:
        return element.of
    return element.type


def variants(element: Element, path: str) -> Iterator[tuple[str, Element]]:
    """Yield (path, element) for each type of a choice or extension; for any other element, itself."""
    if isinstance(element, Choice | Extension):
        for child in element.children:
            yield f"{path}:{fhir_type(child)}", child
    else:
        yield path, element


def find(mapping: Mapping, steps: str) -> tuple[Found, ...]:
    """Return the elements that `steps` means, in the order of the mapping; () when the mapping keeps none of them."""
    found = [Found("", Backbone("", "1..1", *mapping.elements))]
    for step in steps.split("."):
        name, _, type_code = step.partition(":")
        found = [deeper for place in found for deeper in _step(place, name, type_code)]
    return tuple(found)


def _step(place: Found, name: str, type_code: str) -> Iterable[Found]:
    if place.part:
        return ()
    if not isinstance(place.element, Backbone):
        return (Found(place.path, place.element, name),)
    prefix = f"{place.path}." if place.path else ""
    return [
        Found(path, element)
        for child in place.element.children
        if child.name == name
        for path, element in variants(child, prefix + name)
        if not type_code or fhir_type(element) == type_code
    ]
