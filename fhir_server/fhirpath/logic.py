"""Conditions: and, or, xor, implies, not, equality, order and membership with three truth values.

https://hl7.org/fhirpath/N1/#boolean-logic
"""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.fhirpath import equality, operators
from fhir_server.fhirpath.environment import Closure, Condition, Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.model import elements
from fhir_server.fhirpath.navigation import stepper
from fhir_server.fhirpath.node import Node

# Primitives whose value is its own text; a date equals no string.
PLAIN_TEXT = frozenset({"code", "string", "uri", "url", "canonical", "id", "oid", "uuid", "markdown"})


def _and(left: Condition, right: Condition) -> Condition:
    def run(this: Items, env: Environment) -> bool | None:
        one = left(this, env)
        if one is False:
            return False
        other = right(this, env)
        return False if other is False else True if one and other else None

    return run


def _or(left: Condition, right: Condition) -> Condition:
    def run(this: Items, env: Environment) -> bool | None:
        one = left(this, env)
        if one:
            return True
        other = right(this, env)
        return True if other else None if one is None or other is None else False

    return run


def _xor(left: Condition, right: Condition) -> Condition:
    def run(this: Items, env: Environment) -> bool | None:
        one, other = left(this, env), right(this, env)
        return None if one is None or other is None else one is not other

    return run


def _implies(left: Condition, right: Condition) -> Condition:
    def run(this: Items, env: Environment) -> bool | None:
        one = left(this, env)
        if one is False:
            return True
        other = right(this, env)
        return True if other else None if one is None or other is None else False

    return run


def negated(inner: Condition) -> Condition:
    """Return the closure of `inner.not()`."""

    def run(this: Items, env: Environment) -> bool | None:
        known = inner(this, env)
        return None if known is None else not known

    return run


def same_truth(left: Condition, right: Condition, *, wanted: bool) -> Condition:
    """Return the closure of `left = right` between two terms that are boolean by nature; `wanted` False for `!=`."""

    def run(this: Items, env: Environment) -> bool | None:
        one, other = left(this, env), right(this, env)
        return None if one is None or other is None else (one is other) is wanted

    return run


def one_of_texts(operand: Closure, texts: Items) -> Condition:
    """Return the closure of `operand in ('a' | 'b')`."""
    known = frozenset(texts)

    def run(this: Items, env: Environment) -> bool | None:
        items = operand(this, env)
        if len(items) == 1 and type(items[0]) is Node and items[0].type in PLAIN_TEXT:
            value = items[0].value
            if type(value) is str:
                return value in known
        return _is_in(items, texts, env)

    return run


def relation(operator: str, left: Closure, right: Closure) -> Condition:
    """Return the closure of an operator of RELATIONS between two collections."""
    relate = RELATIONS[operator]
    return lambda this, env: relate(left(this, env), right(this, env), env)


def equals_text(operand: Closure, text: str, *, wanted: bool) -> Condition:
    """Return the closure of `operand = text`; `wanted` False for `!=`."""
    literal = [text]

    def run(this: Items, env: Environment) -> bool | None:
        known = equality.equal(operand(this, env), literal, env)
        return None if known is None else known is wanted

    return run


def child_equals_text(operand: Closure, name: str, text: str, *, wanted: bool) -> Condition:
    """Return the closure of `operand.name = text`, the commonest comparison of all.

    Where the child is one that holds a single text, no Node is made of it.
    """
    step, literal = stepper(name), [text]
    holds_text: dict[str, bool] = {}

    def run(this: Items, env: Environment) -> bool | None:
        items = operand(this, env)
        if len(items) == 1 and type(items[0]) is Node:
            item = items[0]
            if type(item.value) is dict and (holds_text.get(item.type) or _learn(holds_text, item.type, name)):
                value = item.value.get(name)
                if type(value) is str:
                    return (value == text) is wanted
        known = equality.equal(step(items, env), literal, env)
        return None if known is None else known is wanted

    return run


def _learn(holds_text: dict[str, bool], type_name: str, name: str) -> bool:
    """Return whether the element `name` of a type is text and no choice; kept for types of R4 alone."""
    slots = elements(type_name).get(name, ())
    answer = len(slots) == 1 and slots[0].type in PLAIN_TEXT
    if answer:
        holds_text[type_name] = True
    return answer


def _order(compare: Callable[[int], bool]) -> Callable[[Items, Items, Environment], bool | None]:
    def run(left: Items, right: Items, env: Environment) -> bool | None:
        rank = operators.order(left, right, env)
        return None if rank is None else compare(rank)

    return run


def _different(left: Items, right: Items, env: Environment) -> bool | None:
    known = equality.equal(left, right, env)
    return None if known is None else not known


def _is_in(items: Items, among: Items, env: Environment) -> bool | None:
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f'"in" and "contains" look for a single item but got {len(items)}')
    env.spend(len(among))
    item = items[0]
    return any(equality.equal_items(item, other, env) is True for other in among)


LOGICAL: dict[str, Callable[[Condition, Condition], Condition]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}
RELATIONS: dict[str, Callable[[Items, Items, Environment], bool | None]] = {
    "<": _order(lambda rank: rank < 0),
    ">": _order(lambda rank: rank > 0),
    "<=": _order(lambda rank: rank <= 0),
    ">=": _order(lambda rank: rank >= 0),
    "=": equality.equal,
    "!=": _different,
    "~": equality.equivalent,
    "!~": lambda left, right, env: not equality.equivalent(left, right, env),
    "in": _is_in,
    "contains": lambda among, items, env: _is_in(items, among, env),
}
