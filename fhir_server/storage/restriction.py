"""Compiles an Access into a condition on `resource`: rights are part of every statement, never a filter after it.

https://hl7.org/fhir/R4/compartmentdefinition.html

A resource is in a compartment when one of the reference parameters that CompartmentDefinition names for its type leads
to the compartment's resource, or when it is that resource itself. Projected rows exist for current versions that are
not deleted, so what is deleted belongs to no compartment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, or_, select, union_all

from fhir_server.storage.access import Access, Compartment, Interaction
from fhir_server.storage.parts import Parts
from fhir_server.storage.tables import resource

_OWNER = resource.alias("owner")


def restriction(
    parts: Parts,
    access: Access,
    interactions: Iterable[Interaction],
    alias: FromClause,
    resource_type: str | None,
    also: ColumnElement[bool] | None = None,
) -> ColumnElement[bool] | None:
    """Return the condition under which a row of `alias` is within reach; None when everything is.

    alias          `resource` or an alias of it
    resource_type  the type all rows have, None when they have any
    also           a further condition for rows that are reached through a compartment only
    """
    asked = tuple(interactions)
    if access.reaches_everything(asked):
        return None
    types = parts.schema.types if resource_type is None else (resource_type,)
    whole: list[str] = []
    keys: list[Select[tuple[int]]] = []
    for kind in types:
        reach = access.reach(asked, kind)
        if reach.everything:
            whole.append(kind)
        for compartment in reach.compartments:
            keys.extend(_members(parts, kind, compartment))
    if resource_type is not None and whole:
        return None
    conditions: list[ColumnElement[bool]] = []
    if whole:
        conditions.append(alias.c.type.in_(whole))
    if keys:
        inside = alias.c.key.in_(union_all(*keys) if len(keys) > 1 else keys[0])
        conditions.append(inside if also is None else and_(inside, also))
    return or_(*conditions) if conditions else false()


def _members(parts: Parts, kind: str, compartment: Compartment) -> Iterator[Select[tuple[int]]]:
    """Yield selects of the keys of the resources of type `kind` that are in `compartment`."""
    owner_type, owner_id = compartment
    owner = select(_OWNER.c.key).where(_OWNER.c.type == owner_type, _OWNER.c.id == owner_id)
    if kind == owner_type:
        yield owner.where(~_OWNER.c.deleted)
    for code in parts.definitions.compartments.get(owner_type, {}).get(kind, ()):
        if code == "{def}":
            continue
        for target in parts.schema.targets(kind, code):
            if target.kind != "reference":
                continue
            table = parts.table(kind, target.table)
            conditions = [table.c[target.columns["key"]] == owner.scalar_subquery()]
            conditions += [table.c[column].in_(values) for column, values in target.filters]
            # The table may also stand around this select; the two have nothing to do with one another.
            yield select(table.c.key).where(*conditions).correlate(None)
