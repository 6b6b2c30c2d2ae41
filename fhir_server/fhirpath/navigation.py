"""Steps from an element to its children.

https://hl7.org/fhirpath/N1/#path-selection
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from fhir_server.fhirpath.environment import Closure, Environment, Items
from fhir_server.fhirpath.model import Slot, elements, properties
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
        found.append(Node(value, _type(slot, value), extra if type(extra) is dict else None, node, slot.key))
    elif type(extra) is dict:
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


@lru_cache(maxsize=4096)
def stepper(name: str) -> Closure:
    """Return the closure that finds the elements called `name` of every item, in document order."""
    known: dict[str, tuple[Slot, ...]] = {}

    def step(items: Items, env: Environment) -> Items:
        found: Items = []
        held: dict[str, Any] | None
        for item in items:
            if type(item) is Node and type(item.value) is dict:
                held = item.value
            else:
                held = _other_container(item, name, found)
            if held is None:
                continue
            slots = known.get(item.type) or _learn(known, item.type, name)
            if len(slots) != 1 or slots[0].extra_key in held or slots[0].type == "Resource":
                for slot in _present(slots, held):
                    collect(item, held, slot, found)
                continue
            key, _, child, _ = slots[0]
            value = held.get(key)
            if type(value) is list:
                # A loop: a comprehension is a frame of its own, too much for lists of one or two.
                for index, part in enumerate(value):
                    if part is not None:
                        found.append(Node(part, child, None, item, key, index))
            elif value is not None:
                found.append(Node(value, child, None, item, key))
        env.steps -= len(found) + len(items)
        if env.steps < 0:
            env.spend(0)
        return found

    return step


def _other_container(item: Any, name: str, found: Items) -> dict[str, Any] | None:
    """Return what holds the children of an item that is no complex element; those of a TypeInfo are found at once."""
    if type(item) is Node:
        return item.extra if type(item.extra) is dict else None
    if type(item) is TypeInfo and name in ("namespace", "name"):
        found.append(getattr(item, name))
    return None


def _learn(known: dict[str, tuple[Slot, ...]], type_name: str, name: str) -> tuple[Slot, ...]:
    """Return the slots of an element; kept for types of R4 alone, so that strange data cannot fill the memory."""
    table = elements(type_name)
    slots = table.get(name, ())
    if table:
        known[type_name] = slots
    return slots


def _present(slots: tuple[Slot, ...], held: dict[str, Any]) -> list[Slot]:
    """Return the alternatives of a choice that are there."""
    return [slot for slot in slots if slot.key in held or slot.extra_key in held]


def step(items: Items, name: str, env: Environment) -> Items:
    """Return the elements called `name` of every item, in document order."""
    return stepper(name)(items, env)


@lru_cache(maxsize=4096)
def presence(name: str) -> Callable[[Items, Environment], bool]:
    """Return the closure that tells whether any item has an element called `name`, without making Nodes of them."""
    known: dict[str, tuple[Slot, ...]] = {}

    def present(items: Items, env: Environment) -> bool:
        env.steps -= len(items)
        for item in items:
            held = container(item) if type(item) is Node else None
            if type(held) is not dict:
                if type(item) is TypeInfo:
                    return name in ("namespace", "name")
                continue
            slots = known.get(item.type)
            if slots is None:
                slots = _learn(known, item.type, name)
            for slot in slots:
                value = held.get(slot.key)
                if slot.extra_key in held or type(value) is list:
                    found: Items = []
                    collect(item, held, slot, found)
                    if found:
                        return True
                elif value is not None:
                    return True
        return False

    return present


def children(node: Node) -> Items:
    """Return all children of a node, in the order of the document."""
    found: Items = []
    for _, slot, held in _properties(node):
        collect(node, held, slot, found)
    return found


def grouped(node: Node) -> dict[str, Items]:
    """Return the children of a node by element name."""
    groups: dict[str, Items] = {}
    for name, slot, held in _properties(node):
        found = groups.setdefault(name, [])
        collect(node, held, slot, found)
    return groups


def _properties(node: Node) -> Iterator[tuple[str, Slot, dict[str, Any]]]:
    """Yield element name, slot and holder for each JSON property of a node; a value and its `_field` are one."""
    held = container(node)
    if type(held) is not dict:
        return
    table = properties(node.type)
    for key in held:
        known = table.get(key)
        if known is not None and (known[1].key == key or known[1].key not in held):
            yield (*known, held)


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
