"""Number parameters: the digits of the value say how exactly it is meant; what is stored is exact, or a range.

https://hl7.org/fhir/R4/search.html#number and https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from fhir_server.storage.search.kind import Context, Marks, column, prefixed, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS: frozenset[str] = frozenset()
NEGATIVE: frozenset[str] = frozenset()
PREFIXES = dict.fromkeys(("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"))
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOST_DIGITS = 18  # FHIR asks for 18 digits of precision
_LARGEST_EXPONENT = 400
_APPROXIMATELY = Decimal("0.1")
_POINTS = frozenset({"integer", "decimal", "money"})


def parse(text: str, modifier: str, context: Context) -> Operand:  # noqa: ARG001
    """Return the number of a value such as "gt0.8" or "1.0e2"; the shape is the prefix. Raises BadRequest."""
    prefix, value = read(text)
    return Operand(prefix, limits(prefix, value))


def read(text: str) -> tuple[str, Decimal]:
    """Return the prefix and the number, its digits kept. Raises BadRequest (value)."""
    prefix, rest = prefixed(text, PREFIXES)
    if not _NUMBER.fullmatch(rest):
        raise wrong("This is not a number such as 100, 1.00 or 1e2.")
    value = Decimal(rest)
    if len(value.as_tuple().digits) > _MOST_DIGITS or abs(_exponent(value)) > _LARGEST_EXPONENT:
        raise wrong(f"The number is too large or has more than {_MOST_DIGITS} digits.")
    return prefix, value


def limits(prefix: str, value: Decimal) -> tuple[Decimal, ...]:
    """Return what a stored number is compared with: the value, or for eq, ne and ap the ends of its range.

    The range is half a unit of the last digit to either side, for ap a tenth of the value. So 1e2 means 50 up to 150,
    one significant digit; the specification's table gives two for this one example, against its own rule.
    """
    if prefix not in _RANGED:
        return (value,)
    margin = abs(value) * _APPROXIMATELY if prefix == "ap" else Decimal(5).scaleb(_exponent(value) - 1)
    return value - margin, value + margin


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


def condition(
    operand: Operand,
    marks: Marks,
    target: SearchTarget,
    table: FromClause,
    scope: Scope,  # noqa: ARG001
) -> ColumnElement[bool]:
    """Return when a row's number (or range of numbers) compares to the value as its prefix says."""
    return compared(str(operand.shape), target, table, marks)


_Column = ColumnElement[Any]
_RANGED = frozenset({"eq", "ne", "ap"})


def compared(
    prefix: str, target: SearchTarget, table: FromClause, marks: Marks, canonical: str = ""
) -> ColumnElement[bool]:
    """Return when the bounds of a row compare to the value as the prefix says.

    marks      for what `limits` returned, in the unit of the bounds
    canonical  "canonical_" for the bounds in the canonical unit
    """
    low = column(target, table, f"{canonical}low")
    high = low if target.kind in _POINTS else column(target, table, f"{canonical}high")
    first, last = marks[0], marks[-1]
    if prefix == "eq":  # the range of the value holds the whole range of the row, but not its own upper end
        return and_(low >= first, low < last, high < last)
    if prefix == "ne":
        return or_(low < first, high >= last)
    if prefix == "gt":
        return high > first
    if prefix == "lt":
        return low < first
    comparator = column(target, table, "comparator") if "comparator" in target.columns else None
    if prefix == "sa":
        return _beyond(low > first, low == first, comparator, ">")
    if prefix == "eb":
        return _beyond(high < first, high == first, comparator, "<")
    upwards = _reached(high >= first, high > first, comparator, "<")
    if prefix == "ge":
        return upwards
    downwards = _reached(low <= last, low < last, comparator, ">")
    return downwards if prefix == "le" else and_(downwards, upwards)


def _reached(
    closed: ColumnElement[bool], strict: ColumnElement[bool], comparator: _Column | None, without_end: str
) -> ColumnElement[bool]:
    """Return when a range comes up to a number: "<5" has no 5, "<=5" and 5 have."""
    if comparator is None:
        return closed
    return and_(closed, or_(strict, comparator.is_(None), comparator != without_end))


def _beyond(
    strict: ColumnElement[bool], equal: ColumnElement[bool], comparator: _Column | None, without_end: str
) -> ColumnElement[bool]:
    """Return when a range is wholly beyond a number: "<5" ends before 5, "<=5" and 5 do not."""
    if comparator is None:
        return strict
    return or_(strict, and_(equal, comparator == without_end))
