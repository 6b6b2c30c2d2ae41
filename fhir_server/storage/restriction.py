"""Compiles an Access into a condition on `resource`: rights are part of every statement, never a filter after it.

https://hl7.org/fhir/R4/compartmentdefinition.html

A resource is in a compartment when one of the reference parameters that CompartmentDefinition names for its type leads
to the compartment's resource, or when it is that resource itself. Projected rows exist for current versions that are
not deleted, so what is deleted belongs to no compartment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, false, literal, or_, select, union_all

from fhir_server.storage.access import Access, Compartment, Interaction
from fhir_server.storage.parts import Parts
from fhir_server.storage.tables import resource

Owners = Mapping[Compartment, ColumnElement[Any]]
"""For each compartment the bound parameter of its id, so that a statement serves every caller of the same rights."""


def restriction(
    parts: Parts,
    access: Access,
    interactions: Iterable[Interaction],
    key: ColumnElement[Any],
    resource_type: str | None,
    *,
    type_column: ColumnElement[Any] | None = None,
    also: ColumnElement[bool] | None = None,
    owners: Owners | None = None,
) -> ColumnElement[bool] | None:
    """Return the condition under which the resource with `key` is within reach; None when everything is.

    key            column with the keys of the resources in question
    resource_type  the type all of them have, None when they have any
    type_column    column with their types, needed when `resource_type` is None
    also           a further condition for what is reached through a compartment only
    owners         parameters for the ids of compartments; None: the ids are bound with their values
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
            owner_id = literal(compartment[1]) if owners is None else owners[compartment]
            keys.extend(members(parts, kind, compartment[0], owner_id))
    if resource_type is not None and whole:
        return None
    conditions: list[ColumnElement[bool]] = []
    if whole:
        if type_column is None:
            raise ValueError("resources of any type need the column of their types")
        conditions.append(type_column.in_([literal(kind) for kind in whole]))
    if keys:
        inside = key.in_(union_all(*keys) if len(keys) > 1 else keys[0])
        conditions.append(inside if also is None else and_(inside, also))
    return or_(*conditions) if conditions else false()


def members(parts: Parts, kind: str, owner_type: str, owner_id: ColumnElement[Any]) -> Iterator[Select[tuple[int]]]:
    """Yield selects of the keys of the resources of type `kind` that are in the compartment of one resource.

    owner_id  the parameter for the id of that resource
    """
    found = resource.alias("owner")
    owner = select(found.c.key).where(found.c.type == owner_type, found.c.id == owner_id)
    if kind == owner_type:
        yield owner.where(~found.c.deleted)
    for code in parts.definitions.compartments.get(owner_type, {}).get(kind, ()):
        if code == "{def}":
            continue
        for target in parts.schema.targets(kind, code):
            if target.kind != "reference":
                continue
            table = _aliased(parts.table(kind, target.table))
            conditions = [table.c[target.columns["key"]] == owner.scalar_subquery()]
            conditions += [
                table.c[column].in_([literal(value) for value in values]) for column, values in target.filters
            ]
            # An alias of that name may also stand around this select; the two have nothing to do with one another.
            yield select(table.c.key).where(*conditions).correlate(None)


def _aliased(table: Table) -> FromClause:
    """Return the alias "member" of a table, made once: composing its columns takes longer than all the rest."""
    found: FromClause | None = table.info.get("member")
    if found is None:
        found = table.info["member"] = table.alias("member")
    return found
