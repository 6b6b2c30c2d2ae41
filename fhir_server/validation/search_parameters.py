"""Rules of SearchParameter and CapabilityStatement against the search parameters that R4 defines.

https://hl7.org/fhir/R4/searchparameter.html
https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from fhir_server.definitions import Definitions, SearchParameter
from fhir_server.fhirpath import FhirPathError, compile  # noqa: A004
from fhir_server.fhirpath.tree import Member, Tree, children
from fhir_server.validation.findings import Findings, Found, Scope

_ROOTS = frozenset(("Resource", "DomainResource"))


class SearchRules:
    """The rules that need R4's own search parameters."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    @cached_property
    def _by_url(self) -> dict[str, SearchParameter]:
        return {parameter.url: parameter for parameter in self._definitions.search_parameters}

    def search_parameter(self, value: dict[str, Any], _scope: Scope) -> Findings:
        """Check a SearchParameter: expression, bases, components, and the parameter it is derived from."""
        findings = [*self._expression(value), *self._derived(value)]
        if value.get("type") == "composite" and len(value.get("component", ())) < 2:
            findings.append(Found("", "business-rule", "A composite search parameter needs two or more components."))
        return findings or None

    def _expression(self, value: dict[str, Any]) -> Iterator[Found]:
        text = value.get("expression")
        if text is None:
            return
        try:
            tree = compile(text, lenient=True).ast
        except FhirPathError:
            yield Found("expression", "value", "The expression is not FHIRPath.")
            return
        allowed = frozenset(value.get("base", ())) | _ROOTS
        strangers = _resource_types(tree, self._definitions.resource_type_set) - allowed
        if strangers and _ROOTS.isdisjoint(value.get("base", ())):
            yield Found("expression", "business-rule", "The expression starts at a resource type that is not in base.")

    def _derived(self, value: dict[str, Any]) -> Iterator[Found]:
        origin = self._by_url.get(value.get("derivedFrom", ""))
        if origin is None:
            return
        if _ROOTS.isdisjoint(origin.base) and not set(value.get("base", ())) <= set(origin.base):
            yield Found("base", "business-rule", "The parameter this one is derived from does not have this base.")
        if value.get("type", origin.type) != origin.type:
            yield Found("type", "business-rule", "The parameter this one is derived from has another type.")

    def capability_statement(self, value: dict[str, Any], _scope: Scope) -> Findings:
        """Check that parameters named by R4's own canonical have the type R4 gives them."""
        findings = []
        for path, parameter in _declared(value):
            known = self._by_url.get(parameter.get("definition", "").partition("|")[0])
            if known is not None and parameter.get("type", known.type) != known.type:
                text = "The search parameter that definition names has another type."
                findings.append(Found(f"{path}.type", "business-rule", text))
        return findings or None


def _declared(statement: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, rest in enumerate(statement.get("rest", ())):
        holders = [(f"rest[{index}]", rest)]
        holders += [(f"rest[{index}].resource[{n}]", resource) for n, resource in enumerate(rest.get("resource", ()))]
        for path, holder in holders:
            for number, parameter in enumerate(holder.get("searchParam", ())):
                yield f"{path}.searchParam[{number}]", parameter


def _resource_types(tree: Tree, resource_types: frozenset[str]) -> set[str]:
    """Return the resource types at which paths of an expression start."""
    names: set[str] = set()
    pending = [tree]
    while pending:
        term = pending.pop()
        if isinstance(term, Member) and term.operand is None and term.name in resource_types:
            names.add(term.name)
        pending.extend(children(term))
    return names
