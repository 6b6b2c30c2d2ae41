"""What a FHIR date, dateTime or instant covers, as a half-open UTC interval of any precision.

https://hl7.org/fhir/R4/datatypes.html#dateTime and https://hl7.org/fhir/R4/search.html#date

    2026               2026-01-01T00:00:00Z    2027-01-01T00:00:00Z
    2026-11-20         2026-11-20T00:00:00Z    2026-11-21T00:00:00Z
    ...T10:15:30.5+01  09:15:30.500000Z        09:15:30.600000Z

A value without time zone is taken as UTC. Intervals are cut at EARLIEST and LATEST.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from fhir_server.errors import Invalid
from fhir_server.storage.columns import EARLIEST, LATEST

Interval = tuple[datetime, datetime]

_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


def interval(text: str) -> Interval:
    """Return the moments a FHIR date, dateTime or instant covers: the first, and the first after it.

    Seconds may be 60 (a leap second, counted as the next minute's first); digits beyond microseconds are cut off;
    a time may leave out its seconds, as search values do. Raises Invalid for a text that is no date.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise Invalid(
            "This is not a date or time FHIR knows, such as 2026-11-20 or 2026-11-20T10:15:00Z.", code="value"
        )
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        if hour is None:
            return _calendar(int(year), _number(month), _number(day))
        start = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=_zone(zone))
    except ValueError as error:
        raise Invalid("This date or time does not exist in the calendar.", code="value") from error
    width = timedelta(minutes=1)
    if second is not None:
        micros = int(((fraction or "") + "000000")[:6])
        width = timedelta(microseconds=10 ** (6 - min(len(fraction), 6))) if fraction else timedelta(seconds=1)
        return _shifted(start, timedelta(seconds=int(second), microseconds=micros), width)
    return _shifted(start, timedelta(0), width)


def _calendar(year: int, month: int | None, day: int | None) -> Interval:
    start = datetime(year, 1 if month is None else month, 1 if day is None else day, tzinfo=UTC)
    if day is not None:
        return _shifted(start, timedelta(0), timedelta(days=1))
    if month is not None and month < 12:
        return _cut(start), start.replace(month=month + 1)
    return _cut(start), (start.replace(year=year + 1, month=1) if year < 9999 else LATEST)


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def _shifted(local: datetime, shift: timedelta, width: timedelta) -> Interval:
    """Return the interval in UTC, cut at both ends of the calendar."""
    offset = local.utcoffset() or timedelta(0)
    naive = local.replace(tzinfo=UTC)
    return _within(naive, shift - offset), _within(naive, shift - offset + width)


def _within(moment: datetime, shift: timedelta) -> datetime:
    try:
        return _cut(moment + shift)
    except OverflowError:
        return EARLIEST if shift < timedelta(0) else LATEST


def _cut(moment: datetime) -> datetime:
    return min(max(moment, EARLIEST), LATEST)
