"""The history of a resource, of a type, or of everything: newest first, in pages that nobody's writing disturbs.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from fhir_server.storage import cursor
from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.model import HistoryPage, HistoryRequest, Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.restriction import restriction
from fhir_server.storage.tables import resource, resource_version

_R = resource.alias("r")
_V = resource_version.alias("v")
_ORDER = (_V.c.last_updated, _V.c.key, _V.c.version)
_KINDS = (datetime, int, int)
_BEFORE = resource_version.alias("before")
# A resource is created by its first version, and again by what follows a deletion. A scalar subquery is looked up for
# each row of the page; for EXISTS PostgreSQL may read all versions into a hash table.
_METHOD_BEFORE = (
    select(_BEFORE.c.method).where(_BEFORE.c.key == _V.c.key, _BEFORE.c.version == _V.c.version - 1).scalar_subquery()
)
_CREATED = and_(_V.c.method != "delete", func.coalesce(_METHOD_BEFORE, "delete") == "delete").label("created")


def history(parts: Parts, access: Access, request: HistoryRequest) -> HistoryPage:
    """Return one page of versions.

    Raises BadRequest for a cursor that is none.
    """
    conditions = _conditions(parts, access, request)
    statement = page_statement(request, conditions)
    count = select(func.count()).select_from(_V.join(_R, _R.c.key == _V.c.key)).where(*conditions)
    total: int | None = None
    if request.total:
        total = parts.database.read(lambda session: session.select(count))[0][0]
    rows = parts.database.read(lambda session: session.select(statement)) if request.count else []
    page = [_version(row) for row in rows[: request.count]]
    last = rows[request.count - 1] if len(rows) > request.count else None
    following = cursor.encode([last.last_updated, last.key, last.version]) if last is not None else ""
    created = frozenset((row.key, row.version) for row in rows[: request.count] if row.created)
    return HistoryPage(page, following, total, created)


def page_statement(request: HistoryRequest, conditions: list[ColumnElement[bool]]) -> Select[Any]:
    """Return the statement of one page, with one row more than the page holds."""
    columns = (_R.c.type, _R.c.id, _V.c.version, _V.c.last_updated, _V.c.content, _V.c.key, _V.c.method, _CREATED)
    statement = select(*columns).join_from(_V, _R, _R.c.key == _V.c.key).where(*conditions)
    if request.cursor:
        values = cursor.decode(request.cursor, _KINDS)
        statement = statement.where(cursor.after(_ORDER, (True, True, True), values))
    return statement.order_by(*(column.desc() for column in _ORDER)).limit(request.count + 1)


def _conditions(parts: Parts, access: Access, request: HistoryRequest) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if request.type is not None:
        conditions.append(_V.c.type == request.type)
    if request.id is not None:
        conditions += [_R.c.type == request.type, _R.c.id == request.id]
    if request.since is not None:
        conditions.append(_V.c.last_updated >= request.since)
    if request.at is not None:
        conditions += _current_within(*request.at)
    needed: Interaction = "search" if request.id is None else "read"
    # Older versions may have belonged to somebody else's compartment.
    settled = _V.c.version >= _R.c.settled
    limit = restriction(parts, access, (needed,), _R.c.key, request.type, type_column=_R.c.type, also=settled)
    if limit is not None:
        conditions.append(limit)
    return conditions


def _current_within(low: datetime, high: datetime) -> list[ColumnElement[bool]]:
    """Return the condition for versions that were current at some moment of [low, high)."""
    following = resource_version.alias("following")
    replaced = exists().where(
        following.c.key == _V.c.key,
        following.c.version == _V.c.version + 1,
        following.c.last_updated <= low,
    )
    return [_V.c.last_updated < high, ~replaced]


def _version(row: Any) -> Version:
    return Version(
        row.type, row.id, row.version, row.last_updated, row.method == "delete", row.content, row.key, row.method
    )
