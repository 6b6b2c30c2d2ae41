"""Static checks of strict mode: elements that do not exist, casts and calls that can never hold.

https://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple, TypeAlias

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions import FUNCTIONS, Function
from fhir_server.fhirpath.model import SYSTEM_TYPES, ancestors, elements, is_primitive, is_type_name, system_type
from fhir_server.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Special,
    Tree,
    TypeName,
    TypeTest,
    Unary,
    Variable,
    alternatives,
)
from fhir_server.fhirpath.values import system_name

# FHIR type names, and System types as "System.String"; None where nothing is known.
Types: TypeAlias = "frozenset[str] | None"


class Static(NamedTuple):
    """What is known of a collection before it is computed."""

    types: Types
    ordered: bool = True


_UNKNOWN = Static(None)
_BOOLEAN = Static(frozenset({"System.Boolean"}))
_INTEGER = Static(frozenset({"System.Integer"}))
_STRING = Static(frozenset({"System.String"}))

_RELATIONS = frozenset({"and", "or", "xor", "implies", "=", "!=", "~", "!~", "<", ">", "<=", ">=", "in", "contains"})


def check(tree: Tree, source: str, focus_type: str) -> None:
    """Raise FhirPathError where the expression cannot make sense for an element or resource of `focus_type`."""
    focus = Static(frozenset({focus_type})) if elements(focus_type) else _UNKNOWN
    _Checker(source, focus).infer(tree, focus)


class _Checker:
    def __init__(self, source: str, focus: Static) -> None:
        self.source = source
        self.focus = focus

    def error(self, reason: str, tree: Tree) -> FhirPathError:
        return FhirPathError(reason, tree.position, self.source)

    def infer(self, tree: Tree | None, this: Static) -> Static:
        """Return what is known of the result of `tree` on `this`."""
        match tree:
            case None:
                return this
            case Literal(value=value):
                return Static(frozenset({f"System.{system_name(value)}"}))
            case Empty():
                return Static(frozenset())
            case Member():
                return self.member(tree, this)
            case Call():
                return self.call(tree, this)
            case TypeTest():
                return self.type_test(tree, this)
            case Binary():
                return self.binary(tree, this)
            case Index():
                self.infer(tree.index, this)
                return self.in_order(self.infer(tree.operand, this), tree, "an index")
            case Unary():
                return self.infer(tree.operand, this)
            case Variable(name=name):
                return self.focus if name == "context" else _UNKNOWN
            case Special(name=name):
                return {"$this": this, "$index": _INTEGER}.get(name, _UNKNOWN)

    def in_order(self, items: Static, tree: Tree, what: str) -> Static:
        if not items.ordered:
            raise self.error(f"{what} needs an order, which children() and descendants() do not have", tree)
        return items

    def member(self, tree: Member, this: Static) -> Static:
        operand = self.infer(tree.operand, this)
        if operand.types is None:
            return _UNKNOWN
        if tree.operand is None and is_type_name(tree.name):
            return self.narrow(operand.types, tree)
        found: set[str] = set()
        for type_name in operand.types:
            found.update(slot.type for slot in elements(type_name).get(tree.name, ()))
        if operand.types and not found:
            raise self.error(f"there is no element {tree.name} in {_listed(operand.types)}", tree)
        # What stands where any resource may is known when it is there.
        return Static(None if "Resource" in found else frozenset(found), operand.ordered)

    def narrow(self, types: frozenset[str], tree: Member) -> Static:
        if any(tree.name in ancestors(name) for name in types):
            return Static(types)
        if any(name in ancestors(tree.name) for name in types):
            return Static(frozenset({tree.name}))
        raise self.error(f"the context is {_listed(types)}, never {tree.name}", tree)

    def type_test(self, tree: TypeTest, this: Static) -> Static:
        operand = self.infer(tree.operand, this)
        if tree.operator == "is":
            return _BOOLEAN
        wanted = tree.type
        if operand.types and not any(_may_be(name, wanted) for name in operand.types):
            raise self.error(f"{_listed(operand.types)} can never be {wanted}", tree)
        if wanted.namespace != "System" and elements(wanted.name):
            return Static(frozenset({wanted.name}), operand.ordered)
        return Static(None, operand.ordered)

    def binary(self, tree: Binary, this: Static) -> Static:
        if tree.operator == "|":
            return reduce(_joined, [self.infer(part, this) for part in alternatives(tree)])
        self.infer(tree.left, this)
        self.infer(tree.right, this)
        if tree.operator in _RELATIONS:
            return _BOOLEAN
        return _STRING if tree.operator == "&" else _UNKNOWN

    def call(self, tree: Call, this: Static) -> Static:
        operand = self.infer(tree.operand, this)
        function = FUNCTIONS[tree.name]
        if function.needs == "order":
            self.in_order(operand, tree, f"{tree.name}()")
        if function.needs == "text" and operand.types and not any(_is_text(name) for name in operand.types):
            raise self.error(f"{tree.name}() needs a string, not {_listed(operand.types)}", tree)
        if function.lazy:
            return self.call_for_each(tree, operand)
        arguments = [self.infer(argument, this) for argument in tree.arguments]
        if tree.name in ("union", "combine"):
            return _joined(operand, arguments[0])
        if tree.name in ("children", "descendants"):
            return Static(None, ordered=False)
        return _result(function, operand)

    def call_for_each(self, tree: Call, operand: Static) -> Static:
        """Arguments that run per item see one item of the input as $this."""
        arguments = [self.infer(argument, Static(operand.types)) for argument in tree.arguments]
        match tree.name:
            case "iif":
                criterion = arguments[0].types
                if criterion and not criterion & {"System.Boolean", "boolean"}:
                    raise self.error(f"iif() needs a boolean, not {_listed(criterion)}", tree)
                return _joined(arguments[1], arguments[2]) if len(arguments) == 3 else _UNKNOWN
            case "select":
                return Static(arguments[0].types, operand.ordered and arguments[0].ordered)
            case "sort":
                return Static(operand.types)
        return _result(FUNCTIONS[tree.name], operand)


def _result(function: Function, operand: Static) -> Static:
    if function.result == "same":
        return operand
    if function.result in SYSTEM_TYPES:
        return Static(frozenset({f"System.{function.result}"}))
    return Static(frozenset({function.result})) if function.result else _UNKNOWN


def _joined(left: Static, right: Static) -> Static:
    types = None if left.types is None or right.types is None else left.types | right.types
    return Static(types, left.ordered and right.ordered)


def _is_text(type_name: str) -> bool:
    return type_name == "System.String" or system_type(type_name) == "String"


def _may_be(type_name: str, wanted: TypeName) -> bool:
    """Return whether a cast can ever let an item of the type through; between primitives that is left to the data."""
    if wanted.namespace == "System" or type_name.startswith("System."):
        return True
    if is_primitive(wanted.name) and is_primitive(type_name):
        return True
    return wanted.name in ancestors(type_name) or type_name in ancestors(wanted.name)


def _listed(types: frozenset[str]) -> str:
    names = sorted(types)
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
