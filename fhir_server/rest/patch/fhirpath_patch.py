"""FHIRPath Patch: a Parameters resource whose operations name elements by FHIRPath.

https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import BadRequest, FhirError, Invalid, TooCostly
from fhir_server.fhirpath import Node, compile  # noqa: A004 - the word of the trade
from fhir_server.fhirpath.model import Slot, elements
from fhir_server.rest.patch.element_content import Content, content_of, pair_for, slot_for
from fhir_server.rest.patch.element_edit import add, children_of, copied, depth, height, pairs, place, remove, set_pairs

MAX_OPERATIONS = 2_000
_MAX_DEPTH = 64
_STEPS = 2_000_000  # that all operations share
_FEWEST_STEPS = 5_000  # that each of them gets
_LAST_STEP = re.compile(r"(?P<head>.+)\.\s*`?(?P<name>[A-Za-z][A-Za-z0-9]*)`?\s*", re.DOTALL | re.ASCII)

# Parts an operation of each type must have, beside type and path.
_NEEDS = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}
_TEXTS = ("valueString", "valueCode", "valueId")
_NUMBERS = ("valueInteger", "valueUnsignedInt", "valuePositiveInt")


def apply(document: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return `document` with the operations of a Parameters resource carried out; `document` stays as it is.

    Raises BadRequest where the Parameters are no patch or a path is no FHIRPath, Invalid (422) where an operation does
    not fit the document, TooCostly beyond the bounds. The expression names the operation: "Parameters.parameter[2]".
    """
    if parameters.get("resourceType") != "Parameters":
        raise BadRequest("A FHIRPath Patch is a Parameters resource.")
    operations = parameters.get("parameter", [])
    if not isinstance(operations, list):
        raise BadRequest("The parameter of a FHIRPath Patch must be an array.", "Parameters.parameter")
    if len(operations) > MAX_OPERATIONS:
        raise TooCostly(f"The FHIRPath Patch has more than {MAX_OPERATIONS} operations.", "Parameters.parameter")
    result: dict[str, Any] = copied(document)
    budget = max(_FEWEST_STEPS, _STEPS // max(len(operations), 4))
    for index, operation in enumerate(operations):
        try:
            _ACTIONS[(read := _operation(operation)).type](_Run(result, read, budget))
        except FhirError as error:
            error.expression = f"Parameters.parameter[{index}]"
            raise
    return result


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation as it was read; numbers are 0 and `value` is empty where its type does not use them."""

    type: str
    path: str
    name: str = ""
    value: Content = Content()  # noqa: RUF009 - immutable
    index: int = 0
    source: int = 0
    destination: int = 0


def _operation(parameter: Any) -> _Operation:
    """Return the operation a parameter describes. Raises BadRequest where it describes none."""
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        raise BadRequest("Each parameter of a FHIRPath Patch is called operation.")
    parts: dict[str, dict[str, Any]] = {}
    listed = parameter.get("part")
    for part in listed if isinstance(listed, list) else ():
        name = part.get("name") if isinstance(part, dict) else None
        if name not in ("type", "path", "name", "value", "index", "source", "destination"):
            raise BadRequest("An operation has a part that FHIRPath Patch does not define.")
        if name in parts:
            raise BadRequest(f"An operation has the part {name} twice.")
        parts[name] = part
    kind = _text(parts, "type")
    if kind not in _NEEDS:
        raise BadRequest("The type of an operation must be add, insert, delete, replace or move.")
    read: dict[str, Any] = {}
    for name in _NEEDS[kind]:
        if name == "name":
            read[name] = _text(parts, name)
        elif name == "value":
            read[name] = _value(parts)
        else:
            read[name] = _number(parts, name)
    return _Operation(kind, _text(parts, "path"), **read)


def _text(parts: dict[str, dict[str, Any]], name: str) -> str:
    part = parts.get(name, {})
    found = next((part[key] for key in _TEXTS if key in part), None)
    if not isinstance(found, str) or not found:
        raise BadRequest(f"The operation needs a part {name} with a valueString or valueCode.")
    return found


def _number(parts: dict[str, dict[str, Any]], name: str) -> int:
    part = parts.get(name, {})
    found = next((part[key] for key in _NUMBERS if key in part), None)
    if not isinstance(found, int) or isinstance(found, bool):
        raise BadRequest(f"The operation needs a part {name} with a valueInteger.")
    return found


def _value(parts: dict[str, dict[str, Any]]) -> Content:
    if "value" not in parts:
        raise BadRequest("The operation needs a part value.")
    try:
        return content_of(parts["value"])
    except Invalid as error:
        raise BadRequest(error.diagnostics) from None


class _Run:
    """One operation on the document it may change."""

    def __init__(self, document: dict[str, Any], operation: _Operation, budget: int) -> None:
        self.operation = operation
        self._document = document
        self._budget = budget

    def add(self) -> None:
        target = self._single(self._find(self.operation.path))
        content = self.operation.value
        self._add(target, slot_for(target.type, self.operation.name, content))

    def _add(self, target: Node, slot: Slot) -> None:
        pair = pair_for(slot, self.operation.value)
        self._expect_depth(target, pair[0])
        held = children_of(target)
        if not slot.repeats:
            name = next(name for name, slots in elements(target.type).items() if slot in slots)
            for other in elements(target.type)[name]:
                if other.key in held or (other.extra_key and other.extra_key in held):
                    raise Invalid(f"The element {name} is there already and does not repeat; use replace.")
        add(held, slot, pair)

    def insert(self) -> None:
        found = self._find(self.operation.path)
        if not found:
            self._insert_first()
            return
        parent, key, count = self._whole_list(found)
        if not 0 <= self.operation.index <= count:
            raise Invalid(f"The list has {count} items, so the index must be between 0 and {count}.")
        slot = slot_for(parent.type, key, self.operation.value)
        pair = pair_for(slot, self.operation.value)
        self._expect_depth(parent, pair[0])
        held = children_of(parent)
        items = pairs(held, key)
        items.insert(self.operation.index, pair)
        set_pairs(held, key, items)

    def _insert_first(self) -> None:
        """Insert into a list that is not there yet: the step before its name must find the element around it."""
        split = _LAST_STEP.fullmatch(self.operation.path)
        if split is None:
            raise Invalid("The path finds nothing.")
        parent = self._single(self._find(split["head"]))
        slot = slot_for(parent.type, split["name"], self.operation.value)
        if not slot.repeats:
            raise Invalid("Only into a repeating element can something be inserted; use add.")
        if self.operation.index != 0:
            raise Invalid("The list has no items, so the index must be 0.")
        self._add(parent, slot)

    def delete(self) -> None:
        found = self._find(self.operation.path)
        if found:
            node = self._single(found)
            self._expect_inside(node)
            remove(node)

    def replace(self) -> None:
        node = self._single(self._find(self.operation.path))
        parent = self._expect_inside(node)
        slot = slot_for(parent.type, node.name, self.operation.value)
        pair = pair_for(slot, self.operation.value)
        self._expect_depth(parent, pair[0])
        if slot.key == node.key:
            place(node, pair)
        else:  # a choice that changes its type, which never repeats
            held = children_of(parent)
            place(node, (None, None))
            add(held, slot, pair)

    def move(self) -> None:
        found = self._find(self.operation.path)
        if not found:
            raise Invalid("The path finds nothing.")
        parent, key, count = self._whole_list(found)
        source, destination = self.operation.source, self.operation.destination
        if not (0 <= source < count and 0 <= destination < count):
            raise Invalid(f"The list has {count} items, so source and destination must be between 0 and {count - 1}.")
        held = children_of(parent)
        items = pairs(held, key)
        items.insert(destination, items.pop(source))
        set_pairs(held, key, items)

    # places

    def _find(self, path: str) -> list[Node]:
        found = compile(path).evaluate(self._document, budget=self._budget)
        nodes = [item for item in found if isinstance(item, Node)]
        if len(nodes) != len(found) or any(self._is_foreign(node) for node in nodes):
            raise Invalid("The path must find elements of the resource, not values computed from them.")
        return nodes

    def _is_foreign(self, node: Node) -> bool:
        while node.parent is not None:
            node = node.parent
        return node.value is not self._document

    def _single(self, found: list[Node]) -> Node:
        if len(found) != 1:
            raise Invalid(f"The path must find one element; it finds {len(found) or 'none'}.")
        return found[0]

    def _expect_inside(self, node: Node) -> Node:
        """Return the parent of a node that is not the resource itself."""
        if node.parent is None:
            raise Invalid(f"The resource itself cannot be the target of {self.operation.type}.")
        return node.parent

    def _whole_list(self, found: list[Node]) -> tuple[Node, str, int]:
        """Return parent, property and length of the list that the nodes are; Invalid where they are no whole list."""
        first = found[0]
        parent = self._expect_inside(first)
        held = children_of(parent)
        count = len(pairs(held, first.key))
        same = all(
            node.key == first.key and node.parent is not None and children_of(node.parent) is held for node in found
        )
        if first.index is None or not same or len({node.index for node in found}) != count:
            raise Invalid(f"The path of {self.operation.type} must find one whole list, as it is in one element.")
        return parent, first.key, count

    def _expect_depth(self, parent: Node, value: Any) -> None:
        if depth(parent) + height(value) > _MAX_DEPTH:
            raise TooCostly(f"The operation would nest elements deeper than {_MAX_DEPTH} levels.")


_ACTIONS: dict[str, Callable[[_Run], None]] = {
    "add": _Run.add,
    "insert": _Run.insert,
    "delete": _Run.delete,
    "replace": _Run.replace,
    "move": _Run.move,
}
