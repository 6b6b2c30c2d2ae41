"""Reference parameters: [type]/[id], [id], or a URL; `:[type]` names the type of a bare id, `:identifier` its target.

https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, or_, select

from fhir_server.storage.common import LOOSE_REFERENCE
from fhir_server.storage.fold import token_text
from fhir_server.storage.references import Kind, classify
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Context, Marks, among, column, equals, halves, named, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.tables import resource
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS = frozenset({"identifier"})  # beside the types a parameter may point at
NEGATIVE: frozenset[str] = frozenset()
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def parse(text: str, modifier: str, context: Context) -> Operand:
    """Return what a reference value names. `modifier` is "", "identifier" or a resource type.

    Shapes: ("local", types) a resource of ours, ("local", types, versioned) one that canonical elements may name by its
    address; ("url", versioned) another one; ("identifier", parts) a logical reference.
    """
    if modifier == "identifier":
        return _identifier(text)
    written = unescape(text)
    allowed = {kind: None for target in context.targets for kind in target.to}
    if modifier and allowed and modifier not in allowed:
        raise wrong(f"This parameter never leads to a {named(modifier)}.")
    if _ID.fullmatch(written):
        types = (modifier,) if modifier else tuple(allowed) or context.definitions.resource_types
        return Operand(("local", types), (written,))
    url, _, version = written.partition("|")
    has_canonical = any(target.kind != "reference" for target in context.targets)
    meant = classify(url if has_canonical else written, context.base_url)
    if meant.kind is Kind.LOCAL:
        if modifier and modifier != meant.type:
            raise wrong("The type in the reference is not the one the modifier names.")
        if not has_canonical:
            return Operand(("local", (meant.type,)), (meant.id,))
        address = f"{meant.type}/{meant.id}"
        texts = (*halves(address), *halves(f"{context.base_url}/{address}"))
        return Operand(("local", (meant.type,), bool(version)), (meant.id, *texts, *([version] if version else [])))
    if meant.kind in (Kind.ABSOLUTE, Kind.URN):
        return Operand(("url", bool(version)), (token_text(written), *halves(url), version))
    raise wrong("A reference is written as [type]/[id], [id] or a URL.")


def _identifier(text: str) -> Operand:
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise wrong("An identifier is written as value, system|value, |value or system|.")
    if len(parts) == 1:
        return Operand(("identifier", "value", None), (token_text(parts[0]),))
    system, value = parts
    data = [token_text(part) for part in (value, system) if part]
    return Operand(("identifier", "value" if value else None, "system" if system else "none"), tuple(data))


def condition(
    operand: Operand,
    marks: Marks,
    target: SearchTarget,
    table: FromClause,
    scope: Scope,
) -> ColumnElement[bool]:
    """Return when a row of the target's table refers to what the value names.

    A canonical or uri element holds the URL itself, or the address of a resource of ours, relative or not. References
    to other servers and logical references stand in `loose_reference`, see `elsewhere`.
    """
    shape = operand.shape
    kind = shape[0] if isinstance(shape, tuple) else ""
    if target.kind != "reference":
        return _canonical(shape, marks, target, table)
    if kind != "local" or not isinstance(shape, tuple) or True in shape[2:]:
        return false()
    types = shape[1]
    wanted = scope.alias(resource)
    one = len(types) == 1
    keys = select(wanted.c.key).where(
        wanted.c.type == types[0] if one else among(wanted.c.type, types), wanted.c.id == marks[0]
    )
    key = column(target, table, "key")
    return key == keys.scalar_subquery() if one else key.in_(keys)


def _canonical(shape: Hashable, marks: Marks, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    match shape:
        case ("url", versioned):
            texts = marks[1:3]
        case ("local", _, versioned):
            texts = marks[1:5]
        case _:
            return false()
    found = or_(*(equals(target, table, "value", texts[at], texts[at + 1]) for at in range(0, len(texts), 2)))
    if not versioned:
        return found
    return and_(found, column(target, table, "version") == marks[-1]) if "version" in target.columns else false()


def elsewhere(operand: Operand, marks: Marks, target: SearchTarget, scope: Scope) -> Select[tuple[int]] | None:
    """Return the keys of resources whose reference has no key of ours, or is looked for by its identifier."""
    shape = operand.shape
    if target.kind != "reference" or not isinstance(shape, tuple) or shape[0] == "local":
        return None
    table = scope.alias(scope.parts.table(None, LOOSE_REFERENCE))
    keys = select(table.c.key).where(table.c.path == target.loose, *limited(target, table))
    if shape[0] == "url":
        return keys.where(table.c.reference == marks[0])
    rest = list(marks)
    if shape[1]:
        keys = keys.where(table.c.identifier_value == rest.pop(0))
    if shape[2] == "system":
        return keys.where(table.c.identifier_system == rest.pop(0))
    if shape[2] == "none":
        return keys.where(table.c.identifier_system.is_(None))
    return keys


def limited(target: SearchTarget, table: FromClause) -> list[ColumnElement[bool]]:
    """Return when a row of `loose_reference` is of the types a parameter such as `patient` is limited to.

    What says nothing of its type, such as a mere display, is of none of them.
    """
    own = target.columns.get("type")
    return [among(table.c.target_type, types) for name, types in target.filters if name == own]
