"""Primitives that are not numbers or dates: booleans, codes, ids, strings, URIs, canonicals.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.datatypes.place import Place, Spot, short
from fhir_server.storage.fold import fold
from fhir_server.storage.layout import Field
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_boolean(place: Place) -> Field:
    """One column."""
    name = place.column("", "boolean", "true or false", plain="value")
    if place.searches:
        place.hot_index(name)
    return place.field("boolean", {"value": name})


def keep_code(place: Place) -> Field:
    """One column; the system is not kept, the element's value set implies it."""
    name = place.column("", "text", "The code; its system is implied by the element's value set", plain="value")
    if place.searches:
        place.hot_index(name)
    return place.field("code", {"value": name})


def keep_string(place: Place) -> Field:
    """One column, and the folded text where a search looks at it."""
    columns = {"value": place.column("", "text", "The text", plain="value")}
    if place.searches:
        columns["folded"] = place.column("folded", "text", "The text without case and accents", use="search")
        place.index(columns["folded"], prefix=True)
    return place.field("string", columns)


def keep_uri(place: Place) -> Field:
    """One column."""
    name = place.column("", "text", "The URI", plain="value")
    if place.searches:
        place.index(name, prefix=True)
    return place.field("uri", {"value": name})


def keep_canonical(place: Place) -> Field:
    """The URL and the version apart."""
    url = place.column("", "text", "The canonical URL without its version", plain="value")
    version = place.column("version", "text", "The version a canonical names behind a vertical bar")
    if place.searches:
        place.index(url, prefix=True)
    return place.field("canonical", {"value": url, "version": version})


def fill_value(place: Spot) -> Handler:
    """Write the value as it is."""
    at = place.at["value"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = value

    return fill


def fill_code(place: Spot) -> Handler:
    """Write a code, an id or a time."""
    at = place.at["value"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = short(value)

    return fill


def fill_string(place: Spot) -> Handler:
    """Write a text, and the same folded."""
    at, folded_at = place.at["value"], place.at.get("folded", -1)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = value
        if folded_at >= 0:
            row[folded_at] = fold(value)

    return fill


def fill_canonical(place: Spot) -> Handler:
    """Write the URL and the version."""
    at, version_at = place.at["value"], place.at["version"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        url, bar, version = value.partition("|")
        row[at] = url
        if bar:
            row[version_at] = version

    return fill
