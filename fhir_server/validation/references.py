"""Checks what a Reference points at: the shape of its text and the resource types that may stand there.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.validation.findings import Check, Findings, Found, Scope, and_then

_RELATIVE = re.compile(r"([A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?")
_ABSOLUTE = re.compile(r"https?://\S+?/([A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_CONDITIONAL = re.compile(r"([A-Za-z]+)\?\S+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


def contained(root: dict[str, Any], identifier: str) -> dict[str, Any] | None:
    """Return the resource with the id `identifier` that `root` contains, or None."""
    inner = root.get("contained")
    for resource in inner if isinstance(inner, list) else ():
        if isinstance(resource, dict) and resource.get("id") == identifier:
            return resource
    return None


class References:
    """The rules of Reference that need R4's resource types."""

    def __init__(self, definitions: Definitions) -> None:
        self._types = definitions.resource_type_set

    def rule(self, value: dict[str, Any], scope: Scope) -> Findings:
        """Check the text of a Reference and that its own `type` agrees with it (ref-1 included)."""
        text = value.get("reference")
        if text is None:
            return None
        head = text.partition("/")[0]
        if head not in self._types or _RELATIVE.fullmatch(text) is None:
            if text[0] == "#":
                known = scope.root is not scope.resource if text == "#" else contained(scope.root, text[1:]) is not None
                if not known:
                    return [Found("", "invariant", "No contained resource has the id this reference names (ref-1).")]
                return None
            fault = self._fault(text)
            if fault:
                return [Found("reference", "value", fault)]
        if "type" in value or scope.bundle is not None:
            return self._agreement(text, value.get("type"), scope)
        return None

    def _agreement(self, text: str, stated: Any, scope: Scope) -> Findings:
        """Check that the text, the `type` beside it and the entry of the Bundle speak of the same resource type."""
        named = self.type_of(text, scope)
        if named and stated in self._types and named != stated:
            return [Found("type", "invariant", "The type does not agree with what the reference points at.")]
        held = scope.bundle.type_of(text, scope.base) if scope.bundle is not None else ""
        if held and named and held != named:
            return [Found("", "invariant", "The entry that this reference names in the Bundle has another type.")]
        return None

    def _fault(self, text: str) -> str:
        """Return what is wrong with the text of a reference that is neither local nor contained, or ""."""
        if _SCHEME.fullmatch(text):
            return ""
        if len(text.split()) != 1:
            return "A reference holds no white space."
        conditional = _CONDITIONAL.fullmatch(text)
        if conditional and conditional[1] in self._types:
            return ""
        return "A relative reference is written as ResourceType/id."

    def type_of(self, text: str, scope: Scope) -> str:
        """Return the resource type that the text of a reference names, or "" where it names none."""
        if text[0] == "#":
            target = scope.root if text == "#" else contained(scope.root, text[1:])
            name = target.get("resourceType") if target else None
            return name if isinstance(name, str) else ""
        if text.startswith("urn:"):
            return ""
        found = _RELATIVE.fullmatch(text) or _CONDITIONAL.fullmatch(text) or _ABSOLUTE.fullmatch(text)
        return found[1] if found and found[1] in self._types else ""

    def with_targets(self, check: Check, targets: tuple[str, ...]) -> Check:
        """Return `check` (of Reference) plus the rule that only `targets` may be pointed at."""
        allowed = frozenset(targets)
        wanted = "This reference may point at: " + ", ".join(targets) + "."

        def reference(value: dict[str, Any], scope: Scope) -> Findings:
            text = value.get("reference")
            if text is not None and text.partition("/")[0] not in allowed:
                named = self.type_of(text, scope)
                if not named and scope.bundle is not None:
                    named = scope.bundle.type_of(text, scope.base)
                if named and named not in allowed:
                    return [Found("", "invariant", wanted)]
            if value.get("type") in self._types and value["type"] not in allowed:
                return [Found("type", "invariant", wanted)]
            return None

        return and_then(check, reference)
