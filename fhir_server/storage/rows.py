"""Makes the rows of child tables, and finds the keys that references stand for.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.definitions import load
from fhir_server.storage.extract import Spot, folded, short
from fhir_server.storage.fold import fold
from fhir_server.storage.references import Kind, Reference
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def each(handler: Handler) -> Handler:
    """Return a handler for a list: every value that is not null, its position added to the identity."""

    def fill(values: Any, row: Row, identity: Identity, sink: Sink) -> None:
        for ordinal, value in enumerate(values):
            if value is not None:
                handler(value, row, (*identity, ordinal), sink)

    return fill


def child_row(table: str, width: int, date_at: int, filler: Handler) -> Handler:
    """Return a handler that makes one row of a child table and lets `filler` write into it."""

    def fill(value: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        blank: Row = [*identity, *(None,) * (width - len(identity))]
        if date_at >= 0:
            blank[date_at] = sink.date
        filler(value, blank, identity, sink)
        sink.add(table, tuple(blank))

    return fill


def concept_rows(table: str, *, folds: bool, dated: bool) -> Handler:
    """Return a handler that makes one row per coding of a CodeableConcept, and one for a text that no display gives.

    folds  the table has a column for the display without case and accents
    dated  the table has a copy of the main date
    """

    def fill(concept: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        tail = (sink.date,) if dated else ()
        text, position = concept.get("text"), 0
        for coding in concept.get("coding", ()):
            display = coding.get("display")
            plain = (folded(display) if display else None,) if folds else ()
            values = (short(coding.get("system")), short(coding.get("code")), display, *plain, *tail)
            sink.add(table, (*identity, position, *values))
            position += 1
            if display == text:
                text = None
        if text:
            sink.add(table, (*identity, position, None, None, text, *((folded(text),) if folds else ()), *tail))

    return fill


def with_text(rows: Handler, text: Handler) -> Handler:
    """Return a handler that makes the rows of a concept and writes its text into the row above."""

    def fill(concept: Any, row: Row, identity: Identity, sink: Sink) -> None:
        rows(concept, row, identity, sink)
        if concept.get("text"):
            text(concept["text"], row, identity, sink)

    return fill


def identifier_rows(table: str) -> Handler:
    """Return a handler that makes one row per identifier, or one per coding of its type when that has several."""

    def fill(identifier: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        own = (identifier.get("use"), short(identifier.get("system")), short(identifier.get("value")))
        kind = identifier.get("type")
        if kind is None:
            sink.add(table, (*identity, 0, *own, None, None, None, None))
            return
        for position, coding in enumerate(kind.get("coding") or ({},)):
            text = kind.get("text") or coding.get("display")
            code = (short(coding.get("system")), short(coding.get("code")))
            sink.add(table, (*identity, position, *own, *code, text, folded(text) if text else None))

    return fill


_TEXT_PARTS = ("text", "family", "city", "district", "state", "postalCode", "country")
_LIST_PARTS = ("given", "prefix", "suffix", "line")


def part_rows(table: str, filler: Handler) -> Handler:
    """Return a handler that runs `filler` and makes one row for each searchable part of a name or address."""

    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        filler(value, row, identity, sink)
        parts = [(key, value[key]) for key in _TEXT_PARTS if value.get(key)]
        parts += [(key, text) for key in _LIST_PARTS for text in value.get(key, ()) if text]
        for position, (key, text) in enumerate(parts):
            name = "postal_code" if key == "postalCode" else key
            sink.add(table, (*identity, position, name, text, fold(text)))

    return fill


def reference(place: Spot, full: str, classify: Callable[[str], Reference]) -> Handler:
    """Return a handler that writes the key and type of a Reference; what no key says goes to loose_reference.

    A reference gets a loose row when it has no key here, names a version, or carries an identifier.
    """
    key_at, type_at = place.at["key"], place.at.get("type", -1)

    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        text = value.get("reference")
        target_type, normal, version, key = value.get("type"), text, None, None
        if text:
            meant = classify(text)
            if meant.kind is Kind.LOCAL:
                target_type, version = meant.type, meant.version
                normal = f"{meant.type}/{meant.id}"
                key = sink.resolve(meant.type, meant.id)
                row[key_at] = key
            else:
                target_type = _foreign_type(meant, sink) or target_type
        if type_at >= 0:
            row[type_at] = target_type
        identifier = value.get("identifier")
        if key is None or version is not None or identifier is not None:
            _loose(sink, full, identity, (short(normal), version, target_type, identifier or {}, value.get("display")))

    return fill


def _foreign_type(meant: Reference, sink: Sink) -> str | None:
    """Return the type a reference to something that is not ours points at, where its text tells."""
    if meant.kind is Kind.CONTAINED:
        return sink.contained_type(meant.id)
    if meant.kind is Kind.ABSOLUTE:
        parts = meant.text.partition("/_history/")[0].rsplit("/", 2)
        if len(parts) == 3 and parts[1] in load().resource_type_set:
            return parts[1]
    return None


def _loose(sink: Sink, full: str, identity: Identity, said: tuple[Any, Any, Any, Any, Any]) -> None:
    normal, version, target_type, identifier, display = said
    sink.loose.append(
        (
            sink.key,
            len(sink.loose),
            full,
            identity[1] if len(identity) > 1 else 0,
            normal,
            version,
            target_type,
            short(identifier.get("system")),
            short(identifier.get("value")),
            display,
        )
    )
