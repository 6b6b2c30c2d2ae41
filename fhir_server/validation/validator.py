"""The validator: is this resource a valid resource of FHIR R4?

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from fhir_server.definitions import Definitions, Element, TypeDef
from fhir_server.errors import Issue
from fhir_server.validation.extensions import Extensions, ext_1
from fhir_server.validation.findings import Found, Scope
from fhir_server.validation.structure import Compiler, Rule


class _Rules:
    def of_type(self, definition: TypeDef, /) -> Sequence[Rule]:
        """Return the rules of every object of a type."""
        return (ext_1,) if definition.name == "Extension" else ()

    def of_element(self, _definition: TypeDef, _element: Element, /) -> Sequence[Rule]:
        """Return the rules of one element."""
        return ()


class Validator:
    """Checks resources against the definitions; safe to share between threads.

    definitions           the facts of R4
    understood_modifiers  urls of modifier extensions that the caller honours; all others are refused
    closed                True to refuse extensions that R4 does not define
    """

    def __init__(
        self, definitions: Definitions, *, understood_modifiers: Collection[str] = (), closed: bool = False
    ) -> None:
        def extensions(compiler: Compiler) -> Extensions:
            return Extensions(definitions, compiler.check_of, understood=understood_modifiers, closed=closed)

        self._compiler = Compiler(definitions, _Rules(), extensions)

    def validate(self, resource: Any, *, resource_type: str | None = None) -> list[Issue]:
        """Return everything that is wrong with `resource` (a decoded document), in document order; [] when clean.

        resource_type  the type it must have, when the caller knows; otherwise its resourceType decides
        """
        resources = self._compiler.resources
        findings = resources.known(resource)
        if findings:
            return [_issue(resource_type or "", found) for found in findings]
        name: str = resource["resourceType"]
        if resource_type is not None and name != resource_type:
            return [Issue("error", "invalid", f"A resource of type {resource_type} is expected here.", name)]
        findings = resources.check(resource, Scope(resource))
        return [_issue(name, found) for found in findings] if findings else []


def _issue(name: str, found: Found) -> Issue:
    path = name + ("." if found.path and name else "") + found.path
    return Issue(found.severity, found.code, found.text, path)
