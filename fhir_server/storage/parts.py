"""What every part of the store works with: the database, the schema, the projection, the clock and the rules.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from fhir_server.definitions import Definitions
from fhir_server.storage.common import COMMON_TABLES
from fhir_server.storage.custom.entry import Custom
from fhir_server.storage.database import Database
from fhir_server.storage.dialects import Commands
from fhir_server.storage.gaps import Gaps
from fhir_server.storage.integrity import Mode
from fhir_server.storage.layout import Table as PlainTable
from fhir_server.storage.layout import span_columns
from fhir_server.storage.projection import Projector
from fhir_server.storage.schema import Schema
from fhir_server.storage.search.statement import Statements
from fhir_server.storage.tables import resource
from fhir_server.storage.text.waiting import Texts

Clock = Callable[[], datetime]
NewId = Callable[[], str]


@dataclass(frozen=True)
class Parts:
    """The equipment of one store; immutable, shared by all threads."""

    database: Database
    schema: Schema
    projector: Projector
    definitions: Definitions
    commands: Commands
    clock: Clock
    new_id: NewId
    integrity: Mode
    base_url: str
    text_backlog: int = 2_000
    custom: Custom = field(default_factory=Custom)
    known_spans: dict[str, int] = field(default_factory=dict)
    _spans: dict[str, tuple[str, int, int] | None] = field(default_factory=dict)
    _columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _tables: dict[str | None, dict[str, Table]] = field(default_factory=dict)
    _building: threading.Lock = field(default_factory=threading.Lock)

    def columns(self, resource_type: str, table: str) -> tuple[str, ...]:
        """Return the columns of a projection table that holds rows of `resource_type`, in the order of its rows."""
        found = self._columns.get(table)
        if found is None:
            for plain in (*COMMON_TABLES, *self.schema.layout(resource_type).tables):
                self._columns[plain.name] = tuple(column.name for column in plain.columns)
            found = self._columns[table]
        return found

    def table(self, resource_type: str | None, name: str) -> Table:
        """Return a table by name: `resource`, a common one, or one of the type's own. Raises KeyError."""
        return self._tables_of(resource_type)[name]

    def main_table(self, resource_type: str) -> Table:
        """Return the table with one row per living resource of a type."""
        return self.table(resource_type, self.schema.layout(resource_type).tables[0].name)

    def _tables_of(self, resource_type: str | None) -> dict[str, Table]:
        found = self._tables.get(resource_type)
        if found is None:
            with self._building:  # the schema makes its tables on first use, and each only once
                own = self.schema.tables_of(resource_type) if resource_type is not None else ()
                found = {table.name: table for table in (resource, *self.schema.common_tables, *own)}
                self._tables[resource_type] = found
        return found

    def span_columns(self, resource_type: str) -> tuple[str, int, int] | None:
        """Return (main table, place of start, place of end) where the main date of a type can be a period."""
        if resource_type not in self._spans:
            self._spans[resource_type] = span_columns(self.schema.layout(resource_type))
        return self._spans[resource_type]

    @property
    def common_tables(self) -> tuple[PlainTable, ...]:
        """The plain descriptions of the tables that hold rows of every type."""
        return COMMON_TABLES

    @cached_property
    def statements(self) -> Statements:
        """The compiled searches of this schema."""
        return Statements(self.database.engine.dialect)

    @cached_property
    def gaps(self) -> Gaps:
        """The types that cannot be searched at present."""
        return Gaps(self.database)

    @cached_property
    def texts(self) -> Texts:
        """What the full text index lacks."""
        return Texts(self.database, self.commands, self.text_backlog)

    @cached_property
    def compartment_types(self) -> frozenset[str]:
        """The types that have compartments."""
        return frozenset(self.definitions.compartments)


def projected(
    parts: Parts,
    resource_type: str,
    key: int,
    document: dict[str, Any],
    targets: Collection[tuple[str, str]],
    keys: Mapping[tuple[str, str], int],
) -> dict[str, list[tuple[Any, ...]]]:
    """Return table -> rows of one document.

    targets  (type, id) of the local references of the document
    keys     their keys, where there are any
    A reference gets a key only when it is one of `targets`: the entries of a stored Bundle refer to one another, and
    never to a resource of ours that happens to have the same id.
    """
    known = {ref: keys[ref] for ref in targets if ref in keys}
    return parts.projector.rows(resource_type, key, document, lambda kind, id_: known.get((kind, id_)))
