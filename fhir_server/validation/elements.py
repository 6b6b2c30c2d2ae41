"""Builds the checks of single elements: one value or many, complex or primitive, with the `_name` beside a primitive.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from typing import Any

from fhir_server.validation.findings import ENOUGH, Check, Findings, Found, Scope, below, errors

_NOT_ARRAY = "This element can repeat: its value must be a JSON array."
_ID_ALONE = "An element needs a value or an extension; an id alone is not enough (ele-1)."
_EMPTY_ARRAY = "An array must not be empty; leave the element out instead."


def many(check: Check) -> Check:
    """Return the check of a repeating element whose items are complex."""

    def repeated(values: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        if type(values) is not list:
            return [Found("", "structure", _NOT_ARRAY)]
        if not values:
            return [Found("", "structure", _EMPTY_ARRAY)]
        findings: Findings = None
        told = 0
        for index, value in enumerate(values):
            found = check(value, scope, owner)
            if found:
                findings = findings or []
                findings += below(f"[{index}]", found)
                told += errors(found)
                if told >= ENOUGH:
                    break
        return findings

    return repeated


def many_primitive(key: str, check: Check) -> Check:
    """Return the check of a repeating primitive: null is allowed where `_key` has an item."""
    other = "_" + key

    def repeated(values: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        if type(values) is not list:
            return [Found("", "structure", _NOT_ARRAY)]
        if not values:
            return [Found("", "structure", _EMPTY_ARRAY)]
        findings: Findings = None
        told = 0
        for index, value in enumerate(values):
            if value is None and other in owner:
                continue  # the check of `_key` sees to it that something stands there
            found = check(value, scope, owner)
            if found:
                findings = findings or []
                findings += below(f"[{index}]", found)
                told += errors(found)
                if told >= ENOUGH:
                    break
        return findings

    return repeated


def beside(key: str, check: Check) -> Check:
    """Return the check of `_key`: the id and extensions of one primitive; `check` is that of Element."""

    def sibling(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        findings = check(value, scope, owner)
        if not findings and owner.get(key) is None and "extension" not in value:
            return [
                Found("", "invariant", "An element needs a value or an extension; an id alone is not enough (ele-1).")
            ]
        return findings

    return sibling


def beside_many(key: str, check: Check) -> Check:
    """Return the check of `_key` for a repeating primitive: items pair with those of `key` by index."""

    def siblings(values: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        if type(values) is not list:
            return [Found("", "structure", _NOT_ARRAY)]
        if not values:
            return [Found("", "structure", _EMPTY_ARRAY)]
        partners = owner.get(key)
        if isinstance(partners, list) and len(partners) != len(values):
            return [Found("", "structure", f'"{key}" and "_{key}" must have equally many items (null fills gaps).')]
        findings: Findings = None
        told = 0
        for index, value in enumerate(values):
            partner = partners[index] if isinstance(partners, list) else None
            found = _item(value, partner, check, scope, owner)
            if found:
                findings = findings or []
                findings += below(f"[{index}]", found)
                told += errors(found)
                if told >= ENOUGH:
                    break
        return findings

    return siblings


def _item(value: Any, partner: Any, check: Check, scope: Scope, owner: dict[str, Any]) -> Findings:
    if value is None:
        if partner is None:
            return [Found("", "structure", "A place in a list needs a value or an extension; both are null here.")]
        return None
    findings = check(value, scope, owner)
    if not findings and partner is None and "extension" not in value:
        return [Found("", "invariant", _ID_ALONE)]
    return findings
