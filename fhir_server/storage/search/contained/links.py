"""Chains that lead into contained resources, and those that lead out of them.

https://hl7.org/fhir/R4/search.html#contained

`subject:Patient.given=Inez` matches an Observation whose subject is a contained Patient of that name: what holds such a
Patient is looked into (`Inward`). A contained resource refers to resources of the store, which are no part of an
excerpt: what follows in a chain is asked of the store itself (`Outward`). Both hand over the keys they found.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Select, select

from fhir_server.errors import TooCostly
from fhir_server.storage.access import Access
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.chain import Link
from fhir_server.storage.search.contained.excerpt import ABOVE, Excerpt
from fhir_server.storage.search.contained.holders import MOST, Among, Holding, Reader
from fhir_server.storage.search.kind import among
from fhir_server.storage.search.names import Names
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.scope import Build, mark
from fhir_server.storage.targets import COMMON_TARGETS, SearchTarget

_NO_LIMIT = 2**31 - 1
_ID = replace(COMMON_TARGETS["_id"], columns={"id": "settled"})  # see `excerpt`


@dataclass(frozen=True, slots=True)
class Inward:
    """Follows chains into the contained resources of what a caller may see."""

    reader: Reader

    def found(self, names: Names, link: Link) -> tuple[int, ...]:
        """Return the keys of the resources whose reference leads to a contained resource that matches.

        Raises TooCostly when more than MOST resources hold such a reference.
        """
        if not self.reader.any_contained(link.type, link.types):
            return ()
        paths = tuple(dict.fromkeys(target.loose for target in link.targets))
        nodes: tuple[Node, ...] = (Holding(link.types, paths),)
        if link.depth == 0 and names.beside is not None and names.beside[0] == link.type:
            nodes += names.beside[1]
        keys = self.reader.keys(link.type, nodes, MOST + 1)
        if len(keys) > MOST:
            raise TooCostly(
                f"More than {MOST:,} resources of type {link.type} refer by {link.code!r} to resources that they "
                "contain: too many to look into. Please narrow the search by other parameters of the type."
            )
        if not keys:
            return ()
        with self.reader.excerpt(keys, whole=True) as excerpt:
            # What the first step leads to in the store is found there.
            node = link.tabled(inner_names(names, excerpt, self.reader))
            found = inside(excerpt).keys(link.type, [node], _NO_LIMIT)
        return tuple(sorted(key for key in found if key < ABOVE))


@dataclass(frozen=True, slots=True)
class Outward:
    """Follows chains from an excerpt into the store.

    names   those of the store
    reader  reads the store
    """

    excerpt: Excerpt
    names: Names
    reader: Reader

    def found(self, names: Names, link: Link) -> tuple[int, ...]:  # noqa: ARG002
        """Return the keys of what in the excerpt refers to a resource of the store that matches."""
        leading: list[int] = []
        for kind in link.types:
            keys = self.excerpt.outside_of(kind)
            if keys:
                nodes = (Among(keys), link.inner(self.names, kind))
                leading += self.reader.keys(kind, nodes, len(keys))
        found: set[int] = set()
        if leading:
            for target in link.targets:
                rows = inside(self.excerpt).run(*_referring(link.type, target), {"keys": leading})
                found.update(row[0] for row in rows)
        return tuple(sorted(found))


class _InnerNames(Names):
    def targets(self, resource_type: str | None, code: str) -> tuple[SearchTarget, ...]:
        return (_ID,) if code == _ID.code else super().targets(resource_type, code)


def inner_names(names: Names, excerpt: Excerpt, reader: Reader) -> Names:
    """Return what understands parameters as they are asked of an excerpt.

    names   those of the store
    reader  reads the store
    """
    outer = replace(names, beside=None)
    known = {field.name: getattr(outer, field.name) for field in fields(Names)}
    beyond = Outward(excerpt, outer, reader)
    return _InnerNames(**known | {"schema": excerpt.parts.schema, "texts": excerpt.texts, "beyond": beyond})


def inside(excerpt: Excerpt) -> Reader:
    """Return what reads an excerpt; what is in it may be seen."""
    return Reader(excerpt.parts, Access.unrestricted(), ("search",), excerpt.fetch)


def _referring(resource_type: str, target: SearchTarget) -> tuple[Hashable, Any]:
    """Return the shape and the statement of the keys of the resources whose reference has one of the bound keys."""

    def make(build: Build) -> Select[Any]:
        table = build.alias(build.parts.table(resource_type, target.table))
        filters = [among(table.c[name], values) for name, values in target.filters]
        leads = in_array(table.c[target.columns["key"]], mark("keys"), build.parts.database.dialect)
        return select(table.c.key).where(leads, *filters)

    return ("referring", resource_type, target.table, target.columns["key"], target.filters), make
