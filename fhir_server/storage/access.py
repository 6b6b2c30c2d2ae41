"""What a caller may see and change: plain data that the store compiles into every statement.

https://hl7.org/fhir/R4/compartmentdefinition.html and https://hl7.org/fhir/R4/security.html#authorization
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Interaction = Literal["create", "read", "update", "delete", "search"]
Compartment = tuple[str, str]

INTERACTIONS: frozenset[Interaction] = frozenset({"create", "read", "update", "delete", "search"})


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that is allowed; grants add up.

    type          a resource type, or "*" for all
    interactions  which of INTERACTIONS; "read" covers vread and the history of an instance, "search" covers search
                  and the history of a type or the system, "update" covers patch
    compartment   ("Patient", "123"): only resources in that compartment; None: all resources of the type
    """

    type: str
    interactions: frozenset[Interaction]
    compartment: Compartment | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one interaction reaches within one type: everywhere, or into some compartments, or nowhere (empty)."""

    everything: bool
    compartments: tuple[Compartment, ...] = ()

    def __bool__(self) -> bool:
        return self.everything or bool(self.compartments)


_EVERYTHING = Reach(everything=True)
_NOTHING = Reach(everything=False)


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one caller. Build it with `unrestricted`, `nothing` or `restricted`.

    A restriction without grants sees nothing: forgetting to fill it in closes the door.
    """

    is_unrestricted: bool
    grants: tuple[Grant, ...] = ()

    @classmethod
    def unrestricted(cls) -> Access:
        """Everything is allowed."""
        return cls(is_unrestricted=True)

    @classmethod
    def nothing(cls) -> Access:
        """Nothing is allowed."""
        return cls(is_unrestricted=False)

    @classmethod
    def restricted(cls, grants: Iterable[Grant]) -> Access:
        """Only what one of `grants` allows."""
        return cls(is_unrestricted=False, grants=tuple(grants))

    def reach(self, interactions: Iterable[Interaction], resource_type: str) -> Reach:
        """Return how far any of `interactions` reaches within `resource_type`."""
        if self.is_unrestricted:
            return _EVERYTHING
        wanted = frozenset(interactions)
        found: dict[Compartment, None] = {}
        for grant in self.grants:
            if grant.type in ("*", resource_type) and not wanted.isdisjoint(grant.interactions):
                if grant.compartment is None:
                    return _EVERYTHING
                found[grant.compartment] = None
        return Reach(everything=False, compartments=tuple(found)) if found else _NOTHING

    def reaches_everything(self, interactions: Iterable[Interaction]) -> bool:
        """Say whether any of `interactions` is allowed for all resources of all types."""
        if self.is_unrestricted:
            return True
        wanted = frozenset(interactions)
        return any(
            grant.type == "*" and grant.compartment is None and not wanted.isdisjoint(grant.interactions)
            for grant in self.grants
        )
