"""Date parameters: a date of any precision is an interval, and prefixes compare intervals.

https://hl7.org/fhir/R4/search.html#date and https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from fhir_server.errors import Invalid
from fhir_server.storage.columns import EARLIEST, LATEST
from fhir_server.storage.intervals import interval
from fhir_server.storage.search.kind import Context, column, prefixed, wrong
from fhir_server.storage.targets import SearchTarget

MODIFIERS: frozenset[str] = frozenset()
_APPROXIMATELY = 0.1  # of the distance from now, as the specification recommends


@dataclass(frozen=True, slots=True)
class When:
    """A date value: prefix and the half-open UTC interval [start, end)."""

    prefix: str
    start: datetime
    end: datetime


def parse(text: str, modifier: str, context: Context) -> When:  # noqa: ARG001
    """Return the interval of a date value such as "ge2026-11"."""
    # A plus sign that was not percent-encoded in the URL arrives as a blank.
    prefix, rest = prefixed(text, _CONDITIONS)
    try:
        start, end = interval(rest.replace(" ", "+"))
    except Invalid as error:
        raise wrong(error.diagnostics) from None
    if prefix == "ap":
        start, end = _widened(start, end, context.now)
    return When(prefix, start, end)


def _widened(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    margin = abs(now - start) * _APPROXIMATELY
    return _moved(start, -margin), _moved(end, margin)


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return EARLIEST if by < timedelta(0) else LATEST


def condition(value: When, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:  # noqa: ARG001
    """Return when a row's interval compares to the value as its prefix says."""
    start = column(target, table, "start")
    if "end" in target.columns:
        return _CONDITIONS[value.prefix](start, column(target, table, "end"), value)
    return _AT_A_POINT[value.prefix](start, value)


_Column = ColumnElement[Any]

# start and end are those of the resource; each condition is written so that an index on `start` limits the rows.
_CONDITIONS: dict[str, Callable[[_Column, _Column, When], ColumnElement[bool]]] = {
    "eq": lambda start, end, value: and_(start >= value.start, start < value.end, end <= value.end),
    "ne": lambda start, end, value: or_(start < value.start, end > value.end),
    "gt": lambda start, end, value: end > value.end,  # noqa: ARG005
    "lt": lambda start, end, value: start < value.start,  # noqa: ARG005
    "ge": lambda start, end, value: or_(start >= value.start, end > value.end),
    "le": lambda start, end, value: or_(start < value.start, end <= value.end),
    "sa": lambda start, end, value: start >= value.end,  # noqa: ARG005
    "eb": lambda start, end, value: end <= value.start,  # noqa: ARG005
    "ap": lambda start, end, value: and_(start < value.end, end > value.start),
}

_AT_A_POINT: dict[str, Callable[[_Column, When], ColumnElement[bool]]] = {
    "eq": lambda point, value: and_(point >= value.start, point < value.end),
    "ne": lambda point, value: or_(point < value.start, point >= value.end),
    "gt": lambda point, value: point >= value.end,
    "lt": lambda point, value: point < value.start,
    "ge": lambda point, value: point >= value.start,
    "le": lambda point, value: point < value.end,
    "sa": lambda point, value: point >= value.end,
    "eb": lambda point, value: point < value.start,
    "ap": lambda point, value: and_(point >= value.start, point < value.end),
}
