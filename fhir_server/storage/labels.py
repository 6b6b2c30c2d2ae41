"""Which profiles, tags and security labels are in use: the database finds each once, a document says it in full.

https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, cast, func, select, union

from fhir_server.formats import json
from fhir_server.storage.access import Access
from fhir_server.storage.common import META_PROFILE, META_SECURITY, META_TAG
from fhir_server.storage.parts import Parts
from fhir_server.storage.restriction import restriction
from fhir_server.storage.tables import resource, resource_version

# What makes two rows of a table the same label. Rows hold a label for searching, long texts shortened and without
# everything a Coding has, so the label itself is read from one of the documents.
_IDENTITY = {META_PROFILE: ("value", "version"), META_SECURITY: ("code", "system"), META_TAG: ("code", "system")}


def labels(parts: Parts, access: Access, resource_type: str | None, most: int) -> list[dict[str, Any]]:
    """Return Metas of resources that carry, taken together, every profile, tag and label within reach.

    resource_type  None: of all types
    most           how many different labels of one kind are looked for; with more of them the Metas are not complete
    Raises Unavailable while tables are being rebuilt, StatementTimeout.
    """
    parts.gaps.refuse(resource_type)
    statement = _metas(parts, access, resource_type, most)
    rows = parts.database.read(lambda session: session.select(statement))
    return [json.decode_trusted(row.meta) for row in rows]


def _metas(parts: Parts, access: Access, resource_type: str | None, most: int) -> Select[Any]:
    """Return one statement for all three tables, so that it sees one state of the database."""
    carriers = union(*(_carriers(parts, access, resource_type, name, most) for name in _IDENTITY)).subquery()
    content = resource_version.c.content
    # The rest of the documents stays in the database: they may be large.
    postgres = parts.database.dialect == "postgresql"
    meta: ColumnElement[Any] = (
        cast(content, JSON)["meta"].as_string() if postgres else func.json_extract(content, "$.meta")
    )
    return (
        select(meta.label("meta"))
        .join_from(carriers, resource, resource.c.key == carriers.c.key)
        .join(
            resource_version,
            (resource_version.c.key == resource.c.key) & (resource_version.c.version == resource.c.version),
        )
        .where(~resource.c.deleted)
        .order_by(resource.c.key)
    )


def _carriers(parts: Parts, access: Access, resource_type: str | None, name: str, most: int) -> Select[Any]:
    """Return the select of one resource for each different label in a table, within reach."""
    table = parts.table(None, name)
    statement = select(func.min(table.c.key).label("key"))
    if resource_type is not None:
        statement = statement.where(table.c.type == resource_type)
    limit = restriction(parts, access, ("search",), table.c.key, resource_type, type_column=table.c.type)
    if limit is not None:
        statement = statement.where(limit)
    found = statement.group_by(*(table.c[column] for column in _IDENTITY[name])).limit(most).subquery()
    return select(found.c.key)
