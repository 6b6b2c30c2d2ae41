"""Projects a document onto the rows of its tables, with closures compiled once per type.

https://hl7.org/fhir/R4/search.html

    projector = Projector(build_schema(mappings, "postgresql"))
    wanted = projector.references("Observation", document)            # [("Patient", "1"), ...], to be looked up
    rows = projector.rows("Observation", 17, document, keys.get)      # {"observation": [(17, ...)], ...}

The rows are a pure function of the document and of the keys `resolve` gives. Tuples stand in column order and hold
what the database takes in COPY (text format) or executemany.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from fhir_server.storage.common import CONTAINED, LOOSE_REFERENCE, META_PROFILE, META_SECURITY, META_SOURCE, META_TAG
from fhir_server.storage.compiler import Compiler, Failed
from fhir_server.storage.datatypes.place import folded, short
from fhir_server.storage.references import Reference, classify
from fhir_server.storage.representation import representation
from fhir_server.storage.schema import Schema
from fhir_server.storage.sink import Resolve, Row, Sink

Document = dict[str, Any]
Rows = dict[str, list[tuple[Any, ...]]]


def _ignored(resource_type: str, name: str) -> None:
    """Do nothing: the value is missing, as it is documented."""


class Projector:
    """Makes the rows of documents; one instance serves a process, from any thread."""

    def __init__(
        self,
        schema: Schema,
        base_url: str = "",
        failed: Failed = _ignored,
        understand: Callable[[str, str], Reference] = classify,
    ) -> None:
        """Prepare for `schema`; `base_url` (without a slash at the end) makes absolute references our own.

        failed      called with (type, name of the element) when the expression of a custom parameter fails on a
                    document
        understand  tells what the text of a reference means, given the base URL too
        """
        self.schema = schema
        self._failed = failed
        self._represent = representation(schema.dialect_name)
        self._classify: Callable[[str], Reference] = lru_cache(maxsize=8192)(lambda text: understand(text, base_url))
        self._compiled: dict[str, Callable[[int, Document, Resolve], Rows]] = {}

    def rows(self, resource_type: str, key: int, document: Document, resolve: Resolve) -> Rows:
        """Return table -> rows for one document; the main table always has one.

        resolve(type, id) gives the key of a resource of this server, None when there is none. Raises Invalid for a
        date that does not exist, KeyError for a type without mapping.
        """
        project = self._compiled.get(resource_type)
        if project is None:
            compiler = Compiler(
                self.schema.mappings[resource_type],
                self.schema.layout(resource_type),
                self._represent,
                self._classify,
                self._failed,
            )
            project = self._compiled[resource_type] = _compiled(compiler)
        return project(key, document, resolve)

    def references(self, resource_type: str, document: Document) -> list[tuple[str, str]]:
        """Return (type, id) of every resource of this server whose key `rows` will ask for, each once."""
        wanted: dict[tuple[str, str], None] = {}

        def note(target_type: str, target_id: str) -> None:
            wanted[target_type, target_id] = None

        self.rows(resource_type, 0, document, note)
        return list(wanted)

    def extended(self, schema: Schema, changed: Collection[str], failed: Failed = _ignored) -> Projector:
        """Return a projector for `schema`, which differs from the own one in the types `changed` alone."""
        made = Projector(schema, failed=failed)
        made._classify = self._classify
        made._compiled = {name: project for name, project in self._compiled.items() if name not in changed}
        return made

    def comparable(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row read from the database in the form `rows` gives it, to compare the two."""
        return self._represent.comparable(row)


def _compiled(compiler: Compiler) -> Callable[[int, Document, Resolve], Rows]:
    """Return the function that projects documents of one type."""
    main = compiler.layout.tables[0].name
    blank: Row = [None] * len(compiler.layout.tables[0].columns)
    handlers, computed, dates = compiler.handlers(), compiler.computed(), compiler.dates()
    resource_type, handler_of = compiler.layout.type, handlers.get

    def project(key: int, document: Document, resolve: Resolve) -> Rows:
        sink = Sink(key, document, resolve)
        row = blank[:]
        row[0] = key
        for name, read in dates:
            value = document.get(name)
            if value is not None:
                span = read(value)
                sink.date = span[0] if span else None
                break
        identity = (key,)
        for name, value in document.items():
            handler = handler_of(name)
            if handler is not None:
                handler(value, row, identity, sink)
        for evaluate in computed:
            evaluate(document, row, identity, sink)
        rows = sink.rows
        rows[main] = [tuple(row)]
        if "meta" in document:
            _meta(resource_type, document["meta"], sink)
        if "contained" in document:
            rows[CONTAINED] = contained_rows(resource_type, key, document)
        if sink.loose:
            rows[LOOSE_REFERENCE] = sink.loose
        return rows

    return project


def contained_rows(resource_type: str, key: int, document: Document) -> list[tuple[Any, ...]]:
    """Return the rows of the table `contained` for a document that contains resources."""
    return [
        (key, position, resource_type, inner["resourceType"], inner.get("id"))
        for position, inner in enumerate(document["contained"])
    ]


def _meta(resource_type: str, meta: Document, sink: Sink) -> None:
    if "profile" in meta:
        for ordinal, canonical in enumerate(meta["profile"]):
            if canonical:
                url, bar, version = canonical.partition("|")
                sink.add(META_PROFILE, (sink.key, ordinal, resource_type, url, version if bar else None))
    if "tag" in meta:
        _labels(META_TAG, resource_type, meta["tag"], sink)
    if "security" in meta:
        _labels(META_SECURITY, resource_type, meta["security"], sink)
    if meta.get("source"):
        sink.add(META_SOURCE, (sink.key, resource_type, meta["source"]))


def _labels(table: str, resource_type: str, codings: list[Document], sink: Sink) -> None:
    for ordinal, coding in enumerate(codings):
        display = coding.get("display")
        code = (short(coding.get("system")), short(coding.get("code")))
        sink.add(table, (sink.key, ordinal, resource_type, *code, display, folded(display) if display else None))
