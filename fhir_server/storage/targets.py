"""Where each search parameter is answered: tables, columns by role, filters, as plain data for the search compiler.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fhir_server.definitions import Definitions
from fhir_server.mappings.answers import answers
from fhir_server.mappings.datatypes import Instant, SearchType
from fhir_server.mappings.lookup import Found, find
from fhir_server.mappings.model import Mapping, Parameter, Path
from fhir_server.mappings.official import official_element
from fhir_server.mappings.words import snake_words
from fhir_server.storage.common import META_PROFILE, META_SECURITY, META_SOURCE, META_TAG
from fhir_server.storage.draft import MAIN_DATE
from fhir_server.storage.layout import Field, Layout

Filter = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """One place where a search parameter is answered; a parameter with several matches when any of them does.

    code        the parameter
    type        its search type
    kind        how values are kept; fixes the roles in `columns`:
                id          id                                   (table resource)
                code        value                                a code, id or time; see value_set
                boolean     value
                string      value, folded                        (also token parameters over strings)
                uri         value
                canonical   value (URL), version
                integer, decimal   value, low, high              low and high are exact; equal for a plain number
                moment, interval   start, end                    half-open, UTC; an instant has no `end`
                coding, concept    system, code, display, folded
                identifier  use, system, value, type_system, type_code, type_text, folded
                contact     system, value, folded, use, rank
                part        value, folded                        one part of a name or address
                quantity    value, comparator, unit, system, code, low, high, canonical_low, canonical_high,
                            canonical_code
                money       value, code (currency), low, high
                range, sampled     unit, system, code, low, high, canonical_low, canonical_high, canonical_code
                reference   key, type where several types are allowed; see loose
                position    latitude, longitude
                composite   none; see components
    path        FHIRPath of the element, without types: "Appointment.participant.actor"
    table       table to look in; every table has `key`
    columns     role -> column
    filters     (column, values): only rows in which the column has one of the values
    levels      ordinal columns that say which instance of the element a row belongs to, outermost first; () when the
                resource has one. Two targets of a composite speak of the same instance when their first
                `len(composite.levels)` levels are equal
    is_main     the table has exactly one row per resource of the type
    date        column of the same table with the type's main date, "" when there is none
    to          reference: the types the parameter may point at, () for any
    loose       reference: value of loose_reference.path for references without a key, "" for other kinds
    value_set   code: canonical of the value set that implies the system, "" where unknown
    prefix      the role that is indexed by its first PREFIX_LENGTH characters (substr(column, 1, 200)), "" for none
    components  composite: for each component its alternatives
    """

    code: str
    type: SearchType
    kind: str
    path: str
    table: str
    columns: dict[str, str]
    filters: tuple[Filter, ...] = ()
    levels: tuple[str, ...] = ()
    is_main: bool = False
    date: str = ""
    to: tuple[str, ...] = ()
    loose: str = ""
    value_set: str = ""
    prefix: str = ""
    components: tuple[tuple[SearchTarget, ...], ...] = ()


_CODING = {"system": "system", "code": "code", "display": "display", "folded": "display_folded"}

COMMON_TARGETS: dict[str, SearchTarget] = {
    target.code: target
    for target in (
        SearchTarget("_id", "token", "id", "Resource.id", "resource", {"id": "id"}, is_main=True),
        SearchTarget(
            "_lastUpdated",
            "date",
            "moment",
            "Resource.meta.lastUpdated",
            "resource",
            {"start": "last_updated"},
            is_main=True,
        ),
        SearchTarget("_tag", "token", "coding", "Resource.meta.tag", META_TAG, _CODING, levels=("ordinal",)),
        SearchTarget(
            "_security", "token", "coding", "Resource.meta.security", META_SECURITY, _CODING, levels=("ordinal",)
        ),
        SearchTarget(
            "_profile",
            "uri",
            "canonical",
            "Resource.meta.profile",
            META_PROFILE,
            {"value": "value", "version": "version"},
            levels=("ordinal",),
            prefix="value",
        ),
        SearchTarget("_source", "uri", "uri", "Resource.meta.source", META_SOURCE, {"value": "value"}, prefix="value"),
    )
}
"""Parameters of every type. In `resource` and the meta tables `type = ...` limits the search to one type."""

OF_EVERY_TYPE = frozenset({META_TAG, META_SECURITY, META_PROFILE, META_SOURCE})
"""Tables with rows of all types."""

_PREFIX_ROLE = {"string": "folded", "part": "folded", "uri": "value", "canonical": "value"}
_PARTS = {"postalCode": "postal_code"}


def targets_of(mapping: Mapping, layout: Layout, definitions: Definitions, code: str) -> tuple[SearchTarget, ...]:
    """Return where a parameter of the type is answered; () when the mapping has no such parameter."""
    if code in COMMON_TARGETS:
        return (COMMON_TARGETS[code],)
    parameter = mapping.parameter(code)
    if parameter is None:
        return ()
    finder = _Finder(mapping, layout, definitions, parameter)
    if parameter.type == "composite":
        return finder.composites()
    return finder.simple(parameter.type, parameter.paths)


class _Finder:
    """Finds the targets of one parameter."""

    def __init__(self, mapping: Mapping, layout: Layout, definitions: Definitions, parameter: Parameter) -> None:
        self.mapping = mapping
        self.layout = layout
        self.definitions = definitions
        self.parameter = parameter

    def simple(self, kind: SearchType, paths: tuple[Path, ...]) -> tuple[SearchTarget, ...]:
        targets: dict[tuple[object, ...], SearchTarget] = {}
        for path in paths:
            for found in find(self.mapping, path.steps):
                target = self._target(kind, path, found)
                if target is not None:
                    same = (target.table, tuple(target.columns.values()), target.filters)
                    targets.setdefault(same, target)
        return tuple(targets.values())

    def composites(self) -> tuple[SearchTarget, ...]:
        result = []
        for root in self.parameter.paths:
            components = []
            for component in self.parameter.components:
                prefix = "" if component.from_resource or not root.steps else f"{root.steps}."
                paths = tuple(replace(path, steps=prefix + path.steps) for path in component.paths)
                components.append(self.simple(component.type, paths))
            levels = self._root_levels(root.steps)
            path = f"{self.mapping.type}.{root.steps}" if root.steps else self.mapping.type
            table = self.layout.tables[0].name
            result.append(
                SearchTarget(
                    self.parameter.code,
                    "composite",
                    "composite",
                    path,
                    table,
                    {},
                    levels=levels,
                    date=self.layout.main_date,
                    components=tuple(components),
                )
            )
        return tuple(result)

    def _root_levels(self, steps: str) -> tuple[str, ...]:
        """Return the ordinals of a composite's root, as its own table calls them; only their number counts."""
        names = steps.split(".") if steps else []
        heads = [".".join(names[: depth + 1]) for depth in range(len(names))]
        repeating = [head.rpartition(".")[2] for head in heads if find(self.mapping, head)[0].element.repeats]
        return (*(f"{snake_words(name)}_ordinal" for name in repeating[:-1]), *(("ordinal",) if repeating else ()))

    def _target(self, kind: SearchType, path: Path, found: Found) -> SearchTarget | None:
        if not answers(kind, found.element.type, found.part):
            return None
        # What a path names inside a datatype is a field of its own, a row of the parts table, or a column.
        whole, own = self.layout.fields.get(found.path), self.layout.fields.get(f"{found.path}.{found.part}")
        field = own or whole
        if field is None:
            return None
        full = f"{self.mapping.type}.{_untyped(found.path)}" + (f".{found.part}" if found.part else "")
        if field.kind in ("name", "address") and kind == "string":
            return self._part(field, full, found.part)
        if own is None and found.part:
            if found.part not in field.columns:
                return None
            field = replace(field, kind="code", columns={"value": field.columns[found.part]})
        if isinstance(found.element, Instant) and field.kind == "moment":
            # An instant is a point in time; how far it is written is no range.
            field = replace(field, columns={"start": field.columns["start"]})
        return self._made(kind, full, field, self._filters(path, field, found))

    def _part(self, field: Field, full: str, part: str) -> SearchTarget:
        filters = (("part", (_PARTS.get(part, part),)),) if part else ()
        return SearchTarget(
            self.parameter.code,
            "string",
            "part",
            full,
            field.parts,
            {"value": "value", "folded": "folded"},
            filters,
            self.layout.table(field.parts).levels,
            prefix="folded",
        )

    def _made(self, kind: SearchType, full: str, field: Field, filters: tuple[Filter, ...]) -> SearchTarget:
        table = self.layout.table(field.table)
        is_main = table is self.layout.tables[0]
        names = {column.name for column in table.columns}
        official = official_element(self.definitions, full) if field.kind == "code" else None
        return SearchTarget(
            code=self.parameter.code,
            type=kind,
            kind=field.kind,
            path=full,
            table=table.name,
            columns={role: name for role, name in field.columns.items() if role != "coding"},
            filters=filters,
            levels=field.levels,
            is_main=is_main,
            date=self.layout.main_date if is_main else MAIN_DATE if MAIN_DATE in names else "",
            to=(self.parameter.to or field.to) if kind == "reference" else (),
            loose=full if field.kind == "reference" else "",
            value_set=official.value_set if official is not None else "",
            prefix=_PREFIX_ROLE.get(field.kind, ""),
        )

    def _filters(self, path: Path, field: Field, found: Found) -> tuple[Filter, ...]:
        filters: list[Filter] = []
        if path.where is not None:
            part, value = path.where
            column = field.columns.get(part)
            if column is None:
                sibling = self.layout.fields[f"{found.path.rpartition('.')[0]}.{part}"]
                column = sibling.columns["value"]
            filters.append((column, (value,)))
        if path.to and "type" in field.columns:
            filters.append((field.columns["type"], path.to))
        return tuple(filters)


def _untyped(path: str) -> str:
    return ".".join(step.partition(":")[0] for step in path.split("."))
