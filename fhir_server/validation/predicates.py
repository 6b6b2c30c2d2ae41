"""The invariants of the core types and common datatypes as plain functions, an exact shortcut for their FHIRPath.

https://hl7.org/fhir/R4/conformance-rules.html#constraints

A predicate sees an object whose structure is right and the resource it stands in. It returns whether
the rule holds, or None to leave the question to the FHIRPath engine (dates of different precision,
quantities of different units). A test holds predicates and engine to the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from fhir_server.validation.findings import Scope

Json: TypeAlias = dict[str, Any]
Predicate: TypeAlias = Callable[[Json, Scope], "bool | None"]

_UCUM = "http://unitsofmeasure.org"
_EVENTS_WITHOUT_OFFSET = frozenset(("C", "CM", "CD", "CV"))


def has(value: Json, name: str) -> bool:
    """Return FHIRPath's exists() for a primitive element: its value or its extensions are there."""
    return name in value or "_" + name in value


def _ordered(low: str, high: str) -> bool | None:
    """Return whether two dates of the same precision and zone are in order, None for any other two."""
    if len(low) == len(high) and (len(low) <= 10 or low[-6:] == high[-6:] or low[-1] == high[-1] == "Z"):
        return low <= high
    return None


def _per_1(value: Json, _scope: Scope) -> bool | None:
    low, high = value.get("start"), value.get("end")
    return True if low is None or high is None else _ordered(low, high)


def _rng_2(value: Json, _scope: Scope) -> bool | None:
    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return True
    if any(low.get(key) != high.get(key) for key in ("system", "code", "unit")) or "comparator" in (*low, *high):
        return None
    least, most = low.get("value"), high.get("value")
    return None if least is None or most is None else bool(least <= most)


def _coded_in_ucum(value: Json) -> bool:
    return (has(value, "code") or not has(value, "value")) and (
        not has(value, "system") or value.get("system") == _UCUM
    )


def _age_1(value: Json, _scope: Scope) -> bool:
    number = value.get("value")
    return _coded_in_ucum(value) and (number is None or number > 0)


def _cnt_3(value: Json, _scope: Scope) -> bool | None:
    number = value.get("value")
    if isinstance(number, Decimal):
        return None
    return _coded_in_ucum(value) and (not has(value, "code") or value.get("code") == "1")


def _drt_1(value: Json, _scope: Scope) -> bool:
    return not has(value, "code") or (value.get("system") == _UCUM and has(value, "value"))


def _rat_1(value: Json, _scope: Scope) -> bool:
    top, bottom = "numerator" in value, "denominator" in value
    return top is bottom and (top or "extension" in value)


def _implies(name: str, other: str) -> Predicate:
    """Return the rule "where `name` is present, `other` is too"."""
    extra, other_extra = "_" + name, "_" + other
    return lambda value, _: (name not in value and extra not in value) or other in value or other_extra in value


def _not_both(name: str, other: str) -> Predicate:
    return lambda value, _: not (has(value, name) and has(value, other))


def _either(*names: str) -> Predicate:
    """Return the rule "at least one of `names` is present"."""
    keys = frozenset((*names, *("_" + name for name in names)))
    return lambda value, _: not keys.isdisjoint(value)


def _not_negative(name: str) -> Predicate:
    def holds(value: Json, _scope: Scope) -> bool | None:
        number = value.get(name)
        if number is None:
            return None if "_" + name in value else True
        return bool(number >= 0)

    return holds


def _tim_9(value: Json, _scope: Scope) -> bool | None:
    if not has(value, "offset"):
        return True
    events = value.get("when")
    if events is None or len(events) != 1:
        return None
    return events[0] not in _EVENTS_WITHOUT_OFFSET


def _app_2(value: Json, _scope: Scope) -> bool:
    return has(value, "start") is has(value, "end")


def _app_3(value: Json, _scope: Scope) -> bool | None:
    if has(value, "start") and has(value, "end"):
        return True
    status = value.get("status")
    return None if status is None else status in ("proposed", "cancelled", "waitlist")


def _app_4(value: Json, _scope: Scope) -> bool | None:
    if "cancelationReason" not in value:
        return True
    status = value.get("status")
    return None if status is None else status in ("no-show", "cancelled")


def _bundle_type(*types: str) -> Callable[[Json], bool | None]:
    return lambda value: None if value.get("type") is None else value["type"] in types


def _only_in(name: str, *types: str) -> Predicate:
    """Return the rule "`name` is absent unless the Bundle has one of these types"."""
    right = _bundle_type(*types)
    return lambda value, _: True if not has(value, name) else right(value)


def _bdl_2(value: Json, _scope: Scope) -> bool | None:
    if value.get("type") == "searchset":
        return True
    return None if "type" not in value else not any("search" in entry for entry in value.get("entry", ()))


def _on_each_entry(name: str, *types: str) -> Predicate:
    """Return the rule "every entry holds `name` exactly when the Bundle has one of these types"."""

    def holds(value: Json, scope: Scope) -> bool | None:
        if "type" not in scope.resource or scope.resource is not value:
            return None
        wanted = scope.resource["type"] in types
        return all((name in entry) is wanted for entry in value.get("entry", ()))

    return holds


def _bdl_7(value: Json, _scope: Scope) -> bool | None:
    if value.get("type") == "history":
        return True
    seen: set[str] = set()
    count = 0
    for entry in value.get("entry", ()):
        url = entry.get("fullUrl")
        if url is None:
            if "_fullUrl" in entry:
                return None
            continue
        meta = entry.get("resource", {}).get("meta", {})
        seen.add(url + meta.get("versionId", ""))
        count += 1
    # a Bundle of an unknown type and no doubles makes `empty or true`
    return len(seen) == count or (False if "type" in value else None)


def _bdl_8(value: Json, _scope: Scope) -> bool:
    return "/_history/" not in value.get("fullUrl", "")


def _bdl_9(value: Json, _scope: Scope) -> bool | None:
    if value.get("type") != "document":
        return True if "type" in value else None
    identifier = value.get("identifier", {})
    return has(identifier, "system") and has(identifier, "value")


def _bdl_10(value: Json, _scope: Scope) -> bool | None:
    if value.get("type") != "document":
        return True if "type" in value else None
    return "timestamp" in value


def _first_entry_is(bundle_type: str, resource_type: str) -> Predicate:
    def holds(value: Json, _scope: Scope) -> bool | None:
        if value.get("type") != bundle_type:
            return True if "type" in value else None
        entries = value.get("entry")
        if not entries or "resource" not in entries[0]:
            return None
        return bool(entries[0]["resource"].get("resourceType") == resource_type)

    return holds


PREDICATES: dict[str, Predicate] = {
    "age-1": _age_1,
    "app-1": lambda value, _: "type" in value or "actor" in value,
    "app-2": _app_2,
    "app-3": _app_3,
    "app-4": _app_4,
    "att-1": _implies("data", "contentType"),
    "bdl-1": _only_in("total", "searchset", "history"),
    "bdl-2": _bdl_2,
    "bdl-3": _on_each_entry("request", "batch", "transaction", "history"),
    "bdl-4": _on_each_entry("response", "batch-response", "transaction-response", "history"),
    "bdl-5": lambda value, _: "resource" in value or "request" in value or "response" in value,
    "bdl-7": _bdl_7,
    "bdl-8": _bdl_8,
    "bdl-9": _bdl_9,
    "bdl-10": _bdl_10,
    "bdl-11": _first_entry_is("document", "Composition"),
    "bdl-12": _first_entry_is("message", "MessageHeader"),
    "cnt-3": _cnt_3,
    "cpt-2": _implies("value", "system"),
    "dis-1": lambda value, _: _coded_in_ucum(value),
    "drt-1": _drt_1,
    "exp-1": _either("expression", "reference"),
    "pat-1": lambda value, _: "name" in value or "telecom" in value or "address" in value or "organization" in value,
    "obs-6": lambda value, _: True if "dataAbsentReason" not in value else None,
    "obs-7": lambda value, _: True if "component" not in value else None,
    "org-1": _either("identifier", "name"),
    "per-1": _per_1,
    "qty-3": _implies("code", "system"),
    "rat-1": _rat_1,
    "rng-2": _rng_2,
    "tim-1": _implies("duration", "durationUnit"),
    "tim-10": _not_both("timeOfDay", "when"),
    "tim-2": _implies("period", "periodUnit"),
    "tim-4": _not_negative("duration"),
    "tim-5": _not_negative("period"),
    "tim-6": _implies("periodMax", "period"),
    "tim-7": _implies("durationMax", "duration"),
    "tim-8": _implies("countMax", "count"),
    "tim-9": _tim_9,
}
"""Invariant key -> predicate."""
