"""Reference parameters: [type]/[id], [id], or a URL; `:[type]` names the type of a bare id.

https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, false, select

from fhir_server.storage.fold import token_text
from fhir_server.storage.references import Kind, classify
from fhir_server.storage.search.escape import unescape
from fhir_server.storage.search.kind import Context, column, equals, named, wrong
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import SearchTarget

MODIFIERS: frozenset[str] = frozenset()  # the types a parameter may point at are its modifiers
_NAMED = resource.alias("named")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Link:
    """A reference value: the resource of ours it names by id and possible types, or the text of another one."""

    types: tuple[str, ...]
    id: str
    text: str


def parse(text: str, modifier: str, context: Context) -> Link:
    """Return what a reference value names. `modifier` is "" or a resource type."""
    written = unescape(text)
    allowed = {kind: None for target in context.targets for kind in target.to}
    if modifier and allowed and modifier not in allowed:
        raise wrong(f"This parameter never leads to a {named(modifier)}.")
    if _ID.fullmatch(written):
        types = (modifier,) if modifier else tuple(allowed) or context.definitions.resource_types
        return Link(types, written, "")
    meant = classify(written, context.base_url)
    if meant.kind is Kind.LOCAL:
        if modifier and modifier != meant.type:
            raise wrong("The type in the reference is not the one the modifier names.")
        return Link((meant.type,), meant.id, "")
    if meant.kind in (Kind.ABSOLUTE, Kind.URN):
        return Link((), "", written)
    raise wrong("A reference is written as [type]/[id], [id] or a URL.")


def condition(value: Link, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:  # noqa: ARG001
    """Return when a row of the target's table refers to what `value` names.

    A canonical or uri element holds the URL itself; references to other servers stand in `loose_reference`, see
    `loose_condition`.
    """
    if target.kind != "reference":
        return equals(target, table, "value", value.text) if value.text else false()
    if not value.id:
        return false()
    one = len(value.types) == 1
    kind = _NAMED.c.type == value.types[0] if one else _NAMED.c.type.in_(value.types)
    wanted = select(_NAMED.c.key).where(kind, _NAMED.c.id == value.id)
    key = column(target, table, "key")
    if one:
        return key == wanted.scalar_subquery()
    return key.in_(wanted)


def loose_condition(value: Link, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    """Return when a row of `loose_reference` holds the URL that `value` is."""
    return and_(table.c.path == target.loose, table.c.reference == token_text(value.text))
