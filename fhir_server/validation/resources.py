"""Finds the check of a resource inside a resource, opens its scope, and settles what only the full path can settle.

https://hl7.org/fhir/R4/resource.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.validation.bundles import BundleIndex
from fhir_server.validation.findings import MAX_DEPTH, Check, Findings, Found, Scope

_INDEX = re.compile(r"\[\d+\]")


def settle(name: str, findings: list[Found]) -> Findings:
    """Drop findings about an extension's place that the path from the resource `name` on shows to be right."""
    kept = []
    for found in findings:
        if found.contexts is not None:
            holder = found.path.rpartition(".")[0]
            place = _INDEX.sub("", f"{name}.{holder}" if holder else name)
            if place in found.contexts:
                continue
            found = found._replace(contexts=None)
        kept.append(found)
    return kept or None


class Resources:
    """Checks of elements whose type is Resource: contained, Bundle.entry.resource, Parameters.parameter.resource."""

    def __init__(self, definitions: Definitions, check_of: Callable[[str], Check]) -> None:
        self._types = definitions.resource_type_set
        self._check_of = check_of

    def known(self, value: Any) -> Findings:
        """Check that `value` is an object that names one of R4's resource types."""
        if type(value) is not dict:
            return [Found("", "structure", "A JSON object with a resource belongs here.")]
        name = value.get("resourceType")
        if not isinstance(name, str) or name not in self._types:
            return [Found("", "structure", "The resource's resourceType is missing or is not a type of FHIR R4.")]
        return None

    def check(self, value: dict[str, Any], scope: Scope) -> Findings:
        """Check a resource that `known` accepts, in its own scope."""
        name: str = value["resourceType"]
        if name == "Bundle":
            scope.bundle = BundleIndex(value)
        findings = self._check_of(name)(value, scope, value)
        return settle(name, findings) if findings else None

    def contained(self, value: Any, scope: Scope, _owner: dict[str, Any]) -> Findings:
        """Check a contained resource: its references are looked up in the container."""
        findings = self.known(value)
        if findings:
            return findings
        if scope.depth >= MAX_DEPTH:
            return [Found("", "structure", f"Resources are nested more than {MAX_DEPTH} levels deep.")]
        inner = Scope(value, scope.root, scope.depth + 1)
        inner.bundle, inner.base = scope.bundle, scope.base
        return self.check(value, inner)

    def free(self, value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        """Check a resource that stands for itself (in a Bundle or Parameters)."""
        findings = self.known(value)
        if findings:
            return findings
        if scope.depth >= MAX_DEPTH:
            return [Found("", "structure", f"Resources are nested more than {MAX_DEPTH} levels deep.")]
        inner = Scope(value, None, scope.depth + 1)
        full_url = owner.get("fullUrl")
        inner.bundle, inner.base = scope.bundle, full_url if isinstance(full_url, str) else ""
        return self.check(value, inner)
