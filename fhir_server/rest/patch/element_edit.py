"""Changes to elements inside a decoded resource: values keep step with the ids and extensions JSON keeps beside them.

https://hl7.org/fhir/R4/json.html#primitive

A pair is what one element is in JSON: its value, and for a primitive the object of its underscore property; either
may be None.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from fhir_server.fhirpath import Node
from fhir_server.fhirpath.model import Slot
from fhir_server.fhirpath.navigation import container

Pair = tuple[Any, Any]


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares no object or array with it."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def height(value: Any) -> int:
    """Return how many levels of elements are nested in a JSON value, itself included where it is an object."""
    level, levels = [value], 0
    while level:
        below: list[Any] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        levels += any(isinstance(item, dict) for item in level)
        level = below
    return levels


def depth(node: Node) -> int:
    """Return how many elements a node is in, itself included."""
    levels = 1
    while node.parent is not None:
        node = node.parent
        levels += 1
    return levels


def children_of(node: Node) -> dict[str, Any]:
    """Return the JSON object that holds a node's children; a primitive gets one where it has none."""
    held = container(node)
    if held is None:
        held = {}
        place(node, (node.value, held))
    return held


def pairs(held: dict[str, Any], key: str) -> list[Pair]:
    """Return the items of the repeating element under `key`."""
    values, extras = held.get(key), held.get("_" + key)
    return list(
        zip_longest(
            values if isinstance(values, list) else (), extras if isinstance(extras, list) else (), fillvalue=None
        )
    )


def set_pairs(held: dict[str, Any], key: str, items: list[Pair]) -> None:
    """Put `items` under `key`; an array without content is left out."""
    for name, column in ((key, [item[0] for item in items]), ("_" + key, [item[1] for item in items])):
        if any(item is not None for item in column):
            held[name] = column
        else:
            held.pop(name, None)


def set_pair(held: dict[str, Any], key: str, item: Pair) -> None:
    """Put one item under `key`, which does not repeat."""
    for name, part in ((key, item[0]), ("_" + key, item[1])):
        if part is None:
            held.pop(name, None)
        else:
            held[name] = part


def place(node: Node, item: Pair) -> None:
    """Put `item` where `node`, which has a parent, stands."""
    if node.parent is None:
        raise ValueError("the resource itself stands nowhere")
    held = children_of(node.parent)
    if node.index is None:
        set_pair(held, node.key, item)
    else:
        items = pairs(held, node.key)
        items[node.index] = item
        set_pairs(held, node.key, items)


def remove(node: Node) -> None:
    """Take `node` away, and with it the elements around it that would be left empty, which FHIR does not allow."""
    parent = node.parent
    if parent is None:
        raise ValueError("the resource itself stands nowhere")
    held = children_of(parent)
    if node.index is None:
        set_pair(held, node.key, (None, None))
    else:
        items = pairs(held, node.key)
        del items[node.index]
        set_pairs(held, node.key, items)
    if held or parent.parent is None:
        return
    if held is parent.value or parent.value is None:
        remove(parent)
    else:
        place(parent, (parent.value, None))


def add(held: dict[str, Any], slot: Slot, item: Pair) -> None:
    """Append `item` to a repeating element, or put it where a single one may stand."""
    if slot.repeats:
        set_pairs(held, slot.key, [*pairs(held, slot.key), item])
    else:
        set_pair(held, slot.key, item)
