"""Parts of collections, and putting collections together.

https://hl7.org/fhirpath/N1/#subsetting
https://hl7.org/fhirpath/N1/#combining
"""

from __future__ import annotations

from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.equality import key
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.existence import distinct
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.operators import EMPTY
from fhir_server.fhirpath.values import integer


def single_item(items: Items, _: Environment) -> Items:
    if len(items) > 1:
        raise FhirPathError(f"single() got {len(items)} items")
    return items


def first(items: Items, _: Environment) -> Items:
    return items[:1]


def last(items: Items, _: Environment) -> Items:
    return items[-1:]


def tail(items: Items, env: Environment) -> Items:
    return _part(items, env, 1, None)


def skip(items: Items, env: Environment, number: Items) -> Items:
    return _part(items, env, max(integer(number, "skip()") or 0, 0), None)


def take(items: Items, env: Environment, number: Items) -> Items:
    return _part(items, env, 0, max(integer(number, "take()") or 0, 0))


def _part(items: Items, env: Environment, start: int, end: int | None) -> Items:
    found = items[start:end]
    env.spend(len(found))
    return found


def intersect(items: Items, env: Environment, other: Items) -> Items:
    env.spend(len(items) + len(other))
    known = {key(item, env) for item in other}
    return distinct([item for item in items if key(item, env) in known], env)


def exclude(items: Items, env: Environment, other: Items) -> Items:
    env.spend(len(items) + len(other))
    unwanted = {key(item, env) for item in other}
    return [item for item in items if key(item, env) not in unwanted]


def union(items: Items, env: Environment, other: Items) -> Items:
    if not other and len(items) < 2:
        return items
    if not items and len(other) < 2:
        return other
    return distinct([*items, *other], env)


def combine(items: Items, env: Environment, other: Items) -> Items:
    env.spend(len(items) + len(other))
    return [*items, *other]


def at(items: Items, index: Items) -> Items:
    """Return the item at a place, counted from 0; empty beyond the end."""
    place = integer(index, "an index")
    return EMPTY if place is None or place < 0 else items[place : place + 1]


FUNCTIONS = {
    "single": Function(single_item, result="same"),
    "first": Function(first, result="same", needs="order"),
    "last": Function(last, result="same", needs="order"),
    "tail": Function(tail, result="same", needs="order"),
    "skip": Function(skip, 1, 1, result="same", needs="order"),
    "take": Function(take, 1, 1, result="same", needs="order"),
    "intersect": Function(intersect, 1, 1, result="same"),
    "exclude": Function(exclude, 1, 1, result="same"),
    "union": Function(union, 1, 1),
    "combine": Function(combine, 1, 1),
}
