"""Compiles the mapping of one type to closures that write a document's values into rows.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.mappings.custom import Added
from fhir_server.mappings.datatypes import Backbone, Choice, Computed, Element, Extension
from fhir_server.mappings.lookup import find, variants
from fhir_server.mappings.model import Mapping
from fhir_server.storage.added import added_handler
from fhir_server.storage.compute import computed_handler
from fhir_server.storage.datatypes import ROWS, filler
from fhir_server.storage.datatypes.moments import span_reader
from fhir_server.storage.datatypes.names import with_parts
from fhir_server.storage.datatypes.place import spot
from fhir_server.storage.datatypes.references import fill_reference
from fhir_server.storage.layout import Field, Layout, Table
from fhir_server.storage.references import Reference
from fhir_server.storage.representation import Representation, Span
from fhir_server.storage.rows import by_url, child_row, each, members, with_text
from fhir_server.storage.sink import Handler

Handlers = dict[str, Handler]
Failed = Callable[[str, str], None]


class Compiler:
    """Makes the handlers of one type: JSON property -> what to do with its value."""

    def __init__(
        self,
        mapping: Mapping,
        layout: Layout,
        represent: Representation,
        classify: Callable[[str], Reference],
        failed: Failed,
    ) -> None:
        self.failed = failed
        self.mapping = mapping
        self.layout = layout
        self.represent = represent
        self.classify = classify
        self._by_path = {table.path: table for table in reversed(layout.tables)}

    def handlers(self) -> Handlers:
        """Return the handlers of the resource's own properties."""
        return self._parts(self.mapping.elements, "")

    def computed(self) -> list[Handler]:
        """Return the handlers, given the whole document, of elements that FHIRPath computes."""
        return [
            self._computed(element, self._single(self.layout.fields[element.name]))
            for element in self.mapping.elements
            if isinstance(element, Computed)
        ]

    def _computed(self, element: Computed, handler: Handler) -> Handler:
        if isinstance(element, Added):
            return added_handler(element, handler, lambda: self.failed(self.mapping.type, element.name))
        return computed_handler(element, handler)

    def dates(self) -> list[tuple[str, Callable[[Any], Span | None]]]:
        """Return JSON name -> reader for the main date; several where types of a choice share it."""
        read = span_reader(self.represent)
        fields = [self.layout.fields.get(found.path) for found in find(self.mapping, self.mapping.main_date)]
        return [
            (_json_name(field.path), read)
            for field in fields
            if field is not None and field.columns.get("start") == self.layout.main_date != ""
        ]

    def _parts(self, elements: tuple[Element, ...], path: str) -> Handlers:
        made: Handlers = {}
        extensions: Handlers = {}
        for element in elements:
            steps = f"{path}.{element.name}" if path else element.name
            if isinstance(element, Extension):
                extensions |= dict.fromkeys(element.urls, self._extension(element, steps))
            elif isinstance(element, Choice):
                made |= {child.name: self._element(child, place) for place, child in variants(element, steps)}
            elif not isinstance(element, Computed):
                made[element.name] = self._element(element, steps)
        if extensions:
            made["extension"] = by_url(extensions)
        return made

    def _element(self, element: Element, path: str) -> Handler:
        if isinstance(element, Backbone):
            return self._backbone(element, path)
        single = self._single(self.layout.fields[path])
        text = self.layout.fields.get(f"{path}.text")
        if text is not None:
            single = with_text(single, self._single(text))
        return each(single) if element.repeats else single

    def _single(self, field: Field) -> Handler:
        """Return the handler for one value of a field."""
        table = self.layout.table(field.table)
        place = spot(field, table, f"{self.layout.type}.{_untyped(field.path)}", self.represent)
        if field.kind in ROWS:
            return ROWS[field.kind](place)
        fill = fill_reference(place, self.classify) if field.kind == "reference" else filler(place)
        if field.parts:
            fill = with_parts(field.parts, fill)
        return child_row(table, fill) if table is self._own_table(field.path) else fill

    def _own_table(self, path: str) -> Table | None:
        return self._by_path.get(f"{self.layout.type}.{path}")

    def _backbone(self, element: Backbone, path: str) -> Handler:
        inner = members(self._parts(element.children, path))
        if not element.repeats:
            return inner
        table = self._own_table(path)
        return each(inner if table is None else child_row(table, inner))

    def _extension(self, extension: Extension, path: str) -> Handler:
        inner = members({child.name: self._element(child, steps) for steps, child in variants(extension, path)})
        table = self._own_table(path)
        return inner if table is None else child_row(table, inner)


def _json_name(path: str) -> str:
    name, _, type_code = path.partition(":")
    return name + type_code[:1].upper() + type_code[1:]


def _untyped(path: str) -> str:
    return ".".join(step.partition(":")[0] for step in path.split("."))
