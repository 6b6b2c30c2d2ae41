"""What a value set holds, system by system: some codes, or all but some where nobody can list them.

https://hl7.org/fhir/R4/valueset.html#expansion
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes of one system.

    listed    the codes
    all_but   they are the ones that are left out: the set holds every other code of the system
    """

    listed: frozenset[str] = frozenset()
    all_but: bool = False

    def __contains__(self, code: str) -> bool:
        return (code in self.listed) is not self.all_but

    def __bool__(self) -> bool:
        return self.all_but or bool(self.listed)

    def __or__(self, other: Codes) -> Codes:
        return ~(~self & ~other)

    def __invert__(self) -> Codes:
        return Codes(self.listed, not self.all_but)

    def __sub__(self, other: Codes) -> Codes:
        return self & ~other

    def __and__(self, other: Codes) -> Codes:
        if self.all_but and other.all_but:
            return Codes(self.listed | other.listed, all_but=True)
        if self.all_but:
            return Codes(other.listed - self.listed)
        return Codes(self.listed - other.listed if other.all_but else self.listed & other.listed)


EVERY_CODE = Codes(all_but=True)
NO_CODE = Codes()


@dataclass(frozen=True, slots=True)
class Expansion:
    """A value set: the codes of each system that has some. The sets of expansions are the sets of their pairs."""

    systems: Mapping[str, Codes] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, systems: Mapping[str, Codes]) -> Expansion:
        """Return the expansion of `systems` without those that have no code, in the order of their names."""
        return cls(MappingProxyType({name: systems[name] for name in sorted(systems) if systems[name]}))

    @classmethod
    def listing(cls, system: str, codes: Iterable[str]) -> Expansion:
        """Return some codes of one system."""
        return cls.of({system: Codes(frozenset(codes))})

    @property
    def size(self) -> int:
        """How many codes are listed (or listed as left out)."""
        return sum(len(codes.listed) for codes in self.systems.values())

    def __contains__(self, pair: tuple[str, str]) -> bool:
        system, code = pair
        return code in self.systems.get(system, NO_CODE)

    def __or__(self, other: Expansion) -> Expansion:
        names = {**self.systems, **other.systems}
        return Expansion.of({name: self._codes(name) | other._codes(name) for name in names})

    def __and__(self, other: Expansion) -> Expansion:
        return Expansion.of({name: codes & other._codes(name) for name, codes in self.systems.items()})

    def __sub__(self, other: Expansion) -> Expansion:
        return Expansion.of({name: codes - other._codes(name) for name, codes in self.systems.items()})

    def any_system(self) -> Codes:
        """Return the codes of all systems together."""
        united = NO_CODE
        for codes in self.systems.values():
            united |= codes
        return united

    def _codes(self, system: str) -> Codes:
        return self.systems.get(system, NO_CODE)
