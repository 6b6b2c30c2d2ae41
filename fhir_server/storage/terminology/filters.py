"""Filters of a value set: which codes of a system fulfil `property op value`.

https://hl7.org/fhir/R4/valueset-filter-operator.html and https://hl7.org/fhir/R4/valueset-definitions.html

`is-a`, `descendent-of`, `is-not-a`, `generalizes`, `in`, `not-in`, `=`, `regex` on the concept (property `concept` or
`code`); `=`, `in`, `not-in`, `regex`, `exists` on properties, `parent` and `child` among them. Everything else is
refused: a filter that is left out would let codes in that do not belong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2  # type: ignore[import-untyped]

from fhir_server.errors import BadRequest
from fhir_server.storage.terminology.code_system import CodeSystem

_CONCEPT = ("concept", "code")
_HIERARCHY = frozenset({"is-a", "descendent-of", "is-not-a", "generalizes", "parent", "child"})
_LONGEST_PATTERN = 1_000
_MEMORY = 1 << 20  # bytes of a compiled pattern


def refused(what: str) -> BadRequest:
    """Return the error for a value set that cannot be evaluated."""
    return BadRequest(what, code="not-supported")


def filtered(system: CodeSystem, filters: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the codes of `system` that fulfil all filters of one include.

    Raises BadRequest (code not-supported) for a filter that is not understood.
    """
    found = system.codes
    for each in filters:
        name, op, value = each.get("property"), each.get("op"), each.get("value")
        if not (isinstance(name, str) and isinstance(op, str) and isinstance(value, str)):
            raise refused("A filter of the value set lacks property, op or value.")
        if _HIERARCHY & {name, op} and not system.is_subsuming:
            raise refused(
                "A filter of the value set asks for subsumption in a code system whose hierarchy is not is-a."
            )
        found &= _concepts(system, op, value) if name in _CONCEPT else _with_property(system, name, op, value)
    return found


def _concepts(system: CodeSystem, op: str, value: str) -> frozenset[str]:
    if op == "regex":
        matches = _pattern(value)
        return frozenset(code for code in system.codes if matches(code))
    if op not in _BY_CONCEPT:
        raise refused(f"The value set filters concepts by '{_shown(op)}', which is not supported here.")
    return _BY_CONCEPT[op](system, value) & system.codes


_BY_CONCEPT: dict[str, Callable[[CodeSystem, str], frozenset[str]]] = {
    "=": lambda system, value: frozenset({value}),  # noqa: ARG005
    "in": lambda system, value: _listed(value),  # noqa: ARG005
    "not-in": lambda system, value: system.codes - _listed(value),
    "is-a": lambda system, value: system.below(value),
    "descendent-of": lambda system, value: system.below(value) - {value},
    "is-not-a": lambda system, value: system.codes - system.below(value),
    "generalizes": lambda system, value: system.above(value),
}


def _with_property(system: CodeSystem, name: str, op: str, value: str) -> frozenset[str]:
    values = _values(system, name)
    if op == "exists":
        if value not in ("true", "false"):
            raise refused("A filter 'exists' of the value set takes true or false.")
        return frozenset(code for code in system.codes if bool(values(code)) is (value == "true"))
    if op == "regex":
        matches = _pattern(value)
        return frozenset(code for code in system.codes if any(matches(each) for each in values(code)))
    if op not in ("=", "in", "not-in"):
        raise refused(f"The value set filters a property by '{_shown(op)}', which is not supported here.")
    wanted = frozenset({value}) if op == "=" else _listed(value)
    inside = frozenset(code for code in system.codes if not wanted.isdisjoint(values(code)))
    return system.codes - inside if op == "not-in" else inside


def _values(system: CodeSystem, name: str) -> Callable[[str], Iterable[str]]:
    """Return the function that gives a code's values of a property."""
    if name == "parent":
        return system.parents
    if name == "child":
        return system.children
    if name not in system.declared and not any(name in found for found in system.properties.values()):
        raise refused(f"The value set filters by the property '{_shown(name)}', which its code system does not have.")
    return lambda code: system.properties[code].get(name, ())


def _listed(value: str) -> frozenset[str]:
    return frozenset(part.strip() for part in value.split(","))


def _pattern(text: str) -> Callable[[str], bool]:
    """Return the test for a whole match, in time linear in the text."""
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        if len(text) > _LONGEST_PATTERN:
            raise re2.error
        compiled = re2.compile(text, options)
    except re2.error:
        raise refused("A regular expression of the value set is not understood.") from None
    return lambda candidate: compiled.fullmatch(candidate) is not None


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:64])
