"""The one search that decides nearly every conditional interaction, `identifier=system|value`, as a prepared statement.

https://hl7.org/fhir/R4/http.html#ccreate

A load asks it for every conditional reference and create; composing it anew each time would cost ten times as much.
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.fold import token_text
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.plan import Plan
from fhir_server.storage.search.token import Token
from fhir_server.storage.session import quoted

_STATEMENT = (
    "SELECT r.type, r.id, r.version, r.last_updated, r.key, v.method, v.content FROM resource r "
    "JOIN resource_version v ON v.key = r.key AND v.version = r.version WHERE NOT r.deleted AND r.key IN "
    "(SELECT key FROM {table} WHERE {value} = {mark} AND {system} = {mark}) ORDER BY r.key LIMIT {mark}"
)


def by_identifier(parts: Parts, plan: Plan) -> tuple[str, tuple[Any, ...]] | None:
    """Return the statement and parameters of a plan that is this search, None for any other.

    Columns as `Compiler.page` gives them. Only for callers without restriction.
    """
    if plan.type is None or len(plan.criteria) != 1 or plan.sort or plan.after is not None:
        return None
    criterion = plan.criteria[0]
    if criterion.modifier or len(criterion.targets) != 1 or len(criterion.values) != 1:
        return None
    (target,), (value,) = criterion.targets, criterion.values
    if target.kind != "identifier" or target.filters or not isinstance(value, Token):
        return None
    if not value.system or value.code is None:
        return None
    statement = _STATEMENT.format(
        table=quoted(target.table),
        value=quoted(target.columns["value"]),
        system=quoted(target.columns["system"]),
        mark="%s" if parts.database.dialect == "postgresql" else "?",
    )
    return statement, (token_text(value.code), token_text(value.system), plan.count + 1)
