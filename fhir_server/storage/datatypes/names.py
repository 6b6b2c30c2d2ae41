"""HumanName and Address: a row for people, and a row per part for search.

https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.datatypes.moments import span_reader
from fhir_server.storage.datatypes.place import Place, Spot
from fhir_server.storage.draft import Draft
from fhir_server.storage.fold import fold
from fhir_server.storage.layout import Field, FieldKind
from fhir_server.storage.sink import Handler, Identity, Row, Sink

_NAME = (
    ("use", "usual, official, temp, nickname, anonymous, old or maiden"),
    ("text", "The whole name as text"),
    ("family", "Family name"),
    ("given", "Given names, joined by blanks"),
    ("prefix", "Prefixes, joined by blanks"),
    ("suffix", "Suffixes, joined by blanks"),
)
_ADDRESS = (
    ("use", "home, work, temp, old or billing"),
    ("text", "The whole address as text"),
    ("line", "Street lines, joined by commas"),
    ("city", "City"),
    ("district", "District or county"),
    ("state", "State"),
    ("postal_code", "Postal code"),
    ("country", "Country"),
)


def keep_name(place: Place) -> Field:
    """A row each in a table of its own; in place where no search looks and it does not repeat."""
    return _keep(place, "short_name" if place.base else "name", _NAME)


def keep_address(place: Place) -> Field:
    """A row each in a table of its own; in place where no search looks and it does not repeat."""
    return _keep(place, "short_address" if place.base else "address", _ADDRESS)


def _keep(place: Place, kind: FieldKind, parts: tuple[tuple[str, str], ...]) -> Field:
    columns = {role: place.column(role, "text", meaning) for role, meaning in parts}
    if not place.base:
        columns["start"] = place.column("period_start", "instant", "First moment of its use (UTC)", use="start")
        columns["end"] = place.column("period_end", "instant", "First moment after its use (UTC)", use="end")
    if ("token", "use") in place.searches:
        place.index(columns["use"])
    return place.field(kind, columns)


def keep_parts(draft: Draft, path: str) -> None:
    """Fill the table of searchable parts that belongs to names or addresses."""
    full = f"{draft.path.partition('.')[0]}.{path}"
    draft.add("part", "text", "", "Which part: family, given, text, city, postal_code ...")
    draft.add("value", "text", full, "The part")
    draft.add("folded", "text", full, "The part without case and accents", "search")
    draft.index("folded", "part", "key", prefix=True)


_TEXTS = (
    ("use", "use"),
    ("text", "text"),
    ("family", "family"),
    ("city", "city"),
    ("district", "district"),
    ("state", "state"),
    ("postal_code", "postalCode"),
    ("country", "country"),
)
_LISTS = (("given", " "), ("prefix", " "), ("suffix", " "), ("line", ", "))


def fill_parts(place: Spot) -> Handler:
    """Write a name or address into its row."""
    texts = [(place.at[role], key) for role, key in _TEXTS if role in place.at]
    lists = [(place.at[role], role, glue) for role, glue in _LISTS if role in place.at]
    start_at, end_at = place.at.get("start", -1), place.at.get("end", -1)
    read = span_reader(place.represent)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        for at, key in texts:
            row[at] = value.get(key)
        for at, key, glue in lists:
            found = value.get(key)
            if found:
                row[at] = glue.join(text for text in found if text)
        if start_at >= 0 and "period" in value:
            row[start_at], row[end_at] = read(value["period"]) or (None, None)

    return fill


_TEXT_PARTS = tuple((key, role) for role, key in _TEXTS if key != "use")
_LIST_PARTS = tuple(role for role, _ in _LISTS)


def with_parts(table: str, filler: Handler) -> Handler:
    """Return a handler that runs `filler` and makes one row for each searchable part of a name or address."""

    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        filler(value, row, identity, sink)
        parts = [(role, value[key]) for key, role in _TEXT_PARTS if value.get(key)]
        parts += [(key, text) for key in _LIST_PARTS for text in value.get(key, ()) if text]
        for position, (role, text) in enumerate(parts):
            sink.add(table, (*identity, position, role, text, fold(text)))

    return fill
