"""Number parameters: the digits of the value say how exactly it is meant.

https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from fhir_server.storage.search.kind import Context, column, prefixed, wrong
from fhir_server.storage.targets import SearchTarget

MODIFIERS: frozenset[str] = frozenset()
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOST_DIGITS = 18  # FHIR asks for 18 digits of precision
_LARGEST_EXPONENT = 400
_APPROXIMATELY = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Number:
    """A number value: its prefix, the number, and half of the unit of its last digit (or 10 % for "ap")."""

    prefix: str
    value: Decimal
    margin: Decimal


def parse(text: str, modifier: str, context: Context) -> Number:  # noqa: ARG001
    """Return the number of a value such as "gt0.8" or "1.0e2"."""
    prefix, rest = prefixed(text, _CONDITIONS)
    if not _NUMBER.fullmatch(rest):
        raise wrong("This is not a number such as 100, 1.00 or 1e2.")
    value = Decimal(rest)
    exponent = int(value.as_tuple().exponent)
    if len(value.as_tuple().digits) > _MOST_DIGITS or abs(exponent) > _LARGEST_EXPONENT:
        raise wrong(f"The number is too large or has more than {_MOST_DIGITS} digits.")
    margin = abs(value) * _APPROXIMATELY if prefix == "ap" else Decimal(5).scaleb(exponent - 1)
    return Number(prefix, value, margin)


def condition(value: Number, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:  # noqa: ARG001
    """Return when a row's number (or range of numbers) compares to the value as its prefix says."""
    return _CONDITIONS[value.prefix](column(target, table, "low"), column(target, table, "high"), value)


_Column = ColumnElement[Any]


def _equal(low: _Column, high: _Column, value: Number) -> ColumnElement[bool]:
    bottom, top = value.value - value.margin, value.value + value.margin
    return and_(low >= bottom, low < top, high < top)


def _unequal(low: _Column, high: _Column, value: Number) -> ColumnElement[bool]:
    return or_(low < value.value - value.margin, high >= value.value + value.margin)


def _about(low: _Column, high: _Column, value: Number) -> ColumnElement[bool]:
    return and_(low <= value.value + value.margin, high >= value.value - value.margin)


_CONDITIONS: dict[str, Callable[[_Column, _Column, Number], ColumnElement[bool]]] = {
    "eq": _equal,
    "ne": _unequal,
    "gt": lambda low, high, value: high > value.value,  # noqa: ARG005
    "lt": lambda low, high, value: low < value.value,  # noqa: ARG005
    "ge": lambda low, high, value: high >= value.value,  # noqa: ARG005
    "le": lambda low, high, value: low <= value.value,  # noqa: ARG005
    "sa": lambda low, high, value: low > value.value,  # noqa: ARG005
    "eb": lambda low, high, value: high < value.value,  # noqa: ARG005
    "ap": _about,
}
