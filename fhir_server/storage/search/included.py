"""Follows the includes of a page: keys first, hop by hop, then the documents of one part of them.

https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, and_, or_, select

from fhir_server.errors import TooCostly
from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.model import Version
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.include import Include
from fhir_server.storage.search.rows import version_of
from fhir_server.storage.search.scope import Build, compartments, mark, rights
from fhir_server.storage.search.statement import Statement
from fhir_server.storage.session import Row
from fhir_server.storage.tables import resource, resource_version

AT_ONCE = 1_000
"""Included resources on one page; the rest follows on the next ones."""

_MOST_KEYS = 20_000
_MOST_HOPS = 20

Fetch = Callable[[Statement, dict[str, Any]], list[Row]]
Keys = dict[int, str]  # key -> type


class Included:
    """The includes of one search for one caller."""

    def __init__(
        self,
        parts: Parts,
        access: Access,
        includes: Sequence[Include],
        interactions: tuple[Interaction, ...],
        fetch: Fetch,
    ) -> None:
        self._parts = parts
        self._access = access
        self._includes = includes
        self._interactions = interactions
        self._fetch = fetch
        self._owners = {f"a{number}": owner_id for number, (_, owner_id) in enumerate(compartments(access))}

    def of(self, matches: Sequence[Version], behind: int) -> tuple[list[Version], int | None]:
        """Return the included resources of a page, and the key of the last one when more of them follow.

        behind  the key after which they begin, -1 for the beginning
        Raises TooCostly when there are more than can be followed.
        """
        keys = self._keys({row.key: row.type for row in matches})
        wanted = sorted(key for key in keys if key > behind)
        now = wanted[:AT_ONCE]
        versions = self._documents({key: keys[key] for key in now}) if now else []
        return versions, now[-1] if len(wanted) > AT_ONCE else None

    def _keys(self, matches: Keys) -> Keys:
        """Return what is included, without the matches."""
        seen: Keys = dict(matches)
        fresh = matches
        for hop in range(_MOST_HOPS):
            reached: Keys = {}
            for include in self._includes:
                if hop == 0 or include.iterate:
                    reached |= self._hop(include, fresh)
            fresh = {key: kind for key, kind in reached.items() if key not in seen}
            seen |= fresh
            if len(seen) > _MOST_KEYS:
                raise TooCostly(
                    f"More than {_MOST_KEYS} resources would be included with one page. Please ask for smaller pages."
                )
            if not fresh or not any(include.iterate for include in self._includes):
                return {key: kind for key, kind in seen.items() if key not in matches}
        raise TooCostly(f"The includes do not end after {_MOST_HOPS} steps.")

    def _hop(self, include: Include, near: Keys) -> Keys:
        keys = [key for key, kind in near.items() if include.starts_from(kind)]
        if not keys:
            return {}
        rows = self._run(include.shape(), include.hop, keys)
        return {row[0]: row[1] for row in rows}

    def _documents(self, keys: Keys) -> list[Version]:
        # Rights are asked again: since its key was found, a resource may have changed and gone out of reach.
        kinds = tuple(sorted(set(keys.values()))) if not self._access.reaches_everything(self._interactions) else ()
        rows = self._run(("included", kinds), lambda build: _documents(build, kinds), list(keys))
        return [version_of(row) for row in rows]

    def _run(self, shape: Hashable, make: Callable[[Build], Select[Any]], keys: Sequence[int]) -> list[Row]:
        whole = (shape, rights(self._access), self._interactions)
        made = self._parts.statements.get(whole, lambda: make(Build(self._parts, self._access, self._interactions)))
        return self._fetch(made, self._owners | {"keys": list(keys)})


def _documents(build: Build, kinds: Iterable[str]) -> Select[Any]:
    r, v = resource.alias("r"), resource_version.alias("v")
    found = (
        select(r.c.type, r.c.id, r.c.version, r.c.last_updated, r.c.key, v.c.method, v.c.content)
        .select_from(r.join(v, and_(v.c.key == r.c.key, v.c.version == r.c.version)))
        .where(in_array(r.c.key, mark("keys"), build.parts.database.dialect), ~r.c.deleted)
        .order_by(r.c.key)
    )
    limits = [(r.c.type == kind, build.allowed(kind, r.c.key)) for kind in kinds]
    allowed = [own if limit is None else and_(own, limit) for own, limit in limits]
    return found.where(or_(*allowed)) if allowed else found
