"""Dates, times, periods and schedules: half-open UTC intervals.

https://hl7.org/fhir/R4/search.html#date
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.mappings.datatypes import Instant
from fhir_server.storage.datatypes.place import Place, Spot
from fhir_server.storage.layout import Field
from fhir_server.storage.representation import Representation, Span
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_moment(place: Place) -> Field:
    """A date, dateTime or instant: the moment, and the moment after it."""
    columns = {
        "start": place.column("", "instant", "First moment it covers (UTC)", plain="value"),
        "end": place.column("until", "instant", "First moment after it (UTC)", use="search"),
    }
    if place.searches:
        # Its end needs no index: it lies a year behind the start at most, and the search says so.
        place.index(columns["start"])
    return place.field("moment", columns)


def keep_interval(place: Place) -> Field:
    """A Period or Timing."""
    columns = interval_columns(place)
    serve_date(place, columns)
    return place.field("interval", columns)


def interval_columns(place: Place) -> dict[str, str]:
    """Add the two columns of an interval."""
    first, after = "First moment (UTC); year 1 when open", "First moment after it (UTC); year 9999 when open"
    return {
        "start": place.column("start", "instant", first, plain="start_time", use="start"),
        "end": place.column("end", "instant", after, plain="end_time", use="end"),
    }


def serve_date(place: Place, columns: dict[str, str]) -> None:
    """Index an interval that may be long, or open, from both ends."""
    if not place.searches:
        return
    place.index(columns["start"])
    if not isinstance(place.element, Instant):
        place.index(columns["end"])


def fill_moment(place: Spot) -> Handler:
    """Write a date, dateTime or instant."""
    start_at, end_at, span = place.at["start"], place.at["end"], place.represent.span

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[start_at], row[end_at] = span(value)

    return fill


def fill_interval(place: Spot) -> Handler:
    """Write anything date-like; nothing when it names no moment."""
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
        return outer_limits(value)

    def outer_limits(timing: Any) -> Span | None:
        spans = [represent.span(event) for event in timing.get("event", ()) if event]
        bounds = timing.get("repeat", {}).get("boundsPeriod")
        limits = read(bounds) if bounds else None
        if limits is not None:
            spans.append(limits)
        return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None

    return read
