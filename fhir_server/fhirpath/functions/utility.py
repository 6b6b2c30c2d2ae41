"""trace, now, children, type and other functions that fit nowhere else.

https://hl7.org/fhirpath/N1/#utility-functions
https://hl7.org/fhirpath/N1/#tree-navigation
"""

from __future__ import annotations

from fhir_server.fhirpath import navigation
from fhir_server.fhirpath.environment import Closure, Environment, Items
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.node import Node, TypeInfo
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.fhirpath.values import type_of


def trace(items: Items, _: Environment, name: Closure, projection: Closure | None = None) -> Items:  # noqa: ARG001
    """Return the items. Nothing is written anywhere: a trace would put data of patients into logs."""
    return items


def children(items: Items, env: Environment) -> Items:
    found: Items = []
    for item in items:
        if type(item) is Node:
            below = navigation.children(item)
            env.spend(len(below) + 1)
            found.extend(below)
    return found


def type_(items: Items, env: Environment) -> Items:
    env.spend(len(items))
    return [TypeInfo(*type_of(item)) for item in items]


def now(_: Items, env: Environment) -> Items:
    return [env.now()]


def today(_: Items, env: Environment) -> Items:
    moment = env.now()
    return [Temporal("Date", moment.parts[:3], None, moment.text[:10])]


def time_of_day(_: Items, env: Environment) -> Items:
    moment = env.now()
    return [Temporal("Time", moment.parts[3:], None, moment.text[11:23])]


FUNCTIONS = {
    "trace": Function(trace, 1, 2, lazy=True, result="same"),
    "children": Function(children),
    "descendants": Function(navigation.descendants),
    "type": Function(type_),
    "now": Function(now, result="DateTime"),
    "today": Function(today, result="Date"),
    "timeOfDay": Function(time_of_day, result="Time"),
}
