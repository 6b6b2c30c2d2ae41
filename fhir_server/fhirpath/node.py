"""Node: one element of a resource, with where it stands.

https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fhir_server.fhirpath.model import element_name


class Node(msgspec.Struct, eq=False, gc=False):
    """An element or resource met while evaluating.

    value    the JSON value as decoded: a dict for complex types and resources, else str, int, bool or Decimal; None
             for a primitive that has only an id or extensions
    type     R4 type name: "HumanName", "code", "Patient", "Patient.contact"
    extra    a primitive's `_field` object with its id and extensions, or None
    parent   the Node that holds this one; None for the resource or element the evaluation began at
    key      JSON property of the parent ("name", "valueQuantity"); "" where parent is None
    index    place in the parent's array, None where the property holds no array

    A struct of msgspec because evaluation makes many: half the time of a class with __slots__. It refers upwards only
    and can be left to reference counting.
    """

    value: Any
    type: str
    extra: dict[str, Any] | None = None
    parent: Node | None = None
    key: str = ""
    index: int | None = None

    def __repr__(self) -> str:
        # The value may be data of a patient; it has no business in a log.
        return f"Node({self.type} at {self.path})"

    @property
    def name(self) -> str:
        """The element's name: that of the property, but "value" for "valueQuantity"; "" where parent is None."""
        if self.parent is None:
            return ""
        return element_name(self.parent.type, self.key)

    @property
    def path(self) -> str:
        """The place as FHIRPath from the start of the evaluation: "Patient.name[0].given[1]"."""
        steps: list[str] = []
        node: Node = self
        while node.parent is not None:
            steps.append(node.name if node.index is None else f"{node.name}[{node.index}]")
            node = node.parent
        return ".".join([node.type, *reversed(steps)])


def root_node(value: dict[str, Any], type_name: str = "") -> Node:
    """Return the Node an evaluation starts at; the type of a resource is read from it."""
    return Node(value, type_name or str(value.get("resourceType", "Resource")))


class TypeInfo(NamedTuple):
    """What type() returns: namespace "FHIR" or "System", and the name there."""

    namespace: str
    name: str
