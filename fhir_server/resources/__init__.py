"""Business rules of resource types: what FHIR's own invariants do not say and this server holds to.

https://hl7.org/fhir/R4/http.html#rejecting-updates

A rule is a pure function of the resource as it was and as it shall be. One line here registers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fhir_server.errors import Issue
from fhir_server.resources.times import end_is_after_start

# Called with the current resource (None: there is none) and the new one (None: it is being deleted).
Rule = Callable[[Mapping[str, Any] | None, Mapping[str, Any] | None], Iterable[Issue]]

RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("Appointment", end_is_after_start),
    ("Slot", end_is_after_start),
)


def rules_of(resource_type: str) -> tuple[Rule, ...]:
    """Return the rules that a write of this type must keep."""
    return _BY_TYPE.get(resource_type, ())


_BY_TYPE: Final[Mapping[str, tuple[Rule, ...]]] = {
    name: tuple(rule for owner, rule in RULES if owner == name) for name, _ in RULES
}
