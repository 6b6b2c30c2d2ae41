"""Compartment search: only what belongs to one patient, encounter, practitioner ...

https://hl7.org/fhir/R4/compartmentdefinition.html and https://hl7.org/fhir/R4/http.html#vsearch
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, select, union_all

from fhir_server.storage.restriction import members
from fhir_server.storage.search.kind import Marks
from fhir_server.storage.search.node import COMPARTMENT, Nothing
from fhir_server.storage.search.scope import Scope


@dataclass(frozen=True, slots=True)
class InCompartment(Nothing):
    """Belonging to the compartment of one resource, whether or not the caller may see that resource itself."""

    type: str
    id: str

    @property
    def rank(self) -> int:
        return COMPARTMENT

    def shape(self) -> Hashable:
        return ("compartment", self.type)

    def data(self) -> tuple[Any, ...]:
        return (self.id,)

    def words(self) -> str:
        return f"in the compartment of a {self.type}"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        types = scope.parts.schema.types if scope.type is None else (scope.type,)
        parts = [part for kind in types for part in members(scope.parts, kind, self.type, marks[0])]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        return select(union_all(*parts).subquery(scope.build.name()).c.key)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        found = self.keys(scope, marks)
        return false() if found is None else scope.key.in_(found)
