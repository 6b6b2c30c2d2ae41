"""Compiles each R4 type into one closure that walks the keys an object has, not those it could have.

https://hl7.org/fhir/R4/json.html

The check of a type is a table from JSON key to the check of that element. The table starts with
placeholders: the first value met under a key compiles that element and takes the placeholder's seat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from fhir_server.definitions import Definitions, Element, TypeDef, TypeRef
from fhir_server.validation import bindings, primitives
from fhir_server.validation.elements import beside, beside_many, many, many_primitive
from fhir_server.validation.extensions import Extensions
from fhir_server.validation.findings import (
    ENOUGH,
    Check,
    Findings,
    Found,
    Rule,
    Scope,
    and_then,
    below,
    bounded,
    errors,
)
from fhir_server.validation.narrative import Narratives
from fhir_server.validation.policy import Policy
from fhir_server.validation.references import References
from fhir_server.validation.resources import Resources

_SYSTEMS = frozenset((("Coding", "system"), ("Identifier", "system")))
_SYNTAX = frozenset(("structure", "value"))


class RuleBook(Protocol):
    """Where the compiler finds the rules beyond structure."""

    def of_type(self, definition: TypeDef, /) -> Sequence[Rule]:
        """Return the rules of every object of a type."""

    def of_element(self, definition: TypeDef, element: Element, /) -> Sequence[Rule]:
        """Return the rules stated on one element and not on its type; they see the element's value."""


class _Required(NamedTuple):
    """An element that must be present: its name, its (first) JSON key, and all keys that count."""

    name: str
    key: str
    keys: frozenset[str]


class Compiler:
    """Compiles checks of types on first use and keeps them."""

    def __init__(self, definitions: Definitions, rules: RuleBook, policy: Policy) -> None:
        self._definitions = definitions
        self._rules = rules
        self._checks: dict[str, Check] = {}
        self._narratives = Narratives()
        self._references = References(definitions)
        self._policy = policy
        self._extensions = Extensions(definitions, self.check_of, policy)
        self.resources = Resources(definitions, self.check_of)

    def check_of(self, name: str) -> Check:
        """Return the check of the type `name`. Raises KeyError for a name R4 does not know."""
        found = self._checks.get(name)
        if found is None:
            definition = self._definitions.type(name)
            if name == "xhtml":
                found = self._narratives.check
            elif definition.kind == "primitive":
                found = primitives.check_of(name)
                if name in ("string", "markdown") and not self._policy.markup_in_text:
                    found = primitives.without_markup(found)
            else:
                found = self._object(definition)
            self._checks[name] = found
        return found

    def _object(self, definition: TypeDef) -> Check:
        """Return the check of a complex type or resource."""
        table: dict[str, Check] = {}
        names: dict[str, str] = {}
        required = []
        for element in definition.elements:
            keys = element.json_keys()
            for key, ref in keys:
                names[key] = element.name
                table[key] = _later(table, key, partial(self._element, definition, element, key, ref))
                if self._definitions.type(ref.code).kind == "primitive" and not element.attribute:
                    names["_" + key] = element.name
                    table["_" + key] = _later(table, "_" + key, partial(self._sibling, definition, element, key, ref))
            if element.min and element.max != 0:
                accepted = frozenset(other for key, _ in keys for other in (key, "_" + key) if other in table)
                required.append(_Required(element.name, keys[0][0], accepted))
        if definition.kind == "resource":
            table["resourceType"] = _accept
        own = [self._references.rule] if definition.name == "Reference" else []
        rules = (*own, *self._rules.of_type(definition))
        return _walk(table, names, tuple(required), rules, needs_content=definition.kind != "resource")

    def _element(self, definition: TypeDef, element: Element, key: str, ref: TypeRef) -> Check:
        """Return the check of what stands under `key`."""
        if ref.code == "Extension":
            return self._extension_list(definition, element)
        primitive = self._definitions.type(ref.code).kind == "primitive"
        check = self._value(definition, element, ref)
        for rule in self._rules.of_element(definition, element):
            check = and_then(check, rule)
        if element.max != 1:
            check = many_primitive(key, check) if primitive else many(check)
        if element.choice and len(element.types) > 1:
            check = _alone(check, key, element)
        return check

    def _value(self, definition: TypeDef, element: Element, ref: TypeRef) -> Check:
        """Return the check of one value of `element`, whatever its cardinality."""
        if ref.code == "Resource":
            contained = element.name == "contained"
            return self.resources.contained if contained else self.resources.free
        if element.name == "id" and not element.choice:
            if definition.kind == "resource":
                return self.check_of("id")
            # ids of element definitions name them; snapshot and differential share them (sdf-16, sdf-17)
            return _plain_id if definition.name == "ElementDefinition" else _element_id
        check = self.check_of(ref.code)
        if self._policy.warnings and (ref.code == "canonical" or (definition.name, element.name) in _SYSTEMS):
            check = primitives.preferably_absolute(check)
        if ref.code == "Reference" and ref.targets:
            check = self._references.with_targets(check, ref.targets)
        if ref.code == "Quantity" and element.simple:
            check = and_then(check, _no_comparator)
        if element.strength == "required":
            check = self._bound(check, element, ref)
        repeats_itself = definition.name == ref.code or definition.name.startswith(ref.code + ".")
        if repeats_itself or (definition.name, element.name) == ("Identifier", "assigner"):
            check = bounded(check)
        return check

    def _bound(self, check: Check, element: Element, ref: TypeRef) -> Check:
        if ref.code == "code":
            return bindings.code(self._definitions, element.value_set) or check
        if ref.code in ("Coding", "CodeableConcept"):
            return bindings.concept(self._definitions, element.value_set, ref.code, check)
        return check

    def _sibling(self, definition: TypeDef, element: Element, key: str, ref: TypeRef) -> Check:
        """Return the check of `_key`, which holds the id and extensions of a primitive."""
        contexts = frozenset((f"{definition.name}.{element.name}", *self._ancestry(ref.code)))
        table: dict[str, Check] = {"id": _element_id}
        table["extension"] = _later(table, "extension", lambda: bounded(self._extensions.plain(contexts)))
        check = _walk(table, {"id": "id", "extension": "extension"}, needs_content=False)
        sibling = beside(key, check) if element.max == 1 else beside_many(key, check)
        if element.choice and len(element.types) > 1:
            return _alone(sibling, key, element)
        return sibling

    def _extension_list(self, definition: TypeDef, element: Element) -> Check:
        contexts = frozenset(self._ancestry(definition.name))
        if element.name == "modifierExtension":
            return bounded(self._extensions.modifier(contexts))
        if definition.name == "Extension":
            return bounded(self._extensions.part())
        return bounded(self._extensions.plain(contexts))

    def _ancestry(self, name: str) -> list[str]:
        """Return the type `name` and every type it specialises."""
        names = []
        while name:
            names.append(name)
            name = self._definitions.type(name).base
        # an extension for "Element" may stand anywhere, at the root of a resource too
        return names if "Element" in names else [*names, "Element"]


def _later(table: dict[str, Check], key: str, compiled: Callable[[], Check]) -> Check:
    """Return a placeholder for table[key] that compiles the check on first use and seats it."""

    def placeholder(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        check = table[key] = compiled()
        return check(value, scope, owner)

    return placeholder


def _walk(  # noqa: C901 - one flat function is what makes it quick
    table: dict[str, Check],
    names: dict[str, str],
    required: tuple[_Required, ...] = (),
    rules: tuple[Rule, ...] = (),
    *,
    needs_content: bool,
) -> Check:
    """Return the check of an object: its keys, then what is missing, then its rules.

    needs_content  True where an id alone is not enough (every element, but not a resource)
    """
    check_of_key = table.get

    def check(value: Any, scope: Scope, _owner: dict[str, Any]) -> Findings:
        if type(value) is not dict:
            return [Found("", "structure", "A JSON object is expected here.")]
        if not value:
            return [Found("", "structure", "An object must not be empty; leave the element out instead.")]
        if len(value) == 1 and "id" in value and needs_content:
            return [Found("", "invariant", "An element needs more than an id (ele-1).")]
        findings: Findings = None
        told = 0
        for key, item in value.items():
            element = check_of_key(key)
            found = _unknown(key) if element is None else element(item, scope, value)
            if found:
                findings = findings or []
                findings += below(names.get(key, ""), found)
                told += errors(found)
                if told >= ENOUGH:
                    return findings
        for name, key, keys in required:
            if key not in value and keys.isdisjoint(value):
                findings = (findings or []) + [Found("", "required", f"The element {name} is required here.")]
        if findings is None or not any(found.code in _SYNTAX and found.severity == "error" for found in findings):
            for rule in rules:
                found = rule(value, scope)
                if found:
                    findings = (findings or []) + found
        return findings

    return check


def _unknown(key: str) -> list[Found]:
    # the name of a key is not data of the record, but anything can be sent as one: show plain short names only
    shown = f' "{key}"' if len(key) <= 64 and key.isascii() and key.replace("_", "").isalnum() else ""
    return [Found("", "structure", f"The element{shown} is not known here.")]


def _accept(_value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    return None


def _element_id(value: Any, scope: Scope, _owner: dict[str, Any]) -> Findings:
    """Check an element's id: a string without white space that no other element of the resource has."""
    faults = _plain_id(value, scope, _owner)
    if faults:
        return faults
    if scope.ids is None:
        scope.ids = set()
    if value in scope.ids:
        return [Found("", "invariant", "Another element of the resource has this id.")]
    scope.ids.add(value)
    return None


def _plain_id(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    fault = primitives.FAULTS["string"](value)
    if fault is None and " " in value:
        fault = "value", "The id of an element holds no spaces."
    return [Found("", *fault)] if fault else None


def _no_comparator(value: dict[str, Any], _scope: Scope) -> Findings:
    if "comparator" in value:
        return [Found("comparator", "invariant", "A comparator is not allowed on this quantity (SimpleQuantity).")]
    return None


def _alone(check: Check, key: str, element: Element) -> Check:
    """Return `check` of one type of a choice, plus that no key of another type stands beside it."""
    own = frozenset((key, "_" + key))
    keys = {name for other, _ in element.json_keys() for name in (other, "_" + other)}
    others = frozenset(keys - own)
    fault = Found("", "structure", "Only one type of this element may stand here.")

    def choice(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        findings = check(value, scope, owner)
        if not owner.keys().isdisjoint(others) and next(name for name in owner if name in keys) not in own:
            return [fault, *(findings or ())]
        return findings

    return choice
