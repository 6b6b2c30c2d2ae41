"""The validator: is this resource a valid resource of FHIR R4?

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.definitions import Definitions, Element, TypeDef
from fhir_server.errors import Issue
from fhir_server.validation import attachments, bundles, contained, identifiers, implicit_rules, questionnaires
from fhir_server.validation.extensions import ext_1
from fhir_server.validation.findings import ENOUGH, Found, Rule, Scope, errors
from fhir_server.validation.invariants import Invariants
from fhir_server.validation.policy import Policy
from fhir_server.validation.search_parameters import SearchRules
from fhir_server.validation.structure import Compiler


class _Rules:
    """Every rule beyond structure: invariants, and what the standard states in prose only."""

    def __init__(self, definitions: Definitions, policy: Policy, *, shortcuts: bool) -> None:
        self._invariants = Invariants(definitions, warnings=policy.warnings, shortcuts=shortcuts)
        self._implicit = implicit_rules.rule_for(policy.understood_rules)
        search = SearchRules(definitions)
        self._prose: dict[str, Rule] = {
            "Attachment": attachments.rule,
            "Bundle": bundles.rule,
            "CapabilityStatement": search.capability_statement,
            "CodeSystem": questionnaires.code_system,
            "Extension": ext_1,
            "Identifier": identifiers.rule,
            "Questionnaire": questionnaires.questionnaire,
            "SearchParameter": search.search_parameter,
        }

    def of_type(self, definition: TypeDef, /) -> Sequence[Rule]:
        """Return the rules of every object of a type."""
        rules = self._invariants.of_type(definition)
        if definition.base == "DomainResource":
            rules.append(contained.rule)
        if definition.name in self._prose:
            rules.append(self._prose[definition.name])
        return rules

    def of_element(self, definition: TypeDef, element: Element, /) -> Sequence[Rule]:
        """Return the rules stated on one element."""
        rules: list[Rule] = [*self._invariants.of_element(definition, element)]
        if definition.kind == "resource" and element.name == "implicitRules":
            rules.append(self._implicit)
        return rules


class Validator:
    """Checks resources against the definitions; safe to share between threads.

    definitions  the facts of R4
    policy       what to decide where the standard leaves a choice
    shortcuts    False to run every invariant through the FHIRPath engine, whatever it costs
    """

    def __init__(self, definitions: Definitions, policy: Policy | None = None, *, shortcuts: bool = True) -> None:
        self._policy = policy or Policy()
        rules = _Rules(definitions, self._policy, shortcuts=shortcuts)
        self._compiler = Compiler(definitions, rules, self._policy)

    def validate(
        self,
        resource: Any,
        *,
        resource_type: str | None = None,
        neighbours: bundles.BundleIndex | None = None,
        full_url: str = "",
    ) -> list[Issue]:
        """Return everything that is wrong with `resource` (a decoded document), in document order; [] when clean.

        resource_type  the type it must have, when the caller knows; otherwise its resourceType decides
        neighbours     the Bundle that `resource` was taken out of, so that its references are judged by what they name
        full_url       the fullUrl of its entry there
        """
        resources = self._compiler.resources
        findings = resources.known(resource)
        if findings:
            return [_issue(resource_type or "", found) for found in findings]
        name: str = resource["resourceType"]
        if resource_type is not None and name != resource_type:
            return [Issue("error", "invalid", f"A resource of type {resource_type} is expected here.", name)]
        scope = Scope(resource)
        scope.bundle, scope.base = neighbours, full_url
        findings = resources.check(resource, scope)
        if not findings:
            return []
        issues = [_issue(name, found) for found in findings if self._tells(found)]
        if errors(findings) >= ENOUGH:
            text = f"There are {ENOUGH} errors and perhaps more; the rest was not looked at."
            issues.append(Issue("error", "too-costly", text, name))
        return issues

    def _tells(self, found: Found) -> bool:
        return found.severity == "error" or self._policy.warnings


def _issue(name: str, found: Found) -> Issue:
    path = name + ("." if found.path and name else "") + found.path
    return Issue(found.severity, found.code, found.text, path)
