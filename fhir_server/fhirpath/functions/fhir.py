"""The functions FHIR adds to FHIRPath.

https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import load
from fhir_server.fhirpath import narrative
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.model import ancestors, is_type_name
from fhir_server.fhirpath.navigation import step
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.operators import EMPTY, boolean
from fhir_server.fhirpath.references import resolve as resolve_text
from fhir_server.fhirpath.values import string

_CORE = "http://hl7.org/fhir/StructureDefinition/"


def extension(items: Items, env: Environment, url: Items) -> Items:
    wanted = string(url, "extension()")
    if wanted is None:
        return EMPTY
    return [
        node for node in step(items, "extension", env) if type(node.value) is dict and node.value.get("url") == wanted
    ]


def has_extension(items: Items, env: Environment, url: Items) -> Items:
    return boolean(bool(extension(items, env, url)))


def resolve(items: Items, env: Environment) -> Items:
    """Return the resources that References, canonicals and uris point at; what cannot be found is left out."""
    found: Items = []
    for item in items:
        text = reference_text(item)
        node = None if text is None else resolve_text(text, env)
        if node is not None:
            found.append(node)
    return found


def reference_text(item: Any) -> str | None:
    """Return the text of a Reference, uri or string, None for what refers to nothing."""
    value = item.value if type(item) is Node else item
    if isinstance(value, dict):
        value = value.get("reference")
    return value if isinstance(value, str) else None


def html_checks(items: Items, env: Environment) -> Items:
    if not items:
        return EMPTY
    text = string(items, "htmlChecks()") or ""
    env.spend(len(text) // 10)
    return boolean(narrative.is_allowed(text))


def conforms_to(items: Items, _: Environment, profile: Items) -> Items:
    """Return whether the item is of the type a base StructureDefinition defines; profiles are not known here."""
    url = string(profile, "conformsTo()")
    if not items or url is None:
        return EMPTY
    name = url.removeprefix(_CORE)
    if not url.startswith(_CORE) or not is_type_name(name):
        raise FhirPathError("conformsTo() knows the types of R4 itself, not this profile")
    if len(items) > 1:
        raise FhirPathError(f"conformsTo() needs a single item but got {len(items)}")
    return boolean(type(items[0]) is Node and name in ancestors(items[0].type))


def member_of(items: Items, env: Environment, value_set: Items) -> Items:
    """Return whether a code, Coding or CodeableConcept is in a value set that R4 binds as required."""
    url = string(value_set, "memberOf()")
    if not items or url is None:
        return EMPTY
    known = load().value_sets.get(url.partition("|")[0])
    if known is None:
        raise FhirPathError("memberOf() knows the value sets of R4's required bindings, not this one")
    if len(items) > 1:
        raise FhirPathError(f"memberOf() needs a single item but got {len(items)}")
    item = items[0]
    value = item.value if type(item) is Node else item
    if isinstance(value, dict):
        codings = value.get("coding") if "coding" in value else [value]
        codings = codings if isinstance(codings, list) else []
        env.spend(len(codings))
        return boolean(any(_is_member(coding, known) for coding in codings))
    return boolean(isinstance(value, str) and any(value in codes for codes in known.values()))


def _is_member(coding: Any, known: dict[str, frozenset[str]]) -> bool:
    if not isinstance(coding, dict) or not isinstance(coding.get("code"), str):
        return False
    return coding["code"] in known.get(str(coding.get("system")), frozenset())


def needs_terminology(items: Items, _: Environment, code: Items) -> Items:
    if not items or not code:
        return EMPTY
    raise FhirPathError("subsumes() and subsumedBy() need a terminology service, which this server does not have")


def needs_profile(items: Items, _: Environment, *arguments: Items) -> Items:
    if not items or not all(arguments):
        return EMPTY
    raise FhirPathError("slice(), checkModifiers() and elementDefinition() need a profile, which is not known here")


FUNCTIONS = {
    "extension": Function(extension, 1, 1, result="Extension"),
    "hasExtension": Function(has_extension, 1, 1, result="Boolean"),
    "resolve": Function(resolve),
    "htmlChecks": Function(html_checks, result="Boolean"),
    "conformsTo": Function(conforms_to, 1, 1, result="Boolean"),
    "memberOf": Function(member_of, 1, 1, result="Boolean"),
    "subsumes": Function(needs_terminology, 1, 1),
    "subsumedBy": Function(needs_terminology, 1, 1),
    "slice": Function(needs_profile, 2, 2),
    "checkModifiers": Function(needs_profile, 0, 20),
    "elementDefinition": Function(needs_profile),
}
