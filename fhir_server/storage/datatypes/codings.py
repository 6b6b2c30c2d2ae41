"""Coding and CodeableConcept: system, code, and the words that go with them.

https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fhir_server.storage.datatypes.place import Place, Spot, folded, short
from fhir_server.storage.layout import Field
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_coding(place: Place) -> Field:
    """Columns in place, or a row each when it repeats."""
    return place.field("coding", _columns(place))


def keep_concept(place: Place) -> Field:
    """A row per coding in a table of its own; where no search looks and it does not repeat, the first one in place."""
    if not place.base:
        return place.field("concept", {**_columns(place), "coding": "coding"})
    columns = {
        "system": place.column("system", "text", "System of the first coding"),
        "code": place.column("code", "text", "Code of the first coding"),
        "text": place.column("text", "text", "Text of the concept, else display of the first coding"),
    }
    return place.field("first_coding", columns)


def _columns(place: Place) -> dict[str, str]:
    columns = {
        "system": place.column("system", "text", "Coding.system"),
        "code": place.column("code", "text", "Coding.code"),
        "display": place.column("display", "text", "Coding.display"),
    }
    if place.searches:
        meaning = "The display without case and accents, for :text"
        columns["folded"] = place.column("display_folded", "text", meaning, use="search")
        place.hot_index(columns["code"], after=(columns["system"],))
    return columns


def fill_coding(place: Spot) -> Handler:
    """Write one coding into its row."""
    system_at, code_at, display_at = place.at["system"], place.at["code"], place.at["display"]
    folded_at = place.at.get("folded", -1)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[system_at] = short(value.get("system"))
        row[code_at] = short(value.get("code"))
        display = value.get("display")
        if display:
            row[display_at] = display
            if folded_at >= 0:
                row[folded_at] = folded(display)

    return fill


def fill_first_coding(place: Spot) -> Handler:
    """Write the first coding of a concept into its row."""
    system_at, code_at, text_at = place.at["system"], place.at["code"], place.at["text"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        codings = value.get("coding")
        coding = codings[0] if codings else {}
        row[system_at] = short(coding.get("system"))
        row[code_at] = short(coding.get("code"))
        row[text_at] = value.get("text") or coding.get("display")

    return fill


_Said = tuple[str | None, str | None, str | None, str | None]


@lru_cache(maxsize=16384)
def _searchable(system: str | None, code: str | None, display: str | None) -> _Said:
    return short(system), short(code), display, folded(display) if display else None


@lru_cache(maxsize=16384)
def _readable(system: str | None, code: str | None, display: str | None) -> tuple[str | None, ...]:
    return short(system), short(code), display


def concept_rows(place: Spot) -> Handler:
    """Make one row per coding of a concept, and one for a text that no display gives."""
    table, dated = place.table.name, place.date_at >= 0
    said = _searchable if "folded" in place.at else _readable

    def fill(concept: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        text, position = concept.get("text"), 0
        tail = (sink.date,) if dated else ()
        for coding in concept.get("coding", ()):
            display = coding.get("display")
            row = (*identity, position, *said(coding.get("system"), coding.get("code"), display), *tail)
            sink.add(table, row)
            position += 1
            if display == text:
                text = None
        if text:
            sink.add(table, (*identity, position, *said(None, None, text), *tail))

    return fill
