"""Date, DateTime and Time of any precision, compared and moved the way FHIRPath says.

https://hl7.org/fhirpath/N1/#datetime-arithmetic
"""

from __future__ import annotations

import calendar
import datetime
import re
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["Date", "DateTime", "Time"]

_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
    r"(T(?:(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:\d\d)?)?)?",
    re.ASCII,
)
_TIME = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?", re.ASCII)
_MAX_LENGTH = 64
_HOUR, _DAY = 3600, 86400
# The widest offsets in use: an unzoned time can stand for any of them.
_EARLIEST, _LATEST = 14 * _HOUR, 12 * _HOUR


class Temporal:
    """A moment or time of day, as precise as it was written.

    kind    "Date", "DateTime" or "Time"
    parts   (year, month, day, hour, minute, second), or the last three of them for a Time; only those that were
            written. The second is a Decimal and holds the fraction: seconds and milliseconds are one precision.
    offset  minutes east of UTC, None where no zone was written
    text    as FHIR writes it
    """

    __slots__ = ("kind", "offset", "parts", "text")

    def __init__(self, kind: Kind, parts: tuple[int | Decimal, ...], offset: int | None, text: str) -> None:
        self.kind = kind
        self.parts = parts
        self.offset = offset
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{self.kind}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temporal) and self.kind == other.kind and self.text == other.text

    def __hash__(self) -> int:
        return hash((self.kind, self.text))

    @property
    def zoned(self) -> bool:
        """Whether a zone was written."""
        return self.offset is not None

    def key(self) -> tuple[object, ...]:
        """Return a hashable value that is the same for moments that are equal."""
        parts = _zoned_parts(self) if self.zoned else self.parts
        return (self.kind == "Time", self.zoned, len(self.parts), parts)


@lru_cache(maxsize=4096)
def parse_moment(text: str, kind: Kind) -> Temporal | None:
    """Return the Date or DateTime written in `text`, or None where it is neither or no day of the calendar.

    A trailing "T" (FHIRPath's mark of a DateTime that stops at the day) is allowed for a DateTime and not kept.
    """
    match = _MOMENT.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None or (match.group(4) and kind == "Date"):
        return None
    year, month, day, _, hour, minute, second, zone = match.groups()
    written = [x for x in (year, month, day, hour, minute) if x is not None]
    if hour is not None and day is None:
        return None
    parts: list[int | Decimal] = [int(x) for x in written]
    if second is not None:
        parts.append(Decimal(second))
    if not _on_calendar(parts[:3]) or not _on_clock(parts[3:]):
        return None
    offset = None if zone is None else _offset(zone)
    if zone is not None and offset is None:
        return None
    return Temporal(kind, tuple(parts), offset, text.removesuffix("T"))


@lru_cache(maxsize=1024)
def parse_time(text: str) -> Temporal | None:
    """Return the Time written in `text` (without "T"), or None."""
    match = _TIME.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    hour, minute, second = match.groups()
    parts: list[int | Decimal] = [int(x) for x in (hour, minute) if x is not None]
    if second is not None:
        parts.append(Decimal(second))
    return Temporal("Time", tuple(parts), None, text) if _on_clock(parts) else None


def from_datetime(moment: datetime.datetime) -> Temporal:
    """Return the DateTime of an aware datetime, to the millisecond."""
    text = moment.isoformat(timespec="milliseconds")
    parsed = parse_moment(text.replace("+00:00", "Z"), "DateTime")
    if parsed is None:
        raise ValueError("a moment with a zone of whole minutes is needed")
    return parsed


def _on_calendar(parts: list[int | Decimal]) -> bool:
    year, month, day = (*(int(x) for x in parts), 1, 1)[:3]
    return 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _on_clock(parts: list[int | Decimal]) -> bool:
    # A leap second (60) is allowed by FHIR.
    return all(0 <= part < limit for part, limit in zip(parts, (24, 60, 61), strict=False))


def _offset(zone: str) -> int | None:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _seconds_of_day(parts: tuple[int | Decimal, ...]) -> Decimal:
    hour, minute, second = (*parts, 0, 0, 0)[:3]
    return Decimal(hour * _HOUR + minute * 60) + second


def _zoned_parts(moment: Temporal) -> tuple[int | Decimal, ...]:
    """Return day number and second of that day in UTC, so that tuples compare."""
    year, month, day = (int(x) for x in moment.parts[:3])
    seconds = _seconds_of_day(moment.parts[3:]) - (moment.offset or 0) * 60
    days = int((seconds / _DAY).to_integral_value(ROUND_FLOOR))
    return (datetime.date(year, month, day).toordinal() + days, seconds - days * _DAY)


def _span(moment: Temporal) -> tuple[Decimal, Decimal]:
    """Return the first and the last second (exclusive) since year 1 that a Date or DateTime can stand for."""
    parts = [int(x) for x in moment.parts[:3]]
    year, month, day = (*parts, 1, 1)[:3]
    start = Decimal(datetime.date(year, month, day).toordinal() * _DAY) + _seconds_of_day(moment.parts[3:])
    days = {1: 366 if calendar.isleap(year) else 365, 2: calendar.monthrange(year, month)[1]}
    lengths = {3: _DAY, 4: _HOUR, 5: 60, 6: 0}
    precision = len(moment.parts)
    end = start + (days[precision] * _DAY if precision in days else lengths[precision])
    if moment.offset is None:
        return start - _EARLIEST, end + _LATEST
    return start - moment.offset * 60, end - moment.offset * 60


def compare(left: Temporal, right: Temporal) -> int | None:
    """Return -1, 0 or 1, or None where the precisions or the missing zone of one leave it open.

    Raises TypeError for a Time against a Date or DateTime.
    """
    if (left.kind == "Time") != (right.kind == "Time"):
        raise TypeError
    if left.zoned != right.zoned:
        return _compare_spans(left, right)
    if left.zoned:
        return _compare_zoned(left, right)
    return _compare_parts(left.parts, right.parts)


def _compare_spans(left: Temporal, right: Temporal) -> int | None:
    (left_low, left_high), (right_low, right_high) = _span(left), _span(right)
    if left_high < right_low:
        return -1
    return 1 if right_high < left_low else None


def _compare_zoned(left: Temporal, right: Temporal) -> int | None:
    if left.offset == right.offset:
        return _compare_parts(left.parts, right.parts)
    if len(left.parts) == len(right.parts):
        return _compare_parts(_zoned_parts(left), _zoned_parts(right))
    return _compare_spans(left, right)


def _compare_parts(left: tuple[int | Decimal, ...], right: tuple[int | Decimal, ...]) -> int | None:
    for one, other in zip(left, right, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left) == len(right) else None
