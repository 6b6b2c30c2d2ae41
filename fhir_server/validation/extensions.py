"""Rules of extensions: where the core ones may stand, what they hold, and that no unknown modifier slips in.

https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.definitions import Definitions, ExtensionDef
from fhir_server.validation import bindings
from fhir_server.validation.cross_version import is_modifier
from fhir_server.validation.elements import many
from fhir_server.validation.errata import EXTENSION_CONTEXTS, OPEN_VALUE_SETS
from fhir_server.validation.findings import Check, Findings, Found, Scope, and_then, below
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
        self._contents: dict[str, _Content] = {}

    def plain(self, contexts: frozenset[str]) -> Check:
        """Return the check of `extension` on an element that is known under the names `contexts`."""
        known_of = self._definitions.extension

        def rule(value: dict[str, Any], _scope: Scope) -> Findings:
            url: str = value["url"]
            known = known_of(url)
            if known is None:
                return self._unknown(url)
            if known.modifier:
                return [Found("", "extension", _MODIFIES)]
            return self._known(url, value, contexts)

        return many(and_then(self._check_of("Extension"), rule))

    def modifier(self, contexts: frozenset[str]) -> Check:
        """Return the check of `modifierExtension`: unknown ones are refused, since they change the meaning."""
        known_of = self._definitions.extension

        def rule(value: dict[str, Any], _scope: Scope) -> Findings:
            url: str = value["url"]
            known = known_of(url)
            if known is None:
                if url in self._policy.understood_modifiers:
                    return None
                text = "This modifier extension is not known here; it may change the meaning, so it is refused."
                return [Found("", "extension", text)]
            if not known.modifier:
                return [Found("", "extension", "This extension does not modify: it belongs in extension.")]
            return self._known(url, value, contexts)

        return many(and_then(self._check_of("Extension"), rule))

    def part(self) -> Check:
        """Return the check of an extension inside an extension; the outer definition judges its content."""
        contexts = frozenset(("Extension", "Element"))

        def rule(value: dict[str, Any], _scope: Scope) -> Findings:
            return self._known(value["url"], value, contexts)

        return many(and_then(self._check_of("Extension"), rule))

    def _unknown(self, url: str) -> Findings:
        if is_modifier(url):
            return [Found("", "extension", _MODIFIES)]
        if ":" not in url:
            return [Found("url", "extension", "The url of an extension must be absolute.")]
        if not self._policy.unknown_extensions:
            return [Found("", "extension", "This extension is not known here, and unknown extensions are refused.")]
        return None

    def _known(self, url: str, value: dict[str, Any], contexts: frozenset[str]) -> Findings:
        """Check an extension that R4 defines: what it holds, then whether it may stand here."""
        known = self._contents.get(url)
        if known is None:
            definition = self._definitions.extension(url)
            if definition is None:
                return None
            known = self._contents[url] = _Content(self._definitions, definition, url)
        findings = known.check(value)
        if not findings and contexts.isdisjoint(known.contexts):
            return [Found("", "extension", "This extension is not defined for this element.", contexts=known.contexts)]
        return findings


class _Content:
    """What one defined extension, or a part of one, may hold.

    contexts  names of the elements that may carry it
    """

    def __init__(self, definitions: Definitions, known: ExtensionDef, url: str = "") -> None:
        self.contexts = EXTENSION_CONTEXTS.get(url, frozenset()).union(known.contexts)
        self.min, self.max = known.min, known.max
        self._any = "*" in (ref.code for ref in known.types)
        self._keys = frozenset("value" + ref.code[:1].upper() + ref.code[1:] for ref in known.types)
        self._value_required = known.required and not known.parts
        self._binding = known.binding if known.binding not in OPEN_VALUE_SETS else ""
        self._definitions = definitions
        self._parts = {name: _Content(definitions, part) for name, part in known.parts.items()}

    def check(self, value: dict[str, Any]) -> Findings:
        """Check an extension whose own structure is right."""
        key = value_key(value)
        if not key:
            if self._value_required:
                return [Found("", "extension", "The definition of this extension demands a value.")]
            return self._check_parts(value["extension"])
        if key not in self._keys and not self._any:
            return [Found("", "extension", "The definition of this extension does not allow a value of this type.")]
        return self._check_binding(key, value) if self._binding and key in value else None

    def _check_binding(self, key: str, value: dict[str, Any]) -> Findings:
        if key in ("valueCoding", "valueCodeableConcept"):
            name = key.removeprefix("value")
            check: Check | None = bindings.concept(self._definitions, self._binding, name, _clean)
        elif key == "valueCode":
            check = bindings.code(self._definitions, self._binding)
        else:
            return None
        found = check(value[key], Scope(value), value) if check else None
        return below("value", found) if found else None

    def _check_parts(self, extensions: list[dict[str, Any]]) -> Findings:
        findings: list[Found] = []
        counts: dict[str, int] = {}
        for index, extension in enumerate(extensions):
            url = extension["url"]
            part = self._parts.get(url)
            if part is None:
                if ":" not in url:
                    text = "The definition of the outer extension has no part with this url."
                    findings.append(Found(f"extension[{index}]", "extension", text))
                continue
            counts[url] = counts.get(url, 0) + 1
            findings += below(f"extension[{index}]", part.check(extension) or ())
        for url, part in self._parts.items():
            count = counts.get(url, 0)
            if count < part.min:
                findings.append(Found("", "extension", f'The part "{url}" of this extension is missing.'))
            if part.max is not None and count > part.max:
                findings.append(Found("", "extension", f'The part "{url}" of this extension is repeated too often.'))
        return findings or None


def _clean(_value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    return None
