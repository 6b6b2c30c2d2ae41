"""What the database knows of one custom search parameter of one type.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fhir_server.definitions import SearchParameter

State = Literal["waiting", "building", "active", "retired"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `custom_parameter`.

    number      its number in this database
    type, code  the resource type and the name in a URL
    name        the element that holds its values, from which its table has its name
    owner       key of the SearchParameter resource
    url, kind, expression, targets   what the resource says; `targets` are the types a reference may point at
    state       waiting: for transactions that began before it was there; building: its tables are being filled;
                active: it can be searched; retired: its tables are about to be dropped
    position    resources up to this key are done
    until       the last key there was when building began: resources that came later brought their rows with them
    done, total   resources that are done, and those there were when building began
    failed      those of them on which the expression failed: they have no value
    """

    number: int
    type: str
    code: str
    name: str
    owner: int
    url: str
    kind: str
    expression: str
    targets: tuple[str, ...]
    state: State
    position: int
    until: int
    done: int
    total: int
    failed: int

    @classmethod
    def of(cls, row: Any) -> Entry:
        """Return the entry of a row of the table."""
        values = dict(row._mapping)
        return cls(**(values | {"targets": tuple(name for name in values["targets"].split(",") if name)}))

    @property
    def meaning(self) -> tuple[Any, ...]:
        """What decides its rows: two entries with the same meaning need the same tables."""
        return self.type, self.code, self.kind, self.expression, self.targets

    @property
    def percent(self) -> int:
        """How much of the building is done, 0 to 100; 100 only when all of it is."""
        if self.state == "active":
            return 100
        return min(99, 100 * self.done // self.total) if self.state == "building" and self.total else 0

    def parameter(self) -> SearchParameter:
        """Return it in the form of the official parameters."""
        return SearchParameter(
            self.code, self.url, self.code, self.kind, (self.type,), self.expression, self.targets, ()
        )


@dataclass(frozen=True, slots=True)
class Custom:
    """The custom parameters of one moment.

    stamp    changes whenever one is added, becomes searchable, or goes
    entries  (type, code) -> entry, without those that are retired
    """

    stamp: int = 0
    entries: Mapping[tuple[str, str], Entry] = field(default_factory=dict)

    def searchable(self, resource_type: str) -> dict[str, SearchParameter]:
        """Return code -> parameter of a type, those that can be searched."""
        return {
            code: entry.parameter()
            for (kind, code), entry in self.entries.items()
            if kind == resource_type and entry.state == "active"
        }

    def building(self) -> list[Entry]:
        """Return those that cannot be searched yet."""
        return [entry for entry in self.entries.values() if entry.state != "active"]
