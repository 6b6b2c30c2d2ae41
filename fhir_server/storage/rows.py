"""Makes handlers for lists and child tables out of the handlers of single values.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.layout import Table
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def each(handler: Handler) -> Handler:
    """Return a handler for a list: every value that is not null, its position added to the identity."""

    def fill(values: Any, row: Row, identity: Identity, sink: Sink) -> None:
        for ordinal, value in enumerate(values):
            if value is not None:
                handler(value, row, (*identity, ordinal), sink)

    return fill


def child_row(table: Table, filler: Handler) -> Handler:
    """Return a handler that makes one row of a child table and lets `filler` write into it."""
    name, width = table.name, len(table.columns)
    date_at = table.positions().get("main_date", -1)

    def fill(value: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        blank: Row = [*identity, *(None,) * (width - len(identity))]
        if date_at >= 0:
            blank[date_at] = sink.date
        filler(value, blank, identity, sink)
        sink.add(name, tuple(blank))

    return fill


def members(parts: dict[str, Handler]) -> Handler:
    """Return a handler for an object: each property that has a handler."""

    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        for name, inner in value.items():
            handler = parts.get(name)
            if handler is not None:
                handler(inner, row, identity, sink)

    return fill


def by_url(extensions: dict[str, Handler]) -> Handler:
    """Return a handler for a list of extensions: each whose URL has a handler."""

    def fill(values: Any, row: Row, identity: Identity, sink: Sink) -> None:
        for ordinal, value in enumerate(values):
            handler = extensions.get(value.get("url"))
            if handler is not None:
                handler(value, row, (*identity, ordinal), sink)

    return fill


def with_text(rows: Handler, text: Handler) -> Handler:
    """Return a handler that makes the rows of a concept and writes its text into the row above."""

    def fill(concept: Any, row: Row, identity: Identity, sink: Sink) -> None:
        rows(concept, row, identity, sink)
        if concept.get("text"):
            text(concept["text"], row, identity, sink)

    return fill
