"""Reads the FHIRPath expression of a search parameter as paths, where it is a path.

https://hl7.org/fhir/R4/searchparameter.html and https://hl7.org/fhirpath/N1/

What the official parameters use: `|` between bases and alternatives, `as`, `ofType`, `where(resolve() is Patient)`,
`where(system='phone')`, `extension('url')`. Everything else is left to the FHIRPath engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.tree import Binary, Call, Literal, Member, Tree, TypeTest, Variable, alternatives


class NotAPath(Exception):
    """The expression computes something: only the FHIRPath engine can evaluate it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an element, with the type asked of it, or an extension by its URL."""

    name: str
    type: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """An expression that is a path.

    root   the type it starts from ("Patient", "Resource"), "%resource", or "" for the context
    steps  the elements
    where  (part, value) of a `where(part = 'value')` on the last step, or on the one before it
    to     types of a `where(resolve() is Type)` on the last step
    """

    root: str = ""
    steps: tuple[Step, ...] = ()
    where: tuple[str, str] | None = None
    to: tuple[str, ...] = ()


@lru_cache(maxsize=2048)
def branches(expression: str) -> dict[str, tuple[Tree, ...]]:
    """Return the alternatives of an expression (the operands of `|`) by the name each starts with.

    That is a type ("Patient"), "%resource", an element ("name | alias"), or "" for what is no chain of steps. Parsed
    only, not compiled; one expression serves up to thirty types. Raises FhirPathError.
    """
    found: dict[str, tuple[Tree, ...]] = {}
    for branch in alternatives(parse(expression)):
        name = root_of(branch)
        found[name] = (*found.get(name, ()), branch)
    return found


def root_of(tree: Tree) -> str:
    """Return the name an expression starts with: "Patient", "%resource", or "" when it is no chain of steps."""
    match tree:
        case Member(operand=None, name=name):
            return name
        case Variable(name=name):
            return f"%{name}"
        case Binary(left=left):
            return root_of(left)
    operand = getattr(tree, "operand", None)
    return root_of(operand) if operand is not None else ""


def route(tree: Tree, *, relative: bool) -> Route:
    """Return the path an expression is.

    relative  the expression starts at an element of the context ("code"), not with a type ("Observation.code")

    Raises NotAPath.
    """
    match tree:
        case Variable(name=name):
            return Route(f"%{name}")
        case Member(operand=None, name=name):
            return Route("", (Step(name),)) if relative else Route(name)
        case Member(operand=operand, name=name) if operand is not None:
            before = route(operand, relative=relative)
            if before.to:
                raise NotAPath
            return replace(before, steps=(*before.steps, Step(name)))
        case TypeTest(operator="as" | "ofType", operand=operand, type=type_name) if operand is not None:
            return _typed(route(operand, relative=relative), type_name.name)
        case Call(operand=operand, name="where", arguments=(condition,)) if operand is not None:
            return _limited(route(operand, relative=relative), condition)
        case Call(operand=operand, name="extension", arguments=(Literal(value=str(url)),)) if operand is not None:
            before = route(operand, relative=relative)
            return replace(before, steps=(*before.steps, Step("", extension=url)))
    raise NotAPath


def _typed(before: Route, type_name: str) -> Route:
    if not before.steps or before.steps[-1].type:
        raise NotAPath
    return replace(before, steps=(*before.steps[:-1], replace(before.steps[-1], type=type_name)))


def _limited(before: Route, condition: Tree) -> Route:
    if before.where or before.to or not before.steps:
        raise NotAPath
    match condition:
        case TypeTest(operator="is", operand=Call(operand=None, name="resolve"), type=type_name):
            return replace(before, to=(type_name.name,))
        case Binary(operator="=", left=Member(operand=None, name=part), right=Literal(value=str(value))):
            return replace(before, where=(part, value))
    raise NotAPath
