"""Runs searches: plan first, then SQL, then rows; no connection is taken before the plan exists.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from fhir_server.storage import cursor
from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.model import SearchPage, SearchRequest, Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.by_identifier import by_identifier
from fhir_server.storage.search.plan import Plan, plan
from fhir_server.storage.search.select import Compiler
from fhir_server.storage.session import Row, Session, moment

_SEARCH: tuple[Interaction, ...] = ("search",)
# Whoever may change a resource may also name it by criteria, and learns no more than whether there is one.
_MATCH: tuple[Interaction, ...] = ("search", "read", "update", "delete")


def search(parts: Parts, access: Access, request: SearchRequest) -> SearchPage:
    """Return one page of matches. Errors as `plan` raises them."""
    made = planned(parts, request)
    compiler = Compiler(parts, access, made, _SEARCH)
    total: int | None = None
    if made.total or not made.count:
        count = compiler.count()
        total = parts.database.read(lambda session: session.select(count))[0][0]
    rows: list[Any] = []
    if made.count:
        page = compiler.page()
        rows = parts.database.read(lambda session: session.select(page))
    following = cursor.encode(_sort_values(made, rows[made.count - 1])) if len(rows) > made.count else ""
    return SearchPage(_versions(rows[: made.count]), following, total)


def matches(parts: Parts, access: Access, request: SearchRequest, session: Session) -> list[Version]:
    """Return at most `request.count` matches, as the open transaction of `session` sees them."""
    made = planned(parts, request)
    quick = by_identifier(parts, made) if access.is_unrestricted else None
    if quick is not None:
        return [_match(row) for row in session.fetch(*quick)[: request.count]]
    compiler = Compiler(parts, access, made, _MATCH)
    return _versions(session.select(compiler.page())[: request.count])


def _match(row: Row) -> Version:
    type_, id_, version, last_updated, key, method, content = row
    return Version(type_, id_, version, moment(last_updated), False, content, key, method)


def planned(parts: Parts, request: SearchRequest) -> Plan:
    """Return the plan of a request. Raises Unavailable while the type's projection has gaps."""
    parts.gaps.refuse(request.type)
    return plan(request, parts.schema, parts.definitions, parts.base_url, parts.clock().astimezone(UTC))


def _sort_values(made: Plan, row: Any) -> list[Any]:
    values = {"_lastUpdated": row.last_updated, "_id": row.id}
    return [*(values[key.code] for key in made.sort), row.key]


def _versions(rows: Sequence[Any]) -> list[Version]:
    return [
        Version(row.type, row.id, row.version, row.last_updated, False, row.content, row.key, row.method)
        for row in rows
    ]
