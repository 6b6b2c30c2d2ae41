"""How a database wants the values of a row: moments, exact numbers and readable numbers.

https://www.postgresql.org/docs/current/sql-copy.html and https://www.sqlite.org/datatype3.html

PostgreSQL takes moments as ISO text (COPY and executemany alike) and numbers as Decimal; SQLite takes moments and
exact numbers as sortable text (see columns.py) and readable numbers as float.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir_server.storage.columns import EARLIEST, LATEST, bound_text, instant_text
from fhir_server.storage.intervals import interval

Span = tuple[Any, Any]

_HUGE = 1000  # decimal exponents beyond which a number counts as infinite or as zero: PostgreSQL's numeric ends there
_INFINITY = Decimal("Infinity")


def exact(number: Any) -> Decimal:
    """Return a JSON number as Decimal; beyond 10^1000 it is infinite, below 10^-1000 it is zero."""
    value = number if isinstance(number, Decimal) else Decimal(str(number))
    if value and value.is_finite() and not -_HUGE < value.adjusted() < _HUGE:
        if value.adjusted() < 0:
            return Decimal(0)
        return _INFINITY if value > 0 else -_INFINITY
    return value


@dataclass(frozen=True, slots=True)
class Representation:
    """The functions that turn values into what one database takes.

    span      text of a date, dateTime or instant -> (first moment, first moment after)
    earliest, latest   the ends of an open interval
    bound     Decimal -> a number that is compared exactly
    decimal   JSON number -> a number as people read it
    comparable   one row as the database returns it -> the row as the projection makes it
    """

    span: Callable[[str], Span]
    earliest: Any
    latest: Any
    bound: Callable[[Decimal], Any]
    decimal: Callable[[Any], Any]
    comparable: Callable[[tuple[Any, ...]], tuple[Any, ...]]


def _iso_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(" ")


@lru_cache(maxsize=8192)
def _iso_span(text: str) -> Span:
    start, end = interval(text)
    return _iso_text(start), _iso_text(end)


@lru_cache(maxsize=8192)
def _sqlite_span(text: str) -> Span:
    start, end = interval(text)
    return instant_text(start), instant_text(end)


def _same(number: Decimal) -> Decimal:
    return number


def _from_postgresql(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_iso_text(value) if isinstance(value, datetime) else value for value in row)


def _from_sqlite(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row)


_POSTGRESQL = Representation(_iso_span, _iso_text(EARLIEST), _iso_text(LATEST), _same, exact, _from_postgresql)
_SQLITE = Representation(
    _sqlite_span,
    instant_text(EARLIEST),
    instant_text(LATEST),
    bound_text,
    lambda number: float(exact(number)),
    _from_sqlite,
)


def representation(dialect_name: str) -> Representation:
    """Return the representation for "postgresql" or "sqlite"."""
    return _SQLITE if dialect_name == "sqlite" else _POSTGRESQL
