"""Adding durations to dates and times.

https://hl7.org/fhirpath/N1/#datetime-arithmetic
"""

from __future__ import annotations

import calendar
import datetime
from decimal import ROUND_DOWN, ROUND_FLOOR, Decimal

from fhir_server.fhirpath.temporal import Kind, Temporal

_DAY = 86400
_SECONDS = {"hour": 3600, "minute": 60}
# One step of each unit in the next coarser one a partial date can hold: 365 days a year, 30 days a month.
_MONTH_DAYS, _YEAR_DAYS, _YEAR_MONTHS = 30, 365, 12
_MAX_AMOUNT = Decimal(10) ** 12
_NANOSECOND = Decimal("1E-9")


def shift(moment: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """Return `moment` moved by `amount` units, at its own precision; None where the result leaves years 1 to 9999.

    unit   year, month, week, day, hour, minute, second or millisecond

    The fraction of an amount counts for seconds and milliseconds alone. A Time runs round the clock.
    Raises ValueError for a unit that a Time does not have.
    """
    if abs(amount) > _MAX_AMOUNT:
        return None
    if moment.kind == "Time":
        if unit in ("year", "month", "week", "day"):
            raise ValueError(unit)
        return _shift_time(moment, amount, unit)
    if unit in ("year", "month"):
        months = int(amount) * (_YEAR_MONTHS if unit == "year" else 1)
        return _shift_months(moment, months)
    if len(moment.parts) <= 3:
        return _shift_days(moment, _whole_days(amount, unit))
    return _shift_seconds(moment, _seconds(amount, unit, len(moment.parts)))


def _seconds(amount: Decimal, unit: str, precision: int) -> Decimal:
    """Return the amount in seconds, cut to what a moment of that many parts (4 hour, 5 minute, 6 second) can hold."""
    if unit == "millisecond":
        total = amount.scaleb(-3)
    elif unit == "second":
        total = amount
    elif unit in _SECONDS:
        total = Decimal(int(amount) * _SECONDS[unit])
    else:
        total = Decimal(int(amount) * _DAY * (7 if unit == "week" else 1))
    if precision == 6:
        exponent = total.as_tuple().exponent
        coarse = isinstance(exponent, int) and exponent >= -9
        return total if coarse else total.quantize(_NANOSECOND, ROUND_DOWN)
    step = _SECONDS["hour"] if precision == 4 else _SECONDS["minute"]
    return Decimal(int(total / step) * step)


def _whole_days(amount: Decimal, unit: str) -> int:
    if unit in ("week", "day"):
        return int(amount) * (7 if unit == "week" else 1)
    return int(_seconds(amount, unit, 6) / _DAY)


def _shift_months(moment: Temporal, months: int) -> Temporal | None:
    parts = moment.parts
    if len(parts) == 1:
        months = int(Decimal(months) / _YEAR_MONTHS) * _YEAR_MONTHS
    year, month, *rest = (*parts, 1) if len(parts) == 1 else parts
    total = int(year) * 12 + int(month) - 1 + months
    year, month = divmod(total, 12)
    if not 1 <= year <= 9999:
        return None
    if rest:
        rest[0] = min(rest[0], calendar.monthrange(year, month + 1)[1])
    return _moment(moment, (year, month + 1, *rest)[: len(parts)])


def _shift_days(moment: Temporal, days: int) -> Temporal | None:
    precision = len(moment.parts)
    if precision == 1:
        return _shift_months(moment, int(Decimal(days) / _YEAR_DAYS) * _YEAR_MONTHS)
    if precision == 2:
        return _shift_months(moment, int(Decimal(days) / _MONTH_DAYS))
    year, month, day = (int(x) for x in moment.parts[:3])
    number = datetime.date(year, month, day).toordinal() + days
    if not 1 <= number <= datetime.date.max.toordinal():
        return None
    moved = datetime.date.fromordinal(number)
    return _moment(moment, (moved.year, moved.month, moved.day, *moment.parts[3:]))


def _shift_seconds(moment: Temporal, seconds: Decimal) -> Temporal | None:
    days, clock = _run_clock(moment.parts[3:], seconds)
    moved = _shift_days(moment, days)
    return None if moved is None else _moment(moment, (*moved.parts[:3], *clock))


def _shift_time(moment: Temporal, amount: Decimal, unit: str) -> Temporal:
    seconds = _seconds(amount, unit, len(moment.parts) + 3)
    return _moment(moment, _run_clock(moment.parts, seconds)[1])


def _run_clock(clock: tuple[int | Decimal, ...], seconds: Decimal) -> tuple[int, tuple[int | Decimal, ...]]:
    """Return how many days the clock passed, and where it stands now, at the same precision."""
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    total = Decimal(hour * 3600 + minute * 60) + second + seconds
    days = int((total / _DAY).to_integral_value(ROUND_FLOOR))
    total -= days * _DAY
    hour, minute = int(total // 3600), int(total % 3600 // 60)
    return days, (hour, minute, total % 60)[: len(clock)]


def _moment(like: Temporal, parts: tuple[int | Decimal, ...]) -> Temporal:
    return Temporal(like.kind, parts, like.offset, write(like.kind, parts, like.offset))


def write(kind: Kind, parts: tuple[int | Decimal, ...], offset: int | None) -> str:
    """Return the parts as FHIR writes them."""
    clock = parts if kind == "Time" else parts[3:]
    words = [f"{part:02d}" if isinstance(part, int) else _second(part) for part in clock]
    time = ":".join(words)
    if kind == "Time":
        return time
    date = f"{parts[0]:04d}" + "".join(f"-{part:02d}" for part in parts[1:3])
    return f"{date}T{time}{_zone(offset)}" if time else date


def _second(second: Decimal) -> str:
    text = f"{second:f}"
    return text if len(text.partition(".")[0]) == 2 else "0" + text


def _zone(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
