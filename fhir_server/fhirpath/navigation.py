"""Steps from an element to its children.

https://hl7.org/fhirpath/N1/#path-selection
"""

from __future__ import annotations

from typing import Any

from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.model import Slot, elements
from fhir_server.fhirpath.node import Node, TypeInfo


def container(node: Node) -> dict[str, Any] | None:
    """Return the JSON object that holds a node's children: its value, or for a primitive its `_field` object."""
    value = node.value
    return value if type(value) is dict else node.extra


def collect(node: Node, held: dict[str, Any], slot: Slot, found: Items) -> None:
    """Append the nodes that stand under one JSON property of `held`."""
    value = held.get(slot.key)
    extra = held.get(slot.extra_key) if slot.extra_key else None
    if type(value) is list or type(extra) is list:
        _collect_list(node, slot, value, extra, found)
    elif value is not None:
        found.append(Node(value, _type(slot, value), extra, node, slot.key))
    elif extra is not None:
        found.append(Node(None, slot.type, extra, node, slot.key))


def _collect_list(node: Node, slot: Slot, value: Any, extra: Any, found: Items) -> None:
    key, type_name = slot.key, slot.type
    values = value if type(value) is list else []
    if extra is None:
        fixed = type_name != "Resource"
        for index, item in enumerate(values):
            if item is not None:
                found.append(Node(item, type_name if fixed else _type(slot, item), None, node, key, index))
        return
    extras = extra if type(extra) is list else []
    for index in range(max(len(values), len(extras))):
        item = values[index] if index < len(values) else None
        more = extras[index] if index < len(extras) else None
        if item is not None or more is not None:
            found.append(Node(item, type_name, more if type(more) is dict else None, node, key, index))


def _type(slot: Slot, value: Any) -> str:
    if slot.type == "Resource" and type(value) is dict:
        return str(value.get("resourceType", "Resource"))
    return slot.type


def step(items: Items, name: str, env: Environment) -> Items:
    """Return the elements called `name` of every item, in document order."""
    found: Items = []
    for item in items:
        if type(item) is not Node:
            if type(item) is TypeInfo and name in ("namespace", "name"):
                found.append(getattr(item, name))
            continue
        held = item.value
        if type(held) is not dict:
            held = item.extra
            if type(held) is not dict:
                continue
        slots = elements(item.type).get(name)
        if slots is None:
            continue
        if len(slots) == 1:
            collect(item, held, slots[0], found)
        else:
            for slot in slots:
                if slot.key in held or slot.extra_key in held:
                    collect(item, held, slot, found)
    env.steps -= len(found) + 1
    if env.steps < 0:
        env.spend(0)
    return found


def children(node: Node) -> Items:
    """Return all children of a node, in document order of their first JSON property."""
    held = container(node)
    if type(held) is not dict:
        return []
    found: Items = []
    for slots in elements(node.type).values():
        for slot in slots:
            if slot.key in held or slot.extra_key in held:
                collect(node, held, slot, found)
    return found


def descendants(items: Items, env: Environment) -> Items:
    """Return everything below the items, parents before their children."""
    found: Items = []
    pending = [item for item in items if type(item) is Node]
    while pending:
        level: Items = []
        for node in pending:
            level.extend(children(node))
        env.spend(len(level) + 1)
        found.extend(level)
        pending = level
    return found
