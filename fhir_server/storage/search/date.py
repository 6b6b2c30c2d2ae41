"""Date parameters: a date of any precision is an interval, and prefixes compare intervals.

https://hl7.org/fhir/R4/search.html#date and https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from fhir_server.errors import Invalid
from fhir_server.storage.columns import EARLIEST, LATEST
from fhir_server.storage.intervals import interval
from fhir_server.storage.longest import earliest_start
from fhir_server.storage.search.kind import Context, Marks, column, prefixed, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS: frozenset[str] = frozenset()
NEGATIVE: frozenset[str] = frozenset()
_APPROXIMATELY = 0.1  # of the distance from now, as the specification recommends


def parse(text: str, modifier: str, context: Context) -> Operand:  # noqa: ARG001
    """Return the half-open UTC interval of a date value such as "ge2026-11"; the shape is the prefix."""
    # A plus sign that was not percent-encoded in the URL arrives as a blank.
    prefix, rest = prefixed(text, _CONDITIONS)
    try:
        start, end = interval(rest.replace(" ", "+"))
    except Invalid as error:
        raise wrong(error.diagnostics) from None
    if prefix == "ap":
        start, end = _widened(start, end, context.now)
    # The last two bound what `implied` says of rows that last a year at most.
    return Operand(prefix, (start, end, _moved(start, -_LONGEST_MOMENT), _moved(end, -_LONGEST_MOMENT)))


def _widened(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    margin = abs(now - start) * _APPROXIMATELY
    return _moved(start, -margin), _moved(end, margin)


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return EARLIEST if by < timedelta(0) else LATEST


def condition(
    operand: Operand,
    marks: Marks,
    target: SearchTarget,
    table: FromClause,
    scope: Scope,
) -> ColumnElement[bool]:
    """Return when a row's interval compares to the value as its prefix says."""
    start, prefix = column(target, table, "start"), str(operand.shape)
    if "end" not in target.columns:
        return _AT_A_POINT[prefix](start, marks)
    exact = _CONDITIONS[prefix](start, column(target, table, "end"), marks)
    also = implied(operand, marks, target, start, scope) if prefix in _HELPED else None
    return exact if also is None else and_(also, exact)


def implied(
    operand: Operand, marks: Marks, target: SearchTarget, start: ColumnElement[Any], scope: Scope
) -> ColumnElement[bool] | None:
    """Return what the condition implies for the start alone, which an index serves; None when that is nothing.

    start  the target's start, or a copy of it in another table
    """
    prefix = str(operand.shape)
    bounds: list[ColumnElement[bool]] = []
    if prefix in _BEFORE:
        bounds.append(start < marks[_BEFORE[prefix]])
    if prefix == "eq":
        bounds.append(start >= marks[0])
    elif prefix == "sa":
        bounds.append(start >= marks[1])
    elif prefix in ("gt", "ge", "ap"):
        # What ends later began not much earlier: a date without a time lasts a year at most, a period as long as the
        # longest of its type.
        if target.kind == "moment":
            bounds.append(start > marks[3 if prefix == "gt" else 2])
        elif scope.type is not None and target.columns["start"] == _main_date(scope, target):
            bounds.append(start >= earliest_start(scope.parts, scope.type, marks[0]))
    return and_(*bounds) if bounds else None


def _main_date(scope: Scope, target: SearchTarget) -> str:
    known = scope.type is not None and target.is_main
    return scope.parts.schema.layout(scope.type).main_date if known and scope.type is not None else ""


_Column = ColumnElement[Any]
_LONGEST_MOMENT = timedelta(days=367)
_BEFORE = {"eq": 1, "lt": 0, "le": 1, "eb": 0, "ap": 1}
_HELPED = frozenset({"gt", "ge", "le", "eb", "ap"})

# start and end are those of the resource; the marks are start and end of the value.
_CONDITIONS: dict[str, Callable[[_Column, _Column, Marks], ColumnElement[bool]]] = {
    "eq": lambda start, end, value: and_(start >= value[0], start < value[1], end <= value[1]),
    "ne": lambda start, end, value: or_(start < value[0], end > value[1]),
    "gt": lambda start, end, value: end > value[1],  # noqa: ARG005
    "lt": lambda start, end, value: start < value[0],  # noqa: ARG005
    "ge": lambda start, end, value: or_(start >= value[0], end > value[1]),
    "le": lambda start, end, value: or_(start < value[0], end <= value[1]),
    "sa": lambda start, end, value: start >= value[1],  # noqa: ARG005
    "eb": lambda start, end, value: end <= value[0],  # noqa: ARG005
    "ap": lambda start, end, value: and_(start < value[1], end > value[0]),
}

_AT_A_POINT: dict[str, Callable[[_Column, Marks], ColumnElement[bool]]] = {
    "eq": lambda point, value: and_(point >= value[0], point < value[1]),
    "ne": lambda point, value: or_(point < value[0], point >= value[1]),
    "gt": lambda point, value: point >= value[1],
    "lt": lambda point, value: point < value[0],
    "ge": lambda point, value: point >= value[0],
    "le": lambda point, value: point < value[1],
    "sa": lambda point, value: point >= value[1],
    "eb": lambda point, value: point < value[0],
    "ap": lambda point, value: and_(point >= value[0], point < value[1]),
}
