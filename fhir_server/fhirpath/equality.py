"""Equals (=), equivalent (~) and the keys by which distinct() and union tell items apart.

https://hl7.org/fhirpath/N1/#equality
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from fhir_server.fhirpath import quantity, temporal
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.navigation import container, grouped
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.fhirpath.values import plain, system, to_text

_ROUNDING = Context(prec=400, rounding=ROUND_HALF_UP)


def equal(left: Items, right: Items, env: Environment) -> bool | None:
    """Return whether two collections are equal item by item; None where either is empty or a pair leaves it open."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    env.spend(len(left))
    known: bool | None = True
    for one, other in zip(left, right, strict=True):
        same = equal_items(one, other, env)
        if same is False:
            return False
        if same is None:
            known = None
    return known


def equal_items(left: Any, right: Any, env: Environment) -> bool | None:
    """Return whether two items are equal, None where precision or a missing value leaves it open."""
    if left is right:
        return True
    one, other = system(left), system(right)
    if one is None or other is None:
        return _equal_without_value(left, right, env)
    kind = type(one)
    if kind is str or kind is bool:
        return type(other) is kind and one == other
    if kind is int or kind is Decimal:
        if type(other) is Quantity:
            return _equal_quantities(Quantity(Decimal(one), "1"), other)
        return type(other) in (int, Decimal) and bool(one == other)
    if kind is Temporal:
        return _equal_temporals(one, other)
    if kind is Quantity:
        if type(other) in (int, Decimal):
            other = Quantity(Decimal(other), "1")
        return _equal_quantities(one, other) if type(other) is Quantity else False
    return type(other) is Node and equal_nodes(one, other, env)


def _equal_without_value(left: Any, right: Any, env: Environment) -> bool | None:
    """Primitives that have extensions only are equal when those are; with a value on one side nothing is known."""
    if type(left) is Node and type(right) is Node and left.type == right.type:
        return left.value == right.value and equal_nodes(left, right, env)
    return None


def _equal_temporals(one: Temporal, other: Any) -> bool | None:
    if type(other) is not Temporal or (one.kind == "Time") != (other.kind == "Time"):
        return False
    order = temporal.compare(one, other)
    return None if order is None else order == 0


def _equal_quantities(one: Quantity, other: Quantity) -> bool | None:
    if one.unit == other.unit and one.calendar == other.calendar:
        return one.value == other.value
    both = quantity.common(one, other)
    return None if both is None else both[0] == both[1]


def equal_nodes(left: Node, right: Node, env: Environment) -> bool:
    """Return whether two elements have equal children; the values of primitives are not looked at."""
    here, there = container(left) or {}, container(right) or {}
    if here == there:
        return True
    if left.type != right.type:
        return False
    mine, theirs = _groups(left, env), _groups(right, env)
    return mine.keys() == theirs.keys() and all(equal(mine[name], theirs[name], env) for name in mine)


def _groups(node: Node, env: Environment) -> dict[str, Items]:
    groups = {name: items for name, items in grouped(node).items() if items}
    env.spend(len(groups) + 1)
    return groups


def equivalent(left: Items, right: Items, env: Environment) -> bool:
    """Return whether two collections hold equivalent items, in whatever order."""
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return equivalent_items(left[0], right[0], env)
    remaining = list(right)
    for one in left:
        env.spend(len(remaining))
        for place, other in enumerate(remaining):
            if equivalent_items(one, other, env):
                del remaining[place]
                break
        else:
            return False
    return True


def equivalent_items(left: Any, right: Any, env: Environment) -> bool:
    """Return whether two items mean the same: case, spacing, precision and order aside."""
    one, other = system(left), system(right)
    if one is None or other is None:
        return one is other and _equal_without_value(left, right, env) is True
    kind, other_kind = type(one), type(other)
    if kind is str:
        return other_kind is str and _folded(one) == _folded(other)
    if kind in (int, Decimal) and other_kind in (int, Decimal):
        return _equivalent_numbers(Decimal(one), Decimal(other))
    if kind is Temporal:
        return other_kind is Temporal and _equal_temporals(one, other) is True
    if Quantity in (kind, other_kind):
        return _equivalent_quantities(one, other)
    if kind is Node:
        return other_kind is Node and _equivalent_nodes(one, other, env)
    return kind is other_kind and bool(one == other)


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def _equivalent_numbers(one: Decimal, other: Decimal) -> bool:
    if not one.is_finite() or not other.is_finite():
        return False
    places = min(_places(one), _places(other))
    if max(abs(one.adjusted()), abs(other.adjusted())) > 100:
        return one == other
    unit = Decimal(1).scaleb(-places)
    return _ROUNDING.quantize(one, unit) == _ROUNDING.quantize(other, unit)


def _places(value: Decimal) -> int:
    """Return the digits after the point, trailing zeros aside."""
    _, digits, point = plain(value).partition(".")
    return len(point.rstrip("0")) if digits else 0


def _equivalent_quantities(one: Any, other: Any) -> bool:
    if type(one) in (int, Decimal):
        one = Quantity(Decimal(one), "1")
    if type(other) in (int, Decimal):
        other = Quantity(Decimal(other), "1")
    return type(one) is Quantity and type(other) is Quantity and quantity.equivalent(one, other)


def _equivalent_nodes(left: Node, right: Node, env: Environment) -> bool:
    if left.type != right.type:
        return False
    mine, theirs = _groups(left, env), _groups(right, env)
    for groups in (mine, theirs):
        groups.pop("id", None)
    return mine.keys() == theirs.keys() and all(equivalent(mine[name], theirs[name], env) for name in mine)


def key(item: Any, env: Environment) -> Hashable:
    """Return a hashable value that two items share exactly when they are equal."""
    value = system(item)
    if value is None:
        return ("", id(item)) if not isinstance(item, Node) else _node_key(item, env)
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return ("?", value)
    if kind is int or kind is Decimal:
        return ("#", value)
    if kind is Temporal or kind is Quantity:
        return (kind.__name__, value.key())
    return _node_key(value, env)


def _node_key(node: Node, env: Environment) -> Hashable:
    held = container(node)
    if held is None:
        return (node.type, to_text(node.value))
    groups = _groups(node, env)
    return (node.type, *((name, tuple(key(item, env) for item in groups[name])) for name in sorted(groups)))
