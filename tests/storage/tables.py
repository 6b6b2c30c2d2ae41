"""Makes the tables of a schema in a test's own database, quickly.

https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.storage.tables import create_core


def made(database_url: str, types: Iterable[str] | None = None) -> tuple[sa.Engine, Schema]:
    """Create the store's tables, the common ones and those of `types` (None: all); return engine and schema."""
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    schema = build_schema(mappings_for(load()), engine.dialect.name)
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.exec_driver_sql("BEGIN")  # Python begins no transaction for DDL
        else:
            connection.exec_driver_sql("SET synchronous_commit = off")
        create_core(connection)
        for resource_type in (None, *(schema.types if types is None else types)):
            statements = schema.statements(resource_type)
            for statement in statements if sqlite else [";\n".join(statements)]:
                connection.exec_driver_sql(statement)
            if not sqlite:
                connection.commit()  # PostgreSQL keeps a lock per table until then, and has room for some thousands
        connection.commit()
    return engine, schema
