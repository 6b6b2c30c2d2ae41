"""Writes the JSON value of each datatype into the columns of a row: one closure per element, compiled once.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from fhir_server.storage.fold import LONGEST_TOKEN, fold, fold_phone, token_text
from fhir_server.storage.layout import Field, FieldKind, Table
from fhir_server.storage.representation import Representation, Span, exact
from fhir_server.storage.sink import Handler, Identity, Row, Sink

folded = lru_cache(maxsize=8192)(fold)
"""`fold` for texts that repeat: displays and units, not names."""

_INFINITY = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Spot:
    """A field in its table, ready to be filled.

    at     role -> position in the row
    width  number of columns of the table
    """

    field: Field
    at: dict[str, int]
    width: int
    represent: Representation


def spot(field: Field, table: Table, represent: Representation) -> Spot:
    """Return the spot of a field in its table."""
    positions = table.positions()
    at = {role: positions[name] for role, name in field.columns.items()}
    return Spot(field, at, len(positions), represent)


def short(text: str | None) -> str | None:
    """Return a token as its column holds it."""
    return text if text is None or len(text) <= LONGEST_TOKEN else token_text(text)


def _same(place: Spot) -> Handler:
    return _converted(place, lambda value: value)


def _converted(place: Spot, convert: Callable[[Any], Any]) -> Handler:
    at = place.at["value"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = convert(value)

    return fill


def _string(place: Spot) -> Handler:
    at, folded_at = place.at["value"], place.at.get("folded", -1)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = value
        if folded_at >= 0:
            row[folded_at] = fold(value)

    return fill


def _canonical(place: Spot) -> Handler:
    at, version_at = place.at["value"], place.at["version"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        url, bar, version = value.partition("|")
        row[at] = url
        if bar:
            row[version_at] = version

    return fill


def _number(place: Spot) -> Handler:
    at, low_at, high_at = place.at["value"], place.at.get("low", -1), place.at.get("high", -1)
    bound = place.represent.bound
    readable = place.represent.decimal if place.field.kind == "decimal" else lambda value: value

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = readable(value)
        if low_at >= 0:
            row[low_at] = row[high_at] = bound(exact(value))

    return fill


def _moment(place: Spot) -> Handler:
    start_at, end_at, span = place.at["start"], place.at["end"], place.represent.span

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[start_at], row[end_at] = span(value)

    return fill


def _interval(place: Spot) -> Handler:
    start_at, end_at = place.at["start"], place.at["end"]
    read = span_reader(place.represent)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        found = read(value)
        if found is not None:
            row[start_at], row[end_at] = found

    return fill


def span_reader(represent: Representation) -> Callable[[Any], Span | None]:
    """Return a function: JSON of a date, dateTime, instant, Period or Timing -> interval, None without any moment."""

    def read(value: Any) -> Span | None:
        if isinstance(value, str):
            return represent.span(value)
        if "start" in value or "end" in value:
            start, end = value.get("start"), value.get("end")
            first = represent.span(start)[0] if start else represent.earliest
            return first, represent.span(end)[1] if end else represent.latest
        return _outer_limits(value)

    def _outer_limits(timing: Any) -> Span | None:
        spans = [represent.span(event) for event in timing.get("event", ()) if event]
        bounds = timing.get("repeat", {}).get("boundsPeriod")
        limits = read(bounds) if bounds else None
        if limits is not None:
            spans.append(limits)
        return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None

    return read


def _coding(place: Spot) -> Handler:
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


def _first_coding(place: Spot) -> Handler:
    system_at, code_at, text_at = place.at["system"], place.at["code"], place.at["text"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        codings = value.get("coding")
        coding = codings[0] if codings else {}
        row[system_at] = short(coding.get("system"))
        row[code_at] = short(coding.get("code"))
        row[text_at] = value.get("text") or coding.get("display")

    return fill


def _first_identifier(place: Spot) -> Handler:
    system_at, value_at = place.at["system"], place.at["value"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[system_at] = short(value.get("system"))
        row[value_at] = short(value.get("value"))

    return fill


_DIALLED = frozenset({"phone", "fax", "pager", "sms"})


def _contact(place: Spot) -> Handler:
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


_LISTS = (("given", " "), ("prefix", " "), ("suffix", " "), ("line", ", "))
_PLAIN = (
    ("use", "use"),
    ("text", "text"),
    ("family", "family"),
    ("city", "city"),
    ("district", "district"),
    ("state", "state"),
    ("postal_code", "postalCode"),
    ("country", "country"),
)


def _of_parts(place: Spot) -> Handler:
    plain = [(place.at[role], key) for role, key in _PLAIN if role in place.at]
    lists = [(place.at[role], role, glue) for role, glue in _LISTS if role in place.at]
    start_at, end_at = place.at.get("start", -1), place.at.get("end", -1)
    read = span_reader(place.represent)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        for at, key in plain:
            row[at] = value.get(key)
        for at, key, glue in lists:
            texts = value.get(key)
            if texts:
                row[at] = glue.join(text for text in texts if text)
        if start_at >= 0 and "period" in value:
            row[start_at], row[end_at] = read(value["period"]) or (None, None)

    return fill


def _quantity(place: Spot) -> Handler:
    at = place.at
    value_at, low_at = at["value"], at.get("low", -1)
    texts = [(at[role], role) for role in ("unit", "system", "code", "comparator")]
    readable, set_bounds = place.represent.decimal, _bounds(place)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        number = value.get("value")
        for position, role in texts:
            row[position] = short(value.get(role))
        if number is None:
            return
        row[value_at] = readable(number)
        if low_at >= 0:
            amount, comparator = exact(number), value.get("comparator", "")
            set_bounds(row, -_INFINITY if "<" in comparator else amount, _INFINITY if ">" in comparator else amount)

    return fill


def _bounds(place: Spot) -> Callable[[Row, Decimal, Decimal], None]:
    low_at, high_at, bound = place.at.get("low", -1), place.at.get("high", -1), place.represent.bound

    def fill(row: Row, low: Decimal, high: Decimal) -> None:
        row[low_at] = made = bound(low)
        row[high_at] = made if high is low else bound(high)

    return fill


def _money(place: Spot) -> Handler:
    value_at, code_at, low_at = place.at["value"], place.at["code"], place.at.get("low", -1)
    readable, set_bounds = place.represent.decimal, _bounds(place)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[code_at] = value.get("currency")
        number = value.get("value")
        if number is not None:
            row[value_at] = readable(number)
            if low_at >= 0:
                amount = exact(number)
                set_bounds(row, amount, amount)

    return fill


def _range(place: Spot) -> Handler:
    set_units, set_bounds = _units(place), _bounds(place)
    searched = "canonical_low" in place.at
    readable, low_at, high_at = place.represent.decimal, place.at["low"], place.at["high"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        low, high = value.get("low", {}), value.get("high", {})
        set_units(row, low if "value" in low else high)
        bottom, top = low.get("value"), high.get("value")
        if searched:
            if bottom is not None or top is not None:
                set_bounds(
                    row, -_INFINITY if bottom is None else exact(bottom), _INFINITY if top is None else exact(top)
                )
        else:
            row[low_at] = bottom if bottom is None else readable(bottom)
            row[high_at] = top if top is None else readable(top)

    return fill


def _units(place: Spot) -> Callable[[Row, Any], None]:
    texts = [(place.at[role], role) for role in ("unit", "system", "code")]

    def fill(row: Row, quantity: Any) -> None:
        for position, role in texts:
            row[position] = short(quantity.get(role))

    return fill


def _sampled(place: Spot) -> Handler:
    set_units, set_bounds = _units(place), _bounds(place)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        set_units(row, value.get("origin", {}))
        limits = sampled_bounds(value)
        if limits is not None:
            set_bounds(row, *limits)

    return fill


def sampled_bounds(value: Any) -> tuple[Decimal, Decimal] | None:
    """Return the least and the greatest value of a SampledData, None when it holds no number.

    https://hl7.org/fhir/R4/datatypes.html#SampledData: value = origin + factor * number; "L" and "U" stand below the
    lower and above the upper limit, "E" is no value.
    """
    origin = exact(value.get("origin", {}).get("value", 0))
    factor = exact(value.get("factor", 1))
    found: list[Decimal] = []
    for word in str(value.get("data", "")).split():
        if word in ("L", "U"):
            limit = value.get("lowerLimit" if word == "L" else "upperLimit")
            found.append(exact(limit) if limit is not None else (-_INFINITY if word == "L" else _INFINITY))
        elif word != "E":
            try:
                found.append(exact(origin + factor * exact(Decimal(word))))
            except InvalidOperation:
                continue
    return (min(found), max(found)) if found else None


def _position(place: Spot) -> Handler:
    latitude_at, longitude_at = place.at["latitude"], place.at["longitude"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        latitude, longitude = value.get("latitude"), value.get("longitude")
        row[latitude_at] = None if latitude is None else float(latitude)
        row[longitude_at] = None if longitude is None else float(longitude)

    return fill


_FILLERS: dict[FieldKind, Callable[[Spot], Handler]] = {
    "boolean": _same,
    "code": lambda place: _converted(place, short),
    "string": _string,
    "uri": _same,
    "canonical": _canonical,
    "integer": _number,
    "decimal": _number,
    "moment": _moment,
    "interval": _interval,
    "coding": _coding,
    "first_coding": _first_coding,
    "first_identifier": _first_identifier,
    "contact": _contact,
    "name": _of_parts,
    "short_name": _of_parts,
    "address": _of_parts,
    "short_address": _of_parts,
    "quantity": _quantity,
    "money": _money,
    "range": _range,
    "sampled": _sampled,
    "position": _position,
}


def filler(place: Spot) -> Handler:
    """Return the closure that writes one value of the field into a row of its table.

    Concepts, identifiers and references make rows of their own or need the sink: see rows.py.
    """
    return _FILLERS[place.field.kind](place)
