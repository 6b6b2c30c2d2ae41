"""Projects a document onto the rows of its tables, with closures compiled once per type.

https://hl7.org/fhir/R4/search.html

    projector = Projector(build_schema(mappings, "postgresql"))
    wanted = projector.references("Observation", document)            # [("Patient", "1"), ...], to be looked up
    rows = projector.rows("Observation", 17, document, found.get)     # {"observation": [(17, ...)], ...}

The rows are a pure function of the document and of the keys `resolve` gives. Tuples stand in column order and hold
what the database takes in COPY (text format) or executemany.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fhir_server.mappings.lookup import find, variants
from fhir_server.mappings.model import Backbone, Choice, Computed, Element, Extension
from fhir_server.storage.common import LOOSE_REFERENCE, META_PROFILE, META_SECURITY, META_SOURCE, META_TAG
from fhir_server.storage.compute import computed_handler
from fhir_server.storage.extract import filler, folded, short, span_reader, spot
from fhir_server.storage.layout import Field, Layout
from fhir_server.storage.references import Reference, classify
from fhir_server.storage.representation import Representation, Span, representation
from fhir_server.storage.rows import child_row, concept_rows, each, identifier_rows, part_rows, reference, with_text
from fhir_server.storage.schema import Schema
from fhir_server.storage.sink import Handler, Identity, Resolve, Row, Sink

Document = dict[str, Any]
Rows = dict[str, list[tuple[Any, ...]]]
Handlers = dict[str, Handler]


class Projector:
    """Makes the rows of documents; one instance serves a process, from any thread."""

    def __init__(self, schema: Schema, base_url: str = "") -> None:
        """Prepare for `schema`; `base_url` (without a slash at the end) makes absolute references our own."""
        self.schema = schema
        self._represent = representation(schema.dialect_name)
        self._classify: Callable[[str], Reference] = lru_cache(maxsize=8192)(lambda text: classify(text, base_url))
        self._compiled: dict[str, Callable[[int, Document, Resolve], Rows]] = {}

    def rows(self, resource_type: str, key: int, document: Document, resolve: Resolve) -> Rows:
        """Return table -> rows for one document; the main table always has one.

        resolve(type, id) gives the key of a resource of this server, None when there is none. Raises Invalid for a
        date that does not exist, KeyError for a type without mapping.
        """
        project = self._compiled.get(resource_type)
        if project is None:
            project = _compile(self.schema.layout(resource_type), self.schema, self._represent, self._classify)
            self._compiled[resource_type] = project
        return project(key, document, resolve)

    def references(self, resource_type: str, document: Document) -> list[tuple[str, str]]:
        """Return (type, id) of every resource of this server whose key `rows` will ask for, each once."""
        wanted: dict[tuple[str, str], None] = {}

        def note(target_type: str, target_id: str) -> None:
            wanted[target_type, target_id] = None

        self.rows(resource_type, 0, document, note)
        return list(wanted)

    def comparable(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row read from the database in the form `rows` gives it, to compare the two."""
        return self._represent.comparable(row)


def _compile(
    layout: Layout, schema: Schema, represent: Representation, understand: Callable[[str], Reference]
) -> Callable[[int, Document, Resolve], Rows]:
    compiler = _Compiler(layout, represent, understand)
    mapping = schema.mappings[layout.type]
    handlers = compiler.handlers(mapping.elements, "")
    main = layout.tables[0]
    width = len(main.columns)
    dates = _date_readers(layout, represent, [found.path for found in find(mapping, mapping.main_date)])
    computed = compiler.computed(mapping.elements)
    meta = _meta(layout.type)

    def project(key: int, document: Document, resolve: Resolve) -> Rows:
        sink = Sink(key, document, resolve)
        row: Row = [None] * width
        row[0] = key
        for name, read in dates:
            value = document.get(name)
            if value is not None:
                span = read(value)
                sink.date = span[0] if span else None
                break
        identity = (key,)
        for name, value in document.items():
            handler = handlers.get(name)
            if handler is not None:
                handler(value, row, identity, sink)
        for evaluate in computed:
            evaluate(document, row, identity, sink)
        sink.rows[main.name] = [tuple(row)]
        if "meta" in document:
            meta(document["meta"], sink)
        if sink.loose:
            sink.rows[LOOSE_REFERENCE] = sink.loose
        return sink.rows

    return project


def _date_readers(
    layout: Layout, represent: Representation, paths: list[str]
) -> list[tuple[str, Callable[[Any], Span | None]]]:
    """Return JSON name -> reader for the main date; several where types of a choice share it."""
    read = span_reader(represent)
    fields = [layout.fields[path] for path in paths]
    main = layout.tables[0].name
    return [
        (_json_name(field.path), read)
        for field in fields
        if field.table == main and field.columns.get("start") == layout.main_date
    ]


def _json_name(path: str) -> str:
    name, _, type_code = path.partition(":")
    return name + type_code[:1].upper() + type_code[1:]


def _meta(resource_type: str) -> Callable[[Document, Sink], None]:
    def fill(meta: Document, sink: Sink) -> None:
        for name, table in (("tag", META_TAG), ("security", META_SECURITY)):
            for ordinal, coding in enumerate(meta.get(name, ())):
                display = coding.get("display")
                code = (short(coding.get("system")), short(coding.get("code")))
                row = (sink.key, ordinal, resource_type, *code, display, folded(display) if display else None)
                sink.add(table, row)
        for ordinal, canonical in enumerate(meta.get("profile", ())):
            if canonical:
                url, bar, version = canonical.partition("|")
                sink.add(META_PROFILE, (sink.key, ordinal, resource_type, url, version if bar else None))
        if meta.get("source"):
            sink.add(META_SOURCE, (sink.key, resource_type, meta["source"]))

    return fill


class _Compiler:
    """Makes the closures of one type."""

    def __init__(self, layout: Layout, represent: Representation, understand: Callable[[str], Reference]) -> None:
        self.layout = layout
        self.represent = represent
        self.understand = understand

    def handlers(self, elements: tuple[Element, ...], path: str) -> Handlers:
        """Return JSON name -> handler for the parts of an element."""
        made: Handlers = {}
        extensions: list[tuple[Extension, str]] = []
        for element in elements:
            steps = f"{path}.{element.name}" if path else element.name
            if isinstance(element, Extension):
                extensions.append((element, steps))
            elif isinstance(element, Choice):
                made |= {child.name: self.handler(child, place) for place, child in variants(element, steps)}
            elif not isinstance(element, Computed):
                made[element.name] = self.handler(element, steps)
        if extensions:
            made["extension"] = self.extension_handler(extensions)
        return made

    def computed(self, elements: tuple[Element, ...]) -> list[Handler]:
        """Return the handlers, given the whole document, of elements that FHIRPath computes."""
        return [
            computed_handler(element, self.single(self.layout.fields[element.name]))
            for element in elements
            if isinstance(element, Computed)
        ]

    def handler(self, element: Element, path: str) -> Handler:
        if isinstance(element, Backbone):
            return self.backbone(element, path)
        single = self.single(self.layout.fields[path])
        text = self.layout.fields.get(f"{path}.text")
        if text is not None:
            single = with_text(single, self.single(text))
        return each(single) if element.repeats else single

    def single(self, field: Field) -> Handler:
        """Return the handler for one value of a field."""
        table = self.layout.table(field.table)
        date_at = table.positions().get("main_date", -1)
        if field.kind == "concept":
            return concept_rows(table.name, folds="folded" in field.columns, dated=date_at >= 0)
        if field.kind == "identifier":
            return identifier_rows(table.name)
        place = spot(field, table, self.represent)
        if field.kind == "reference":
            full = f"{self.layout.type}.{_untyped(field.path)}"
            fill = reference(place, full, self.understand)
        else:
            fill = filler(place)
        if field.parts:
            fill = part_rows(field.parts, fill)
        own_table = table.path == f"{self.layout.type}.{field.path}"
        return child_row(table.name, len(table.columns), date_at, fill) if own_table else fill

    def backbone(self, element: Backbone, path: str) -> Handler:
        parts = self.handlers(element.children, path)
        descend = _descend(parts)
        if not element.repeats:
            return descend
        full = f"{self.layout.type}.{path}"
        table = next((table for table in self.layout.tables if table.path == full), None)
        if table is None:
            return each(descend)
        date_at = table.positions().get("main_date", -1)
        return each(child_row(table.name, len(table.columns), date_at, descend))

    def extension_handler(self, extensions: list[tuple[Extension, str]]) -> Handler:
        by_url = {url: self.extension(extension, path) for extension, path in extensions for url in extension.urls}

        def fill(values: Any, row: Row, identity: Identity, sink: Sink) -> None:
            for ordinal, value in enumerate(values):
                handler = by_url.get(value.get("url"))
                if handler is not None:
                    handler(value, row, (*identity, ordinal), sink)

        return fill

    def extension(self, extension: Extension, path: str) -> Handler:
        descend = _descend({child.name: self.handler(child, steps) for steps, child in variants(extension, path)})
        full = f"{self.layout.type}.{path}"
        table = next((table for table in self.layout.tables if table.path == full), None)
        if table is None:
            return descend
        return child_row(table.name, len(table.columns), table.positions().get("main_date", -1), descend)


def _descend(parts: Handlers) -> Handler:
    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        for name, inner in value.items():
            handler = parts.get(name)
            if handler is not None:
                handler(inner, row, identity, sink)

    return fill


def _untyped(path: str) -> str:
    return ".".join(step.partition(":")[0] for step in path.split("."))
