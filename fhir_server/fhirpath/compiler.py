"""Turns a syntax tree into a closure `run($this, environment) -> items`.

https://hl7.org/fhirpath/N1/#expressions

Closures never change a collection they are given and may return it, or a shared one such as TRUE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath import equality, operators
from fhir_server.fhirpath.environment import Closure, Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions import FUNCTIONS, Function
from fhir_server.fhirpath.functions.collections import at, union
from fhir_server.fhirpath.functions.iteration import SortKey
from fhir_server.fhirpath.model import ancestors, is_type_name
from fhir_server.fhirpath.navigation import step
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, FALSE, TRUE, boolean
from fhir_server.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Special,
    Tree,
    TypeTest,
    Unary,
    Variable,
)
from fhir_server.fhirpath.typetests import resolves_to, type_test
from fhir_server.fhirpath.values import truth


def build(tree: Tree, source: str, *, lenient: bool) -> Closure:
    """Return the closure of `tree`; `source` is its text, for the places of errors.

    Raises FhirPathError for unknown functions, types and wrong numbers of arguments.
    """
    return _Compiler(source, lenient=lenient).build(tree)


def _this(this: Items, _: Environment) -> Items:
    return this


class _Compiler:
    def __init__(self, source: str, *, lenient: bool) -> None:
        self.source = source
        self.lenient = lenient

    def error(self, reason: str, tree: Tree) -> FhirPathError:
        return FhirPathError(reason, tree.position, self.source)

    def build(self, tree: Tree | None) -> Closure:
        match tree:
            case None:
                return _this
            case Literal(value=value):
                return _constant([value])
            case Empty():
                return _constant(EMPTY)
            case Member():
                return self.member(tree)
            case Call():
                return self.call(tree)
            case Binary():
                return self.binary(tree)
            case TypeTest():
                return self.located(self.type_test(tree), tree)
            case Index():
                operand, index = self.build(tree.operand), self.build(tree.index)
                return self.located(lambda this, env: at(operand(this, env), index(this, env)), tree)
            case Unary():
                inner, sign = self.build(tree.operand), tree.operator
                return self.located(lambda this, env: operators.negate(inner(this, env), sign), tree)
            case Variable(name=name):
                return self.located(lambda _, env: env.variable(name), tree)
            case Special(name=name):
                return _special(name)

    def located(self, run: Closure, tree: Tree) -> Closure:
        """Give errors of this term its place; a deeper term has given its own before."""
        position, source = tree.position, self.source

        def run_located(this: Items, env: Environment) -> Items:
            try:
                return run(this, env)
            except FhirPathError as error:
                error.locate(position, source)
                raise

        return run_located

    def member(self, tree: Member) -> Closure:
        name = tree.name
        if tree.operand is None:
            if is_type_name(name):
                return lambda this, _: [item for item in this if type(item) is Node and name in ancestors(item.type)]
            return lambda this, env: step(this, name, env)
        operand = self.build(tree.operand)
        return lambda this, env: step(operand(this, env), name, env)

    def call(self, tree: Call) -> Closure:
        function = FUNCTIONS.get(tree.name)
        if function is None:
            raise self.error(f"there is no function {tree.name}()", tree)
        self.check_arguments(tree, function)
        operand = self.build(tree.operand)
        if tree.name == "sort":
            return self.located(_lazy(function.run, operand, [self.sort_key(part) for part in tree.arguments]), tree)
        arguments = [self.build(argument) for argument in tree.arguments]
        make = _lazy if function.lazy else _eager
        return self.located(make(function.run, operand, arguments), tree)

    def check_arguments(self, tree: Call, function: Function) -> None:
        given = len(tree.arguments)
        if function.fewest <= given <= function.most:
            return
        wanted = str(function.most) if function.fewest == function.most else f"{function.fewest} to {function.most}"
        raise self.error(f"{tree.name}() takes {wanted} arguments, not {given}", tree)

    def type_test(self, tree: TypeTest) -> Closure:
        inner = tree.operand
        if self.lenient and tree.operator == "is" and isinstance(inner, Call) and inner.name == "resolve":
            return resolves_to(self.build(inner.operand), tree.type)
        return type_test(tree, self.build(inner), self.source, lenient=self.lenient)

    def sort_key(self, tree: Tree) -> SortKey:
        if isinstance(tree, Unary) and tree.operator == "-":
            return SortKey(self.build(tree.operand), descending=True)
        return SortKey(self.build(tree), descending=False)

    def binary(self, tree: Binary) -> Closure:
        if tree.operator == "|":
            return self.union(tree)
        left, right = self.build(tree.left), self.build(tree.right)
        if tree.operator in ("=", "!=") and isinstance(tree.right, Literal) and type(tree.right.value) is str:
            return self.located(_equals_text(left, tree.right.value, negated=tree.operator == "!="), tree)
        return self.located(_binary(tree.operator, left, right), tree)

    def union(self, tree: Binary) -> Closure:
        """Build a chain of `|` flat: search parameters join dozens of paths."""
        parts: list[Closure] = []
        left: Tree = tree
        while isinstance(left, Binary) and left.operator == "|":
            parts.append(self.build(left.right))
            left = left.left
        parts.append(self.build(left))
        parts.reverse()

        def run(this: Items, env: Environment) -> Items:
            found: Items = EMPTY
            for part in parts:
                found = union(found, env, part(this, env))
            return found

        return run


def _constant(items: Items) -> Closure:
    return lambda _, __: items


def _special(name: str) -> Closure:
    if name == "$this":
        return _this
    if name == "$total":
        return lambda _, env: env.total
    return lambda _, env: EMPTY if env.index is None else [env.index]


def _eager(run: Callable[..., Items], operand: Closure, arguments: list[Closure]) -> Closure:
    if not arguments:
        return lambda this, env: run(operand(this, env), env)
    if len(arguments) == 1:
        only = arguments[0]
        return lambda this, env: run(operand(this, env), env, only(this, env))
    return lambda this, env: run(operand(this, env), env, *[argument(this, env) for argument in arguments])


def _lazy(run: Callable[..., Items], operand: Closure, arguments: list[Any]) -> Closure:
    return lambda this, env: run(operand(this, env), env, *arguments)


# Primitives whose value is its own text; a date equals no string.
_PLAIN_TEXT = frozenset({"code", "string", "uri", "url", "canonical", "id", "markdown"})


def _equals_text(left: Closure, text: str, *, negated: bool) -> Closure:
    """Compare with a text literal: the commonest comparison of all."""
    same, different = (FALSE, TRUE) if negated else (TRUE, FALSE)
    literal = [text]

    def run(this: Items, env: Environment) -> Items:
        items = left(this, env)
        if not items:
            return EMPTY
        if len(items) == 1:
            item = items[0]
            value = item.value if type(item) is Node else item
            if value == text and (type(item) is str or item.type in _PLAIN_TEXT):
                return same
        known = equality.equal(items, literal, env)
        return EMPTY if known is None else same if known else different

    return run


def _binary(operator: str, left: Closure, right: Closure) -> Closure:
    logical = _LOGICAL.get(operator)
    if logical is not None:
        return logical(left, right)
    compare = _COMPARISONS.get(operator)
    if compare is not None:

        def run_order(this: Items, env: Environment) -> Items:
            rank = operators.order(left(this, env), right(this, env), env)
            return EMPTY if rank is None else TRUE if compare(rank) else FALSE

        return run_order
    relate = _RELATIONS.get(operator)
    if relate is not None:
        return lambda this, env: boolean(relate(left(this, env), right(this, env), env))
    return lambda this, env: operators.calculate(operator, left(this, env), right(this, env), env)


def _and(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Environment) -> Items:
        one = truth(left(this, env))
        if one is False:
            return FALSE
        other = truth(right(this, env))
        return FALSE if other is False else TRUE if one and other else EMPTY

    return run


def _or(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Environment) -> Items:
        one = truth(left(this, env))
        if one is True:
            return TRUE
        other = truth(right(this, env))
        return TRUE if other else EMPTY if one is None or other is None else FALSE

    return run


def _xor(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Environment) -> Items:
        one, other = truth(left(this, env)), truth(right(this, env))
        return EMPTY if one is None or other is None else boolean(one != other)

    return run


def _implies(left: Closure, right: Closure) -> Closure:
    def run(this: Items, env: Environment) -> Items:
        one = truth(left(this, env))
        if one is False:
            return TRUE
        other = truth(right(this, env))
        return TRUE if other else EMPTY if one is None or other is None else FALSE

    return run


def _negated(known: bool | None) -> bool | None:  # noqa: FBT001 - it is the value
    return None if known is None else not known


def _is_in(items: Items, among: Items, env: Environment) -> bool | None:
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f'"in" and "contains" look for a single item but got {len(items)}')
    env.spend(len(among))
    return any(equality.equal_items(items[0], other, env) is True for other in among)


_LOGICAL: dict[str, Callable[[Closure, Closure], Closure]] = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "<": lambda rank: rank < 0,
    ">": lambda rank: rank > 0,
    "<=": lambda rank: rank <= 0,
    ">=": lambda rank: rank >= 0,
}
_RELATIONS: dict[str, Callable[[Items, Items, Environment], bool | None]] = {
    "=": equality.equal,
    "!=": lambda left, right, env: _negated(equality.equal(left, right, env)),
    "~": equality.equivalent,
    "!~": lambda left, right, env: not equality.equivalent(left, right, env),
    "in": _is_in,
    "contains": lambda among, items, env: _is_in(items, among, env),
}
