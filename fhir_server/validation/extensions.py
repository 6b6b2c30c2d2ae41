"""Rules of extensions: where the core ones may stand, what they hold, and that no unknown modifier slips in.

https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from fhir_server.definitions import Definitions, ExtensionDef
from fhir_server.validation import bindings
from fhir_server.validation.cross_version import is_modifier
from fhir_server.validation.elements import many
from fhir_server.validation.errata import EXTENSION_CONTEXTS, OPEN_VALUE_SETS
from fhir_server.validation.findings import Check, Findings, Found, Scope
from fhir_server.validation.policy import Policy

_MODIFIES = "This is a modifier extension: it belongs in modifierExtension."


def value_key(extension: dict[str, Any]) -> str:
    """Return the key under which an extension holds its value ("valueString"), or ""."""
    for key in extension:
        if key.startswith(("value", "_value")):
            return key.lstrip("_")
    return ""


def ext_1(extension: dict[str, Any], _scope: Scope) -> Findings:
    """An extension holds either a value or extensions, and one of them."""
    if ("extension" in extension) is (value_key(extension) == ""):
        return None
    return [Found("", "invariant", "An extension holds either a value or further extensions (ext-1).")]


class Extensions:
    """Checks of `extension` and `modifierExtension`.

    check_of  type name -> check
    """

    def __init__(self, definitions: Definitions, check_of: Callable[[str], Check], policy: Policy) -> None:
        self._definitions = definitions
        self._check_of = check_of
        self._policy = policy

    def plain(self, contexts: frozenset[str]) -> Check:
        """Return the check of `extension` on an element that is known under the names `contexts`."""
        base, known_of = self._check_of("Extension"), self._definitions.extension

        def check(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
            findings = base(value, scope, owner)
            if findings:
                return findings
            url: str = value["url"]
            known = known_of(url)
            if known is None:
                return self._unknown(url)
            if known.modifier:
                return [Found("", "extension", _MODIFIES)]
            return self._known(value, known, contexts)

        return many(check)

    def modifier(self, contexts: frozenset[str]) -> Check:
        """Return the check of `modifierExtension`: unknown ones are refused, since they change the meaning."""
        base, known_of = self._check_of("Extension"), self._definitions.extension

        def check(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
            findings = base(value, scope, owner)
            if findings:
                return findings
            url: str = value["url"]
            known = known_of(url)
            if known is None:
                if url in self._policy.understood_modifiers:
                    return None
                text = "This modifier extension is not known here; it may change the meaning, so it is refused."
                return [Found("", "extension", text)]
            if not known.modifier:
                return [Found("", "extension", "This extension does not modify: it belongs in extension.")]
            return self._known(value, known, contexts)

        return many(check)

    def part(self) -> Check:
        """Return the check of an extension inside an extension; the outer definition judges its content."""
        base, known_of = self._check_of("Extension"), self._definitions.extension
        contexts = frozenset(("Extension", "Element"))

        def check(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
            findings = base(value, scope, owner)
            if findings:
                return findings
            known = known_of(value["url"])
            return None if known is None else self._known(value, known, contexts)

        return many(check)

    def _unknown(self, url: str) -> Findings:
        if is_modifier(url):
            return [Found("", "extension", _MODIFIES)]
        if ":" not in url:
            return [Found("url", "extension", "The url of an extension must be absolute.")]
        if not self._policy.unknown_extensions:
            return [Found("", "extension", "This extension is not known here, and unknown extensions are refused.")]
        return None

    def _known(self, value: dict[str, Any], known: ExtensionDef, contexts: frozenset[str]) -> Findings:
        findings = self._content(value, known)
        if not findings and contexts.isdisjoint(known.contexts):
            text = "This extension is not defined for this element."
            allowed = EXTENSION_CONTEXTS.get(value["url"], frozenset()).union(known.contexts)
            return [Found("", "extension", text, contexts=allowed)] if contexts.isdisjoint(allowed) else None
        return findings

    def _content(self, value: dict[str, Any], known: ExtensionDef) -> Findings:
        key = value_key(value)
        if not key:
            if known.required and not known.parts:
                return [Found("", "extension", "The definition of this extension demands a value.")]
            return self._parts(value["extension"], known)
        allowed = {"value" + ref.code[:1].upper() + ref.code[1:] for ref in known.types}
        if key not in allowed and "value*" not in allowed:
            return [Found("", "extension", "The definition of this extension does not allow a value of this type.")]
        held = value.get(key)
        if held is None or not known.binding or known.binding in OPEN_VALUE_SETS:
            return None
        if isinstance(held, str):
            check = bindings.code(self._definitions, known.binding)
        else:
            name = "CodeableConcept" if key == "valueCodeableConcept" else "Coding"
            check = bindings.concept(self._definitions, known.binding, name, _clean)
        scope = Scope(value)
        found = check(held, scope, value) if check and key != "valueQuantity" else None
        return [item._replace(path="value") for item in found] if found else None

    def _parts(self, extensions: list[dict[str, Any]], known: ExtensionDef) -> Findings:
        """Check the parts of a complex extension against its definition."""
        findings: list[Found] = []
        for index, part in enumerate(extensions):
            url = part["url"]
            definition = known.parts.get(url)
            if definition is None:
                if ":" not in url:
                    text = "The definition of the outer extension has no part with this url."
                    findings.append(Found(f"extension[{index}]", "extension", text))
                continue
            for found in self._content(part, definition) or ():
                path = f"extension[{index}].{found.path}".rstrip(".")
                findings.append(found._replace(path=path))
        counts = Counter(part["url"] for part in extensions)
        for url, part_known in known.parts.items():
            if counts[url] < part_known.min:
                findings.append(Found("", "extension", f'The part "{url}" of this extension is missing.'))
            if part_known.max is not None and counts[url] > part_known.max:
                findings.append(Found("", "extension", f'The part "{url}" of this extension is repeated too often.'))
        return findings or None


def _clean(_value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    return None
