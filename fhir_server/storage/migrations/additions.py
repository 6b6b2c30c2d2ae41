"""What the schema has and the database has not yet: tables, columns, indexes; and how to add them.

https://docs.sqlalchemy.org/en/21/core/reflection.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from fhir_server.storage.schema import Schema


@lru_cache(maxsize=8)
def fingerprint(schema: Schema) -> str:
    """Return a hash that changes when a table, a column, its kind or an index of `schema` does."""
    digest = hashlib.sha256()
    for table in schema.plain_tables():
        columns = ",".join(f"{column.name} {column.kind} {column.null}" for column in table.columns)
        indexes = ",".join(f"{index.name} {index.columns} {index.prefix} {index.sparse}" for index in table.indexes)
        digest.update(f"{table.name}({columns}){table.primary}[{indexes}]\n".encode())
    return digest.hexdigest()


def create_all(connection: Connection, schema: Schema) -> None:
    """Create the projection tables with their indexes.

    On PostgreSQL every type is a transaction of its own (the connection must be in autocommit mode): the server keeps
    a lock for every new table and index until the commit, and has room for some thousands. Types that are there
    already are passed over, so a creation that was cut off can be repeated.
    """
    there = set(inspect(connection).get_table_names())
    for resource_type in (None, *schema.types):
        tables = schema.common_tables if resource_type is None else schema.tables_of(resource_type)
        if tables[0].name in there:
            continue
        statements = schema.statements(resource_type)
        if connection.dialect.name == "sqlite":
            for statement in statements:
                connection.exec_driver_sql(statement)
        else:
            # One text of many statements is one round trip and one transaction.
            connection.exec_driver_sql(";\n".join(statements))


def _statements(connection: Connection, table: Table) -> Iterator[str]:
    yield str(CreateTable(table).compile(connection)).strip()
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield str(CreateIndex(index).compile(connection)).strip()


_INDEX_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}


def drop_views(connection: Connection, schema: Schema) -> None:
    """Drop the views for people: tables below a view cannot change freely."""
    for resource_type in schema.types:
        for name, _ in reversed(schema.views(resource_type)):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def create_views(connection: Connection, schema: Schema) -> None:
    """Create the views for people."""
    for resource_type in schema.types:
        for _, statement in schema.views(resource_type):
            connection.exec_driver_sql(statement)


def add_missing(connection: Connection, metadata: MetaData) -> set[str]:
    """Create what is missing and return the names of the tables that got a new table or column.

    Must run inside a transaction.
    """
    reflected = inspect(connection).get_multi_columns()
    there = {key[1]: {column["name"] for column in columns} for key, columns in reflected.items()}
    indexed = set(connection.exec_driver_sql(_INDEX_NAMES[connection.dialect.name]).scalars())
    changed: set[str] = set()
    for name, table in metadata.tables.items():
        if name not in there:
            for statement in _statements(connection, table):
                connection.exec_driver_sql(statement)
            changed.add(name)
            continue
        for column in table.columns:
            if column.name not in there[name]:
                definition = CreateColumn(column).compile(connection)
                quoted = connection.dialect.identifier_preparer.format_table(table)
                connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {definition}")
                changed.add(name)
        for index in table.indexes:
            if str(index.name) not in indexed:
                connection.exec_driver_sql(str(CreateIndex(index).compile(connection)))
    return changed
