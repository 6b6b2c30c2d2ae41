"""Identifier and ContactPoint: what a person or thing is known by.

https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.datatypes.place import Place, Spot, folded, short
from fhir_server.storage.fold import fold, fold_phone
from fhir_server.storage.layout import Field
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_identifier(place: Place) -> Field:
    """A row each in a table of its own; where no search looks and it does not repeat, system and value in place."""
    system = place.column("system", "text", "Identifier.system")
    value = place.column("value", "text", "Identifier.value")
    if place.base:
        return place.field("first_identifier", {"system": system, "value": value})
    folds = "type_text without case and accents, for :text"
    columns = {
        "system": system,
        "value": value,
        "use": place.column("use", "text", "Identifier.use"),
        "type_system": place.column("type_system", "text", "System of a coding of Identifier.type"),
        "type_code": place.column("type_code", "text", "Code of a coding of Identifier.type"),
        "type_text": place.column("type_text", "text", "Identifier.type.text, else the coding's display"),
        "folded": place.column("type_text_folded", "text", folds, use="search"),
    }
    place.index(value, system)
    return place.field("identifier", {**columns, "coding": "coding"})


def fill_first_identifier(place: Spot) -> Handler:
    """Write system and value into the row."""
    system_at, value_at = place.at["system"], place.at["value"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[system_at] = short(value.get("system"))
        row[value_at] = short(value.get("value"))

    return fill


def identifier_rows(place: Spot) -> Handler:
    """Make one row per identifier, or one per coding of its type when that has several."""
    table = place.table.name

    def fill(identifier: Any, _row: Row, identity: Identity, sink: Sink) -> None:
        own = (short(identifier.get("system")), short(identifier.get("value")), identifier.get("use"))
        kind = identifier.get("type")
        if kind is None:
            sink.add(table, (*identity, 0, *own, None, None, None, None))
            return
        for position, coding in enumerate(kind.get("coding") or ({},)):
            text = kind.get("text") or coding.get("display")
            code = (short(coding.get("system")), short(coding.get("code")))
            sink.add(table, (*identity, position, *own, *code, text, folded(text) if text else None))

    return fill


def keep_contact(place: Place) -> Field:
    """A row each in a table of its own when it repeats."""
    folds = "Digits of a number; else the value without case and accents"
    columns = {
        "system": place.column("system", "text", "phone, fax, email, pager, url, sms or other"),
        "value": place.column("value", "text", "The number or address"),
        "folded": place.column("value_folded", "text", folds, use="search"),
        "use": place.column("use", "text", "home, work, temp, old or mobile"),
    }
    if not place.base:
        columns["rank"] = place.column("rank", "integer", "Preferred order of use, 1 first")
        place.index(columns["value"], columns["system"])
        place.index(columns["folded"], columns["system"])
    return place.field("contact", columns)


_DIALLED = frozenset({"phone", "fax", "pager", "sms"})


def fill_contact(place: Spot) -> Handler:
    """Write a contact into its row."""
    at = place.at
    rank_at = at.get("rank", -1)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        system, text = value.get("system"), value.get("value")
        row[at["system"]] = system
        row[at["use"]] = value.get("use")
        if text:
            row[at["value"]] = short(text)
            row[at["folded"]] = short(fold_phone(text) if system in _DIALLED else fold(text))
        if rank_at >= 0:
            row[rank_at] = value.get("rank")

    return fill
