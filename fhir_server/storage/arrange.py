"""Arranges a mapping as tables: decides for every element in which table it is kept.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import replace

from fhir_server.mappings.answers import answers
from fhir_server.mappings.datatypes import (
    Address,
    Backbone,
    Choice,
    CodeableConcept,
    Computed,
    Date,
    Element,
    Extension,
    HumanName,
    Identifier,
    Period,
    SearchType,
    String,
)
from fhir_server.mappings.lookup import find, variants
from fhir_server.mappings.model import Mapping, Path
from fhir_server.mappings.words import snake_words
from fhir_server.storage.datatypes import keep, needs_own_table
from fhir_server.storage.datatypes.moments import interval_columns, serve_date
from fhir_server.storage.datatypes.names import keep_parts
from fhir_server.storage.datatypes.place import Place
from fhir_server.storage.draft import Draft
from fhir_server.storage.layout import Field, Layout
from fhir_server.storage.naming import shortened, table_name

_NOBODY: frozenset[tuple[str, str]] = frozenset()


def arrange(mapping: Mapping) -> Layout:
    """Return the tables of a type and where each of its elements is kept.

    Raises ValueError where two elements would share a column, TypeError for a datatype that cannot be kept.
    """
    return _Arranger(mapping).arrange()


def _searches(mapping: Mapping) -> dict[str, frozenset[tuple[str, str]]]:
    """Return path of an element -> (search type, part) of what looks at it."""
    result: dict[str, set[tuple[str, str]]] = {}

    def note(path: Path, kind: SearchType) -> None:
        for found in find(mapping, path.steps):
            if answers(kind, found.element.type, found.part):
                result.setdefault(found.path, set()).add((kind, found.part))

    for parameter in mapping.search:
        if parameter.type != "composite":
            for path in parameter.paths:
                note(path, parameter.type)
        for component in parameter.components:
            for root in ("",) if component.from_resource else tuple(path.steps for path in parameter.paths):
                for path in component.paths:
                    note(replace(path, steps=f"{root}.{path.steps}" if root else path.steps), component.type)
    return {path: frozenset(kinds) for path, kinds in result.items()}


class _Arranger:
    """Walks a mapping once."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.searches = _searches(mapping)
        self.main = Draft(table_name(mapping.type), mapping.type)
        self.drafts = [self.main]
        self.fields: dict[str, Field] = {}
        self.intervals: dict[tuple[str, str], dict[str, str]] = {}

    def arrange(self) -> Layout:
        self._children(self.mapping.elements, self.main, "", "")
        main_date = self._main_date()
        tables = [
            draft.table(self.mapping.type, main_date) for draft in self.drafts if draft.columns or draft is self.main
        ]
        return Layout(self.mapping.type, tuple(tables), self.fields, main_date)

    def _main_date(self) -> str:
        """Return the column of the main date: where several types of a choice are meant, that of the first."""
        for found in find(self.mapping, self.mapping.main_date):
            if isinstance(found.element, Date | Period):
                return self.fields[found.path].columns["start"]
        return ""

    def _children(self, elements: tuple[Element, ...], draft: Draft, base: str, path: str) -> None:
        for element in elements:
            steps = f"{path}.{element.name}" if path else element.name
            if isinstance(element, Extension):
                self._extension(element, draft, base, steps)
            elif isinstance(element, Choice):
                self._choice(element, draft, base, steps)
            else:
                self._element(element, draft, _joined(base, element.column or snake_words(element.name)), steps)

    def _element(self, element: Element, draft: Draft, base: str, path: str) -> None:
        if isinstance(element, Backbone):
            if element.repeats:
                draft, base = self._draft(draft, base, path, own=True), ""
            self._children(element.children, draft, base, path)
            return
        searches = self.searches.get(path, _NOBODY)
        if isinstance(element, CodeableConcept) and ("string", "text") in searches:
            text = Place(String(element.name), draft, f"{base}_text", f"{path}.text", frozenset({("string", "")}))
            self.fields[f"{path}.text"] = keep(text)
            searches -= {("string", "text")}
        if needs_own_table(element, searches):
            coded = isinstance(element, CodeableConcept | Identifier)
            coded = coded or (isinstance(element, Computed) and element.of == "token")
            repeats = element.repeats or isinstance(element, Computed)
            draft = self._draft(draft, base, path, own=repeats, extra="coding" if coded else "")
            base = ""
        kept = keep(Place(element, draft, base, path, searches))
        if isinstance(element, HumanName | Address) and any(kind == "string" for kind, _ in searches):
            parts = self._draft(draft, "part", path, own=False, extra="position")
            keep_parts(parts, path)
            kept = replace(kept, parts=parts.name)
        self.fields[path] = kept

    def _choice(self, choice: Choice, draft: Draft, base: str, path: str) -> None:
        names = [child.column or choice.column for child in choice.children]
        for (steps, child), name in zip(variants(choice, path), names, strict=True):
            own = _joined(base, name or snake_words(child.name))
            if isinstance(child, Date | Period) and name and names.count(name) > 1:
                self._share(child, draft, own, steps)
            else:
                self._element(child, draft, own, steps)

    def _share(self, element: Element, draft: Draft, base: str, path: str) -> None:
        """Keep a date-like variant of a choice in the interval it shares with the others."""
        searches = self.searches.get(path, _NOBODY)
        columns = self.intervals.get((draft.name, base))
        if columns is None:
            columns = interval_columns(Place(element, draft, base, path.rpartition(":")[0], searches))
            self.intervals[draft.name, base] = columns
        serve_date(Place(replace(element, cardinality="0..1"), draft, base, path, searches), columns)
        self.fields[path] = Field(path, "interval", draft.name, columns, draft.levels)

    def _extension(self, extension: Extension, draft: Draft, base: str, path: str) -> None:
        name = _joined(base, extension.column or snake_words(extension.name))
        child = self._draft(draft, name, path, own=True)
        for steps, variant in variants(extension, path):
            self._element(variant, child, variant.column or snake_words(variant.name), steps)

    def _draft(self, owner: Draft, name: str, path: str, *, own: bool, extra: str = "") -> Draft:
        labels = (*owner.labels, name) if own else owner.labels
        draft = Draft(shortened(f"{owner.name}_{name}"), f"{self.mapping.type}.{path}", labels, own, extra)
        self.drafts.append(draft)
        return draft


def _joined(base: str, name: str) -> str:
    return f"{base}_{name}" if base else name
