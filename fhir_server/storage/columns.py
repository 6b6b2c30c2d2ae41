"""Column types of the projection tables, and how each database represents their values.

https://docs.sqlalchemy.org/en/21/core/custom_types.html

A value bound to a comparison in SQLAlchemy (`table.c.low <= Decimal("5.4")`, `table.c.start_time < datetime`) is
brought into the same representation as the stored one, so search code is the same for both databases.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Dialect, Double, Integer, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from fhir_server.storage.layout import ColumnKind

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
"""Start of an interval that is open to the past: a day inside the calendar, so that it has a local time anywhere."""

LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""End of an interval that is open to the future; what ends later is cut to it."""

_WIDTH = 100_000  # above and below every exponent a FHIR decimal can have here
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def instant_text(moment: datetime) -> str:
    """Return a moment as SQLite keeps it, "2026-11-20 08:30:00.000000" (UTC): sorts as text, understood by date()."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def read_instant(text: str) -> datetime:
    """Return the aware UTC moment that `instant_text` wrote."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bound_text(number: Decimal) -> str:
    """Return a text that sorts as the number does, exactly and whatever its size.

    "c" is zero; a positive number is "d", its exponent (6 digits, shifted), its digits without trailing zeros; a
    negative one is "b" and the same with every digit d turned into 9 - d, closed by "~". "a" and "e" are the
    infinities. Numbers of equal value give equal texts: 5.0 and 5.00.
    """
    if number.is_infinite():
        return "e" if number > 0 else "a"
    if not number:
        return "c"
    sign, digits, _ = number.as_tuple()
    magnitude = f"{number.adjusted() + 1 + _WIDTH:06d}{''.join(map(str, digits)).rstrip('0')}"
    return f"b{magnitude.translate(_COMPLEMENT)}~" if sign else f"d{magnitude}"


def read_bound(text: str) -> Decimal:
    """Return the number that `bound_text` wrote (without trailing zeros)."""
    kind, body = text[0], text[1:]
    if kind in "ace":
        return {"a": Decimal("-Infinity"), "c": Decimal(0), "e": Decimal("Infinity")}[kind]
    magnitude = body[:-1].translate(_COMPLEMENT) if kind == "b" else body
    digits = magnitude[6:]
    exponent = int(magnitude[:6]) - _WIDTH - len(digits)
    return Decimal((1 if kind == "b" else 0, tuple(map(int, digits)), exponent))


class Instant(TypeDecorator[datetime]):
    """A UTC moment: timestamptz in PostgreSQL, sortable text in SQLite. Takes and gives aware datetimes."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return read_instant(value) if dialect.name == "sqlite" else value.astimezone(UTC)


class Bound(TypeDecorator[Decimal]):
    """A number compared exactly: numeric in PostgreSQL, sortable text in SQLite. Takes and gives Decimals."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return bound_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return read_bound(value) if dialect.name == "sqlite" else Decimal(value)


_TEXT = Text().with_variant(Text(collation="C"), "postgresql")  # by code points, as SQLite compares
_TYPES: dict[ColumnKind, TypeEngine[Any]] = {
    "key": BigInteger().with_variant(Integer(), "sqlite"),
    "ordinal": Integer(),
    "text": _TEXT,
    "boolean": Boolean(create_constraint=False),
    "integer": BigInteger(),
    "decimal": Numeric().with_variant(Double(), "sqlite"),
    "bound": Bound(),
    "instant": Instant(),
    "real": Double(),
}


def column_type(kind: ColumnKind) -> TypeEngine[Any]:
    """Return the SQLAlchemy type of a column kind."""
    return _TYPES[kind]
