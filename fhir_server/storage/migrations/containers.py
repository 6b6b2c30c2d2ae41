"""Resources stored before it was written down what they contain: their rows in the table `contained`.

https://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from fhir_server.formats import json
from fhir_server.storage.common import CONTAINED
from fhir_server.storage.projection import contained_rows
from fhir_server.storage.schema import Schema
from fhir_server.storage.tables import resource, resource_version

_BATCH = 500


def containers(connection: Connection, schema: Schema) -> None:
    """Make the table and fill it; the search tables of the types stay as they are."""
    (table,) = (each for each in schema.common_tables if each.name == CONTAINED)
    table.create(connection, checkfirst=True)
    connection.execute(table.delete())
    current = resource.join(
        resource_version,
        and_(resource_version.c.key == resource.c.key, resource_version.c.version == resource.c.version),
    )
    chosen = (
        select(resource.c.key, resource.c.type, resource_version.c.content)
        .select_from(current)
        .where(~resource.c.deleted, resource_version.c.content.contains('"contained":', autoescape=True))
        .order_by(resource.c.key)
        .limit(_BATCH)
    )
    last = 0
    while found := connection.execute(chosen.where(resource.c.key > last)).all():
        last = found[-1].key
        rows = []
        for row in found:
            document = json.decode_trusted(row.content)
            if "contained" in document:
                rows += contained_rows(row.type, row.key, document)
        if rows:
            names = [column.name for column in table.columns]
            connection.execute(table.insert(), [dict(zip(names, each, strict=True)) for each in rows])
