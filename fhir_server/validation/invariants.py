"""Turns the invariants of R4 into rules: by construction, by a predicate, or by the FHIRPath engine.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fhir_server.definitions import Definitions, Element, Invariant, TypeDef
from fhir_server.fhirpath import Expression, FhirPathError, FhirPathTooCostly, Node, compile  # noqa: A004
from fhir_server.fhirpath.tree import Binary, Call, Member, Special, Tree, Variable, children
from fhir_server.validation.errata import EXPRESSIONS
from fhir_server.validation.findings import Findings, Found, Rule, Scope
from fhir_server.validation.predicates import PREDICATES
from fhir_server.validation.sentences import SENTENCES

BY_CONSTRUCTION = frozenset(
    ("ele-1", "ext-1", "ref-1", "txt-1", "txt-2", "dom-2", "dom-3", "dom-4", "dom-5", "que-2", "csd-1")
)
"""Rules that other code checks: structure, extensions, references, narrative, contained resources, unique codes."""

_LOOKS_EVERYWHERE = frozenset(("children", "descendants", "repeat", "extension", "hasExtension", "now", "today"))


class Invariants:
    """Finds and compiles the invariants of a type or element.

    warnings   True to include the rules of severity warning
    shortcuts  False to use nothing but the FHIRPath engine
    skip       keys to leave out because other code checks them
    """

    def __init__(
        self, definitions: Definitions, *, warnings: bool, shortcuts: bool, skip: frozenset[str] = BY_CONSTRUCTION
    ) -> None:
        self._definitions = definitions
        self._warnings = warnings
        self._shortcuts = shortcuts
        self._skip = skip

    def of_type(self, definition: TypeDef) -> list[Rule]:
        """Return the rules that the type states itself or inherits."""
        return self._rules(definition.constraints, definition.name, definition)

    def of_element(self, definition: TypeDef, element: Element) -> list[Rule]:
        """Return the rules stated on an element and not on its type; they see the element's value."""
        code = element.types[0].code
        value_type = self._definitions.type(code)
        if value_type.kind == "primitive":
            return []  # eld-3 and the narrative's rules, which have their own checks
        return self._rules(element.constraints, f"{definition.name}.{element.name}", value_type)

    def _rules(self, keys: Sequence[str], where: str, focus: TypeDef) -> list[Rule]:
        rules = []
        for key in keys:
            invariant = self._stated(key, where)
            if key not in self._skip and (self._warnings or invariant.severity == "error"):
                rules.append(rule_of(invariant, focus, shortcuts=self._shortcuts))
        return rules

    def _stated(self, key: str, where: str) -> Invariant:
        """Return the invariant that `key` stands for at `where`; inv-1 stands for three."""
        candidates = self._definitions.invariants[key]
        return next((item for item in candidates if where.startswith(item.where)), candidates[0])


def found_of(invariant: Invariant) -> Found:
    """Return what is said when `invariant` is broken."""
    rule = f"This rule of the standard does not hold: {invariant.expression}"
    sentence = SENTENCES.get(invariant.key, rule).rstrip(".")
    severity: Any = invariant.severity
    return Found("", "invariant", f"{sentence} ({invariant.key}).", severity)


def rule_of(invariant: Invariant, focus: TypeDef, *, shortcuts: bool) -> Rule:
    """Return the rule for `invariant` on objects of the type `focus`.

    shortcuts  False to use nothing but the FHIRPath engine, on every object
    """
    expression = compile(EXPRESSIONS.get(invariant.key, invariant.expression), lenient=True)
    found = [found_of(invariant)]
    type_name = focus.name
    # The standard wants a rule to be true. A comparison of values that cannot be ordered (a day with an hour of that
    # day) breaks nothing, though; nor does a warning about a value that is absent.
    unknown_passes = invariant.severity == "warning" or _compares(expression)

    def evaluated(value: dict[str, Any], scope: Scope) -> Findings:
        try:
            holds = expression.evaluate_boolean(Node(value, type_name), resource=scope.resource, root=scope.root)
        except FhirPathTooCostly:
            return [Found("", "too-costly", f"The rule {invariant.key} takes too long to check on this element.")]
        except FhirPathError:
            return [Found("", "invariant", f"The rule {invariant.key} cannot be checked on this element.")]
        return None if holds or (holds is None and unknown_passes) else found

    if not shortcuts:
        return evaluated
    predicate = PREDICATES.get(invariant.key)
    if predicate is not None:

        def shortcut(value: dict[str, Any], scope: Scope) -> Findings:
            holds = predicate(value, scope)
            return None if holds else evaluated(value, scope)

        return shortcut
    triggers = _triggers(expression, focus)
    if triggers is None:
        return evaluated

    def guarded(value: dict[str, Any], scope: Scope) -> Findings:
        return None if triggers.isdisjoint(value) else evaluated(value, scope)

    return guarded


def _terms(expression: Expression) -> Iterator[Tree]:
    """Yield every term of an expression."""
    pending: list[Tree] = [expression.ast]
    while pending:
        tree = pending.pop()
        yield tree
        pending.extend(children(tree))


def _compares(expression: Expression) -> bool:
    return any(isinstance(tree, Binary) and tree.operator in ("<", ">", "<=", ">=") for tree in _terms(expression))


def _triggers(expression: Expression, focus: TypeDef) -> frozenset[str] | None:
    """Return the JSON keys without which the expression holds for any object of the type; None where it may not."""
    names: set[str] = set()
    for tree in _terms(expression):
        if isinstance(tree, Variable | Special) or (isinstance(tree, Call) and tree.name in _LOOKS_EVERYWHERE):
            return None
        if isinstance(tree, Member):
            names.add(tree.name)
    if not expression.evaluate_boolean(Node({}, focus.name)):
        return None
    keys = {key for element in focus.elements if element.name in names for key, _ in element.json_keys()}
    return frozenset(keys | {"_" + key for key in keys})
