"""empty, exists, all, count and their kin.

https://hl7.org/fhirpath/N1/#existence
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from fhir_server.fhirpath.environment import Condition, Environment, Items
from fhir_server.fhirpath.equality import key
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.functions.iteration import where
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, FALSE, TRUE, boolean
from fhir_server.fhirpath.values import single, truth


def empty(items: Items, _: Environment) -> Items:
    return FALSE if items else TRUE


def exists(items: Items, env: Environment, criterion: Condition | None = None) -> Items:
    if criterion is not None:
        items = where(items, env, criterion)
    return TRUE if items else FALSE


def all_(items: Items, env: Environment, criterion: Condition) -> Items:
    return TRUE if len(where(items, env, criterion)) == len(items) else FALSE


def _booleans(items: Items, env: Environment) -> list[bool]:
    env.spend(len(items))
    found = []
    for item in items:
        value = item.value if type(item) is Node and item.type == "boolean" else item
        if not isinstance(value, bool):
            raise FhirPathError("booleans were expected")
        found.append(value)
    return found


def all_true(items: Items, env: Environment) -> Items:
    return boolean(all(_booleans(items, env)))


def any_true(items: Items, env: Environment) -> Items:
    return boolean(any(_booleans(items, env)))


def all_false(items: Items, env: Environment) -> Items:
    return boolean(not any(_booleans(items, env)))


def any_false(items: Items, env: Environment) -> Items:
    return boolean(not all(_booleans(items, env)))


def subset_of(items: Items, env: Environment, other: Items) -> Items:
    known = {key(item, env) for item in other}
    env.spend(len(items) + len(other))
    return boolean(all(key(item, env) in known for item in items))


def superset_of(items: Items, env: Environment, other: Items) -> Items:
    return subset_of(other, env, items)


def count(items: Items, _: Environment) -> Items:
    return [len(items)]


def distinct(items: Items, env: Environment) -> Items:
    env.spend(len(items))
    found: dict[Hashable, Any] = {}
    for item in items:
        found.setdefault(key(item, env), item)
    return list(found.values())


def is_distinct(items: Items, env: Environment) -> Items:
    env.spend(len(items))
    return boolean(len({key(item, env) for item in items}) == len(items))


def not_(items: Items, _: Environment) -> Items:
    value = truth(items)
    return EMPTY if value is None else FALSE if value else TRUE


def has_value(items: Items, _: Environment) -> Items:
    if len(items) != 1:
        return FALSE
    item = items[0]
    if type(item) is not Node:
        return TRUE
    return FALSE if item.value is None or isinstance(item.value, dict) else TRUE


def get_value(items: Items, _: Environment) -> Items:
    if len(items) != 1 or (type(items[0]) is Node and isinstance(items[0].value, dict)):
        return EMPTY
    value = single(items, "getValue()")
    return EMPTY if value is None else [value]


FUNCTIONS = {
    "empty": Function(empty, result="Boolean"),
    "exists": Function(exists, 0, 1, lazy=True, result="Boolean", criterion=True),
    "all": Function(all_, 1, 1, lazy=True, result="Boolean", criterion=True),
    "allTrue": Function(all_true, result="Boolean"),
    "anyTrue": Function(any_true, result="Boolean"),
    "allFalse": Function(all_false, result="Boolean"),
    "anyFalse": Function(any_false, result="Boolean"),
    "subsetOf": Function(subset_of, 1, 1, result="Boolean"),
    "supersetOf": Function(superset_of, 1, 1, result="Boolean"),
    "count": Function(count, result="Integer"),
    "distinct": Function(distinct, result="same"),
    "isDistinct": Function(is_distinct, result="Boolean"),
    "not": Function(not_, result="Boolean"),
    "hasValue": Function(has_value, result="Boolean"),
    "getValue": Function(get_value),
}
