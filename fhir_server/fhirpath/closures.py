"""The closures compiled terms are made of.

https://hl7.org/fhirpath/N1/#expressions
"""

from __future__ import annotations

from typing import Any

from fhir_server.fhirpath.environment import Closure, Condition, Environment, Items
from fhir_server.fhirpath.functions import Function
from fhir_server.fhirpath.model import ancestors
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, FALSE, TRUE


def this_item(this: Items, _: Environment) -> Items:
    """`$this`."""
    return this


def constant(items: Items) -> Closure:
    """Return the closure of a literal."""
    return lambda _, __: items


def special(name: str) -> Closure:
    """Return the closure of `$this`, `$index` or `$total`."""
    if name == "$this":
        return this_item
    if name == "$total":
        return lambda _, env: env.total
    return lambda _, env: EMPTY if env.index is None else [env.index]


def only_item(run: Closure) -> Condition:
    """Read the result of a term that returns one boolean or nothing."""

    def condition(this: Items, env: Environment) -> bool | None:
        items = run(this, env)
        return items[0] if items else None

    return condition


def as_items(condition: Condition) -> Closure:
    """Return the closure of a condition that is wanted as a collection."""

    def run(this: Items, env: Environment) -> Items:
        known = condition(this, env)
        return EMPTY if known is None else TRUE if known else FALSE

    return run


def context_of_type(name: str) -> Closure:
    """`Patient` at the start of a path: the context, where it is one."""

    def run(this: Items, _: Environment) -> Items:
        if len(this) == 1 and type(this[0]) is Node and this[0].type == name:
            return this
        return [item for item in this if type(item) is Node and name in ancestors(item.type)]

    return run


def step_from(operand: Closure, step: Closure) -> Closure:
    """Return the closure of `operand.name`."""

    def run(this: Items, env: Environment) -> Items:
        items = operand(this, env)
        return step(items, env) if items else EMPTY

    return run


def step_from_type(name: str, step: Closure) -> Closure:
    """`Patient.name`, the start of every search parameter."""
    contexts = context_of_type(name)

    def run(this: Items, env: Environment) -> Items:
        if len(this) == 1 and type(this[0]) is Node and this[0].type == name:
            return step(this, env)
        items = contexts(this, env)
        return step(items, env) if items else EMPTY

    return run


def called(function: Function, operand: Closure, arguments: list[Any]) -> Closure:
    """Return the closure of a function call; `arguments` are what the function is to get (see `Function`)."""
    run = function.run
    if not arguments:
        return lambda this, env: run(operand(this, env), env)
    if function.lazy:
        return lambda this, env: run(operand(this, env), env, *arguments)
    if len(arguments) == 1:
        only = arguments[0]
        return lambda this, env: run(operand(this, env), env, only(this, env))
    return lambda this, env: run(operand(this, env), env, *[argument(this, env) for argument in arguments])
