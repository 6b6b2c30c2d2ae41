"""Turns a syntax tree into a closure `run($this, environment) -> items`.

https://hl7.org/fhirpath/N1/#expressions

Closures never change a collection they are given and may return it, or a shared one such as TRUE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath import operators
from fhir_server.fhirpath.closures import (
    as_items,
    called,
    constant,
    context_of_type,
    only_item,
    special,
    step_from,
    step_from_type,
    this_item,
)
from fhir_server.fhirpath.environment import Closure, Condition, Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions import FUNCTIONS, Function
from fhir_server.fhirpath.functions.collections import at, union
from fhir_server.fhirpath.functions.iteration import SortKey, holds
from fhir_server.fhirpath.logic import (
    LOGICAL,
    RELATIONS,
    child_equals_text,
    equals_text,
    negated,
    one_of_texts,
    relation,
    same_truth,
)
from fhir_server.fhirpath.model import is_type_name
from fhir_server.fhirpath.navigation import presence, stepper
from fhir_server.fhirpath.operators import EMPTY
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
    alternatives,
    literal_texts,
)
from fhir_server.fhirpath.typetests import resolves_to, type_test
from fhir_server.fhirpath.values import truth


def build(tree: Tree, source: str, *, lenient: bool) -> tuple[Closure, Condition]:
    """Return the closure of `tree`, and the one that reads its result as a condition.

    source   the text, for the places of errors

    Raises FhirPathError for unknown functions, types and wrong numbers of arguments.
    """
    compiler = _Compiler(source, lenient=lenient)
    return compiler.build(tree), compiler.condition(tree)


def _is_boolean(tree: Tree) -> bool:
    """Return whether a term gives one boolean or nothing, whatever it runs on."""
    match tree:
        case Binary(operator=operator):
            return operator in LOGICAL or operator in RELATIONS
        case Call(name=name):
            return name in FUNCTIONS and FUNCTIONS[name].result == "Boolean"
        case TypeTest(operator="is"):
            return True
    return False


class _Compiler:
    def __init__(self, source: str, *, lenient: bool) -> None:
        self.source = source
        self.lenient = lenient

    def error(self, reason: str, tree: Tree) -> FhirPathError:
        return FhirPathError(reason, tree.position, self.source)

    def build(self, tree: Tree | None) -> Closure:
        """Return the closure of a term."""
        match tree:
            case None:
                return this_item
            case Literal(value=value):
                return constant([value])
            case Empty():
                return constant(EMPTY)
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
                return special(name)

    def condition(self, tree: Tree) -> Condition:
        """Return the closure of a term that is read as true, false or empty."""
        if _is_boolean(tree):
            return self.native_condition(tree)
        run = self.build(tree)
        return self.located(lambda this, env: truth(run(this, env)), tree)

    def criterion(self, tree: Tree) -> Condition:
        """Return the closure of a criterion: in strict mode only a boolean will do."""
        if _is_boolean(tree):
            return self.native_condition(tree)
        run = self.build(tree)
        return self.located(lambda this, env: holds(run(this, env), env), tree)

    def native_condition(self, tree: Tree) -> Condition:
        """Return the closure of a term that is boolean by its nature."""
        match tree:
            case Binary(operator=operator) if operator in LOGICAL:
                return LOGICAL[operator](self.condition(tree.left), self.condition(tree.right))
            case Binary():
                return self.relation(tree)
            case Call(operand=operand, name="not", arguments=()) if operand is not None:
                return negated(self.condition(operand))
            case Call(operand=Member() as member, name="exists" | "empty", arguments=()):
                return self.existence(member, wanted=tree.name == "exists")
            case Call():
                return only_item(self.call(tree))
        return only_item(self.build(tree))

    def relation(self, tree: Binary) -> Condition:
        left, operator, right = tree.left, tree.operator, tree.right
        wanted = operator == "="
        if operator in ("=", "!=") and isinstance(right, Literal) and type(right.value) is str:
            if isinstance(left, Member) and not is_type_name(left.name):
                return child_equals_text(self.build(left.operand), left.name, right.value, wanted=wanted)
            return equals_text(self.build(left), right.value, wanted=wanted)
        if operator in ("=", "!=") and _is_boolean(left) and _is_boolean(right):
            one, other = self.native_condition(left), self.native_condition(right)
            return same_truth(one, other, wanted=wanted)
        texts = literal_texts(right) if operator == "in" else None
        if texts is not None:
            return self.located(one_of_texts(self.build(left), texts), tree)
        return self.located(relation(operator, self.build(left), self.build(right)), tree)

    def existence(self, member: Member, *, wanted: bool) -> Condition:
        """`path.exists()` and `path.empty()` need no Nodes for the last step."""
        if member.operand is None and is_type_name(member.name):
            run = self.build(member)
            return lambda this, env: bool(run(this, env)) is wanted
        present, operand = presence(member.name), self.build(member.operand)
        return lambda this, env: present(operand(this, env), env) is wanted

    def located(self, run: Callable[[Items, Environment], Any], tree: Tree) -> Callable[[Items, Environment], Any]:
        """Give errors of this term its place; a deeper term has given its own before."""
        position, source = tree.position, self.source

        def run_located(this: Items, env: Environment) -> Any:
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
                return context_of_type(name)
            return stepper(name)
        if isinstance(tree.operand, Member) and tree.operand.operand is None and is_type_name(tree.operand.name):
            return step_from_type(tree.operand.name, stepper(name))
        return step_from(self.build(tree.operand), stepper(name))

    def call(self, tree: Call) -> Closure:
        function = FUNCTIONS.get(tree.name)
        if function is None:
            raise self.error(f"there is no function {tree.name}()", tree)
        self.check_arguments(tree, function)
        operand = self.build(tree.operand)
        return self.located(called(function, operand, self.arguments(tree, function)), tree)

    def arguments(self, tree: Call, function: Function) -> list[Any]:
        if tree.name == "sort":
            return [self.sort_key(argument) for argument in tree.arguments]
        if function.criterion:
            first, *others = tree.arguments or (None,)
            return [] if first is None else [self.criterion(first), *(self.build(other) for other in others)]
        return [self.build(argument) for argument in tree.arguments]

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
        if _is_boolean(tree):
            return as_items(self.native_condition(tree))
        operator, left, right = tree.operator, self.build(tree.left), self.build(tree.right)
        calculate = operators.calculate
        return self.located(lambda this, env: calculate(operator, left(this, env), right(this, env), env), tree)

    def union(self, tree: Binary) -> Closure:
        """Build a chain of `|` flat: search parameters join dozens of paths."""
        texts = literal_texts(tree)
        if texts is not None:
            return constant(texts)
        parts = [self.build(part) for part in alternatives(tree)]

        def run(this: Items, env: Environment) -> Items:
            found: Items = EMPTY
            for part in parts:
                more = part(this, env)
                if more:
                    found = union(found, env, more)
            return found

        return run
