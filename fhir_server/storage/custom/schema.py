"""The schema of one moment: the official one, and what custom search parameters add to some types.

https://hl7.org/fhir/R4/searchparameter.html

It shares everything with the official schema but the types that have custom parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import sqlalchemy as sa

from fhir_server.mappings.custom import extended
from fhir_server.mappings.model import Mapping as TypeMapping
from fhir_server.storage.custom.entry import Custom, Entry
from fhir_server.storage.layout import Layout
from fhir_server.storage.schema import Schema
from fhir_server.storage.targets import SearchTarget

Ask = Callable[[Entry], None]


class Changed(dict[str, TypeMapping]):
    """Type -> mapping: the extended ones, and those of the official schema for all other types."""

    def __init__(self, base: Mapping[str, TypeMapping], changed: Mapping[str, TypeMapping]) -> None:
        super().__init__(changed)
        self.base = base

    def __missing__(self, resource_type: str) -> TypeMapping:
        return self.base[resource_type]


class ExtendedSchema(Schema):
    """The official schema with custom parameters.

    custom   the parameters
    changed  the types that have some
    """

    def __init__(self, base: Schema, custom: Custom, ask: Ask) -> None:
        """Extend `base`; `ask` is called with an entry before its targets are told, and raises to refuse them."""
        changed: dict[str, TypeMapping] = {}
        for (resource_type, _), entry in custom.entries.items():
            before = changed.get(resource_type) or base.mappings[resource_type]
            changed[resource_type] = extended(before, entry.parameter(), entry.name, entry.number)
        super().__init__(Changed(base.mappings, changed), base.dialect_name)
        self.custom = custom
        self.changed = frozenset(changed)
        self._base = base
        self._ask = ask

    @property
    def types(self) -> tuple[str, ...]:
        return self._base.types

    def layout(self, resource_type: str) -> Layout:
        return super().layout(resource_type) if resource_type in self.changed else self._base.layout(resource_type)

    def tables_of(self, resource_type: str) -> tuple[sa.Table, ...]:
        if resource_type in self.changed:
            return super().tables_of(resource_type)
        return self._base.tables_of(resource_type)

    @cached_property
    def common_tables(self) -> tuple[sa.Table, ...]:
        return self._base.common_tables

    def targets(self, resource_type: str, code: str) -> tuple[SearchTarget, ...]:
        """Return where a parameter is answered. Raises Unavailable, with the reason, while it is being built."""
        if resource_type not in self.changed:
            return self._base.targets(resource_type, code)
        entry = self.custom.entries.get((resource_type, code))
        if entry is not None:
            self._ask(entry)
        return super().targets(resource_type, code)

    def parameters(self, resource_type: str) -> tuple[str, ...]:
        """Return the codes of the parameters that can be searched: without those that are being built."""
        hidden = {entry.code for entry in self.custom.building() if entry.type == resource_type}
        return tuple(code for code in super().parameters(resource_type) if code not in hidden)
