"""where, select, repeat, aggregate and the others that run an expression for each item.

https://hl7.org/fhirpath/N1/#filtering-and-projection
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any, NamedTuple

from fhir_server.fhirpath.environment import Closure, Condition, Environment, Items
from fhir_server.fhirpath.equality import key
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, order
from fhir_server.fhirpath.values import truth


def each(items: Items, env: Environment, body: Closure) -> Iterator[tuple[Any, Items]]:
    """Run `body` with $this and $index for each item; yield item and result."""
    outer = env.index
    try:
        for index, item in enumerate(items):
            env.spend(1)
            env.index = index
            yield item, body([item], env)
    finally:
        env.index = outer


def holds(result: Items, env: Environment) -> bool:
    """Return whether a criterion is met: a single true. Anything but a boolean is an error unless lenient."""
    if not result:
        return False
    item = result[0]
    if len(result) == 1:
        if item is True or item is False:
            return item
        if type(item) is Node and item.type == "boolean":
            return item.value is True
    if env.lenient:
        return truth(result) is True
    raise FhirPathError("a criterion must be a single boolean")


def where(items: Items, env: Environment, criterion: Condition) -> Items:
    env.spend(len(items))
    outer, found = env.index, []
    for env.index, item in enumerate(items):
        if criterion([item], env):
            found.append(item)
    env.index = outer
    return found


def select(items: Items, env: Environment, projection: Closure) -> Items:
    found: Items = []
    for _, result in each(items, env, projection):
        env.spend(len(result))
        found.extend(result)
    return found


def repeat(items: Items, env: Environment, projection: Closure) -> Items:
    found: Items = []
    seen: set[Any] = set()
    pending = items
    while pending:
        level: Items = []
        for _, result in each(pending, env, projection):
            env.spend(len(result))
            for item in result:
                mark = key(item, env)
                if mark not in seen:
                    seen.add(mark)
                    level.append(item)
        found.extend(level)
        pending = level
    return found


def iif(items: Items, env: Environment, criterion: Condition, then: Closure, otherwise: Closure | None = None) -> Items:
    if len(items) > 1:
        raise FhirPathError(f"iif() needs a single item but got {len(items)}")
    if criterion(items, env):
        return then(items, env)
    return EMPTY if otherwise is None else otherwise(items, env)


def aggregate(items: Items, env: Environment, aggregator: Closure, start: Closure | None = None) -> Items:
    outer = env.total
    env.total = EMPTY if start is None else start(items, env)
    try:
        for _, result in each(items, env, aggregator):
            env.spend(len(result))
            env.total = result
        return env.total
    finally:
        env.total = outer


class SortKey(NamedTuple):
    """An expression to sort by; it is written with a minus to sort downwards, texts included."""

    by: Closure
    descending: bool


def sort(items: Items, env: Environment, *keys: SortKey) -> Items:
    """Sort by the keys, or by the items themselves; an empty key comes first in either direction."""
    keys = keys or (SortKey(lambda this, _: this, descending=False),)
    rows = [(item, [result for sort_key in keys for _, result in each([item], env, sort_key.by)]) for item in items]
    env.spend(len(items) * len(keys) * len(items).bit_length())

    def compare(one: tuple[Any, list[Items]], other: tuple[Any, list[Items]]) -> int:
        for sort_key, left, right in zip(keys, one[1], other[1], strict=True):
            rank = _rank(left, right, env)
            if rank:
                return -rank if sort_key.descending and left and right else rank
        return 0

    return [item for item, _ in sorted(rows, key=cmp_to_key(compare))]


def _rank(left: Items, right: Items, env: Environment) -> int:
    if not left or not right:
        return bool(left) - bool(right)
    return order(left, right, env) or 0


FUNCTIONS = {
    "where": Function(where, 1, 1, lazy=True, result="same", criterion=True),
    "select": Function(select, 1, 1, lazy=True),
    "repeat": Function(repeat, 1, 1, lazy=True),
    "iif": Function(iif, 2, 3, lazy=True, criterion=True),
    "aggregate": Function(aggregate, 1, 2, lazy=True),
    "sort": Function(sort, 0, 20, lazy=True, result="same"),
}
