"""Quantities that were stored before they were told in canonical units: their types are to be projected again.

https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from fhir_server.storage.schema import Schema
from fhir_server.storage.tables import projection_build, resource

_COLUMN = "canonical_code"


def canonical_units(connection: Connection, schema: Schema) -> None:
    """Enter the types that keep quantities for search, and have resources, in `projection_build`.

    Their searches are refused until `reproject` has filled the columns, which were always there but empty.
    """
    stored = set(connection.execute(select(resource.c.type).distinct()).scalars())
    for resource_type in sorted(stored & set(schema.types)):
        if _keeps_quantities(schema, resource_type):
            connection.execute(delete(projection_build).where(projection_build.c.type == resource_type))
            connection.execute(insert(projection_build).values(type=resource_type, position=0, gaps=True))


def _keeps_quantities(schema: Schema, resource_type: str) -> bool:
    return any(
        column.name == _COLUMN or column.name.endswith(f"_{_COLUMN}")
        for table in schema.layout(resource_type).tables
        for column in table.columns
    )
