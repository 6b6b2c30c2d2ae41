"""The relational schema of a set of mappings: SQLAlchemy tables, DDL, and where each search parameter is answered.

https://hl7.org/fhir/R4/search.html and https://docs.sqlalchemy.org/en/21/core/metadata.html

Everything is built on first use, type by type: a server that reads one type pays for one type.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from functools import cached_property

import sqlalchemy as sa

from fhir_server.definitions import load
from fhir_server.mappings.model import Mapping
from fhir_server.storage.arrange import arrange
from fhir_server.storage.columns import column_type
from fhir_server.storage.common import COMMON_TABLES
from fhir_server.storage.ddl import create_statements
from fhir_server.storage.fold import PREFIX_LENGTH
from fhir_server.storage.layout import Index, Layout, Table
from fhir_server.storage.targets import COMMON_TARGETS, SearchTarget, targets_of
from fhir_server.storage.views import view_statements


def build_schema(mappings: MappingABC[str, Mapping], dialect_name: str) -> Schema:
    """Return the schema of `mappings` (type -> Mapping) for "postgresql" or "sqlite"; raises ValueError for another."""
    if dialect_name not in ("postgresql", "sqlite"):
        raise ValueError(f"no schema for {dialect_name}: only postgresql and sqlite")
    return Schema(mappings, dialect_name)


class Schema:
    """Tables and search targets of every type."""

    def __init__(self, mappings: MappingABC[str, Mapping], dialect_name: str) -> None:
        self.mappings = mappings
        self.dialect_name = dialect_name
        self._metadata = sa.MetaData()
        self._layouts: dict[str, Layout] = {}
        self._tables: dict[str, sa.Table] = {}
        self._targets: dict[tuple[str, str], tuple[SearchTarget, ...]] = {}

    @property
    def types(self) -> tuple[str, ...]:
        """The resource types, in the order of the mappings."""
        return tuple(self.mappings)

    def layout(self, resource_type: str) -> Layout:
        """Return the plain description of a type's tables; raises KeyError for a type without mapping."""
        found = self._layouts.get(resource_type)
        if found is None:
            found = self._layouts[resource_type] = arrange(self.mappings[resource_type])
        return found

    def tables_of(self, resource_type: str) -> tuple[sa.Table, ...]:
        """Return the SQLAlchemy tables of a type, the main one first; raises KeyError for a type without mapping."""
        return tuple(self._table(table) for table in self.layout(resource_type).tables)

    @cached_property
    def common_tables(self) -> tuple[sa.Table, ...]:
        """Tables that hold rows of every type: meta_tag and the like, loose_reference, contained."""
        return tuple(self._table(table) for table in COMMON_TABLES)

    @cached_property
    def metadata(self) -> sa.MetaData:
        """Every table of the schema. Builds all of them: for migrations, not for the start of a server."""
        _ = self.common_tables
        for resource_type in self.types:
            self.tables_of(resource_type)
        return self._metadata

    def plain_tables(self) -> Iterator[Table]:
        """Yield the plain description of every table, the common ones first."""
        yield from COMMON_TABLES
        for resource_type in self.types:
            yield from self.layout(resource_type).tables

    def targets(self, resource_type: str, code: str) -> tuple[SearchTarget, ...]:
        """Return where a search parameter is answered; () when this type has no such parameter in tables.

        Several targets are ORed. Raises KeyError for a type without mapping.
        """
        found = self._targets.get((resource_type, code))
        if found is None:
            found = targets_of(self.mappings[resource_type], self.layout(resource_type), load(), code)
            self._targets[resource_type, code] = found
        return found

    def parameters(self, resource_type: str) -> tuple[str, ...]:
        """Return the codes of the parameters that tables answer for a type, those of every type first."""
        return (*COMMON_TARGETS, *(parameter.code for parameter in self.mappings[resource_type].search))

    def statements(self, resource_type: str | None = None) -> list[str]:
        """Return the DDL of one type, or of the common tables for None: tables, indexes and views in order.

        The views join the table `resource`, which must be there already.
        """
        if resource_type is None:
            return [text for table in COMMON_TABLES for text in create_statements(table, self.dialect_name)]
        tables = self.layout(resource_type).tables
        made = [text for table in tables for text in create_statements(table, self.dialect_name)]
        return made + [text for _, text in self.views(resource_type)]

    def views(self, resource_type: str) -> list[tuple[str, str]]:
        """Return (name, CREATE VIEW statement) of a type's views for people."""
        return list(view_statements(self.layout(resource_type), self.dialect_name))

    def _table(self, plain: Table) -> sa.Table:
        found = self._tables.get(plain.name)
        if found is None:
            found = self._tables[plain.name] = _sqlalchemy_table(plain, self._metadata)
        return found


def _sqlalchemy_table(plain: Table, metadata: sa.MetaData) -> sa.Table:
    columns = [
        sa.Column(
            column.name,
            column_type(column.kind),
            primary_key=column.name in plain.primary,
            nullable=column.null,
            autoincrement=False,
        )
        for column in plain.columns
    ]
    narrow = len(plain.primary) > 1  # rows are stored in the order of the key; one key column is SQLite's own row id
    table = sa.Table(plain.name, metadata, *columns, sqlite_with_rowid=not narrow)
    for index in plain.indexes:
        _sqlalchemy_index(table, index)
    return table


def _sqlalchemy_index(table: sa.Table, index: Index) -> None:
    parts: list[sa.ColumnElement[object]] = [table.c[name] for name in index.columns]
    if index.prefix:
        parts[0] = prefix_of(parts[0])
    sparse = table.c[index.sparse].is_not(None) if index.sparse else None
    sa.Index(index.name, *parts, postgresql_where=sparse, sqlite_where=sparse)


def prefix_of(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
    """Return the part of a text column that its index holds: compare and sort by this to use the index."""
    return sa.func.substr(column, sa.literal_column("1"), sa.literal_column(str(PREFIX_LENGTH)))
