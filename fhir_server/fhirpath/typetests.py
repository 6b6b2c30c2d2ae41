"""is, as, ofType() and type().

https://hl7.org/fhirpath/N1/#types
https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from typing import Any

from fhir_server.fhirpath.environment import Closure, Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.fhir import reference_text
from fhir_server.fhirpath.model import SYSTEM_TYPES, ancestors, is_primitive, known, system_type
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, FALSE, TRUE, boolean
from fhir_server.fhirpath.references import resolve, target_type
from fhir_server.fhirpath.tree import TypeName, TypeTest
from fhir_server.fhirpath.values import system_name


def type_test(tree: TypeTest, operand: Closure, source: str, *, lenient: bool) -> Closure:
    """Return the closure of a type test; raises FhirPathError for a type nobody knows."""
    wanted = tree.type
    if not known(wanted):
        raise FhirPathError(f"there is no type {wanted}", tree.position, source)
    if tree.operator == "is":
        return _is(operand, wanted, lenient=lenient)

    def run_of_type(this: Items, env: Environment) -> Items:
        items = operand(this, env)
        env.spend(len(items))
        return [item for item in items if casts(item, wanted, lenient=lenient)]

    if tree.operator == "ofType" or lenient:
        return run_of_type

    def run_as(this: Items, env: Environment) -> Items:
        items = operand(this, env)
        if len(items) > 1:
            raise FhirPathError(f"as needs a single item but got {len(items)}")
        return [item for item in items if casts(item, wanted, lenient=False)]

    return run_as


def _is(operand: Closure, wanted: TypeName, *, lenient: bool) -> Closure:
    def run(this: Items, env: Environment) -> Items:
        items = operand(this, env)
        if not items:
            return EMPTY
        if len(items) > 1:
            raise FhirPathError(f"is needs a single item but got {len(items)}")
        return TRUE if is_of(items[0], wanted, lenient=lenient) else FALSE

    return run


def is_of(item: Any, wanted: TypeName, *, lenient: bool) -> bool:
    """Return whether the item is of the type or of one that specialises it."""
    if type(item) is Node:
        return _node_is(item.type, wanted) or (lenient and _system_like(item.type, wanted))
    if wanted.namespace == "FHIR":
        return False
    return wanted.name == system_name(item)


def casts(item: Any, wanted: TypeName, *, lenient: bool) -> bool:
    """Return whether `as` and ofType() let the item through: primitives of exactly that type, or complex subtypes."""
    if type(item) is not Node:
        return is_of(item, wanted, lenient=lenient)
    if is_primitive(wanted.name):
        return wanted.namespace != "System" and item.type == wanted.name
    return is_of(item, wanted, lenient=lenient)


def _node_is(type_name: str, wanted: TypeName) -> bool:
    return wanted.namespace != "System" and wanted.name in ancestors(type_name)


def _system_like(type_name: str, wanted: TypeName) -> bool:
    """R4's own expressions write Boolean and DateTime where they mean the FHIR types."""
    return wanted.name in SYSTEM_TYPES and wanted.name == system_type(type_name)


def resolves_to(references: Closure, wanted: TypeName) -> Closure:
    """Return the closure of `references.resolve() is wanted` as search parameters mean it.

    A reference that cannot be followed still names its type: "Patient/1" is a Patient.
    """

    def run(this: Items, env: Environment) -> Items:
        items = references(this, env)
        if len(items) > 1:
            raise FhirPathError(f"is needs a single item but got {len(items)}")
        text = reference_text(items[0]) if items else None
        if text is None:
            return EMPTY
        node = resolve(text, env)
        name = target_type(text) if node is None else node.type
        return EMPTY if name is None else boolean(_node_is(name, wanted))

    return run
