"""_include and _revinclude: what the matches refer to, and what refers to them, hop by hop.

https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, or_, select, union

from fhir_server.errors import TooCostly
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.kind import among, named, unsupported_parameter
from fhir_server.storage.search.scope import Build, mark
from fhir_server.storage.tables import resource, resource_reference
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

_MOST = 20  # include parameters of one search
_MODIFIERS = frozenset({"", "iterate", "recurse"})  # recurse is the name of iterate before R4


@dataclass(frozen=True, slots=True)
class Include:
    """One _include or _revinclude.

    reverse   _revinclude
    iterate   it is applied to included resources too, again and again
    source    type of the resources that refer, "*" for any
    code      the reference parameter, "*" for every reference
    target    type of the resources that are referred to, "" for any
    targets   where the reference stands, () for "*"
    """

    reverse: bool
    iterate: bool
    source: str
    code: str
    target: str
    targets: tuple[SearchTarget, ...]

    def __hash__(self) -> int:
        return hash((self.reverse, self.iterate, self.source, self.code, self.target))

    def shape(self) -> Hashable:
        """Return what decides the SQL of one hop."""
        return ("include", self.reverse, self.source, self.code, self.target)

    def words(self) -> str:
        """Return what is included, for a reader."""
        how = "what refers to the page by" if self.reverse else "what the page refers to by"
        end = f" to {self.target}" if self.target else ""
        return f"{how} {self.source}:{self.code}{end}" + (", repeatedly" if self.iterate else "")

    def starts_from(self, resource_type: str) -> bool:
        """Return whether a hop can begin at a resource of a type."""
        wanted = self.target if self.reverse else self.source
        return wanted in ("", "*", resource_type)

    def hop(self, build: Build) -> Select[Any]:
        """Return the statement of one hop: (key, type) of what is one step from the keys bound to "keys"."""
        found = build.alias(resource)
        near = mark("keys")
        if self.code == "*":
            reached = self._any_reference(build, near)
        else:
            steps = [self._step(build, target, near) for target in self.targets]
            reached = union(*steps).subquery(build.name()) if len(steps) > 1 else steps[0].subquery(build.name())
        conditions = [~found.c.deleted, found.c.version > 0, *self._kinds(build, found)]
        key = next(iter(reached.c))
        return (
            select(found.c.key, found.c.type)
            .distinct()
            .select_from(found.join(reached, key == found.c.key))
            .where(*conditions)
        )

    def _any_reference(self, build: Build, near: ColumnElement[Any]) -> FromClause:
        pairs = build.alias(resource_reference)
        start, end = (pairs.c.target, pairs.c.source) if self.reverse else (pairs.c.source, pairs.c.target)
        return select(end).where(in_array(start, near, build.parts.database.dialect)).subquery(build.name())

    def _step(self, build: Build, target: SearchTarget, near: ColumnElement[Any]) -> Select[Any]:
        table = build.alias(build.parts.table(self.source, target.table))
        key = table.c[target.columns["key"]]
        own = target.columns.get("type")
        filters = [among(table.c[name], values) for name, values in target.filters if name != own or self.reverse]
        start, end = (key, table.c.key) if self.reverse else (table.c.key, key)
        return select(end).where(in_array(start, near, build.parts.database.dialect), key.is_not(None), *filters)

    def _kinds(self, build: Build, found: FromClause) -> list[ColumnElement[bool]]:
        """Return the conditions on the type of what is included, and the caller's rights for each such type."""
        if self.reverse:
            kinds: tuple[str, ...] = () if self.source == "*" else (self.source,)
        elif self.target:
            kinds = (self.target,)
        else:
            kinds = tuple(dict.fromkeys(kind for target in self.targets for kind in _allowed(target)))
        if not kinds:
            limit = build.allowed(None, found.c.key, found.c.type)
            return [] if limit is None else [limit]
        if build.access.reaches_everything(build.interactions):
            return [among(found.c.type, kinds)]
        parts: list[ColumnElement[bool]] = []
        for kind in kinds:
            limit = build.allowed(kind, found.c.key)
            own = found.c.type == kind
            parts.append(own if limit is None else and_(own, limit))
        return [or_(false(), *parts)]


def _allowed(target: SearchTarget) -> tuple[str, ...]:
    own = target.columns.get("type")
    for name, values in target.filters:
        if name == own:
            return values
    return target.to


def includes_of(names: Names, resource_type: str | None, asked: Iterable[tuple[str, str]]) -> tuple[Include, ...]:
    """Return the includes of a search. Raises UnsupportedParameter for those that cannot be, TooCostly for too many."""
    found = [made for name, value in asked for made in _includes(names, resource_type, name, value)]
    if len(found) > _MOST:
        raise TooCostly(f"A search can have {_MOST} includes at most.")
    return tuple(dict.fromkeys(found))


def _includes(names: Names, resource_type: str | None, name: str, value: str) -> list[Include]:
    base, colon, modifier = name.partition(":")
    reverse = base == "_revinclude"
    if modifier not in _MODIFIERS or bool(colon) != bool(modifier):
        raise unsupported_parameter(f"{base} has no modifier {named(modifier)}.")
    iterate = modifier != ""
    if value == "*":
        return [Include(reverse, iterate, "*" if reverse else resource_type or "*", "*", "", ())]
    parts = value.split(":")
    if not 2 <= len(parts) <= 3:
        raise unsupported_parameter(f"{base} is written as [type]:[parameter] or [type]:[parameter]:[target type].")
    source, code, target = (*parts, "")[:3]
    if source not in names.schema.types or (target and target not in names.schema.types):
        raise unsupported_parameter(f"{base} names {named(value)}, which is no type and reference parameter.")
    if code == "*":
        return [Include(reverse, iterate, source, "*", target, ())]
    targets = tuple(
        each
        for each in names.targets(source, code)
        if each.kind == "reference" and (not target or not each.to or target in each.to)
    )
    if not targets:
        raise unsupported_parameter(f"{base} names {named(value)}, which is no reference parameter.")
    return [Include(reverse, iterate, source, code, target, targets)]
