"""Sets of values bound as one parameter: a statement with ten thousand codes is the same as one with two.

https://www.postgresql.org/docs/current/functions-comparisons.html and https://www.sqlite.org/json1.html#jeach
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Integer, Select, Text, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine


class Array(TypeDecorator[Any]):
    """A bound set of texts or whole numbers: text[] or bigint[] in PostgreSQL, a JSON array in SQLite.

    Takes a tuple, list or set of str or int, or what `bind_array` made of one.
    """

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool = False) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(BigInteger() if self.numbers else Text()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else bind_array(value, dialect.name)


def bind_array(values: Collection[str | int] | str, dialect: str) -> Any:
    """Return a set of values as `in_array` wants it bound: a list for "postgresql", JSON text for "sqlite".

    What this function returned may be given to it again.
    """
    if dialect == "sqlite":
        return values if isinstance(values, str) else json.dumps(list(values), ensure_ascii=False)
    return list(values)


def in_array(column: ColumnElement[Any], mark: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the values that are bound to `mark`.

    column   a text or whole-number column
    mark     a bound parameter; it may be given a tuple of values as it is, or what `bind_array` makes of it
    dialect  "postgresql" or "sqlite"
    """
    bound = type_coerce(mark, Array(numbers=isinstance(column.type, Integer)))
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bound).table_valued("value").c.value).correlate(None))
    # `==` would let the function on the right have its say first, and ANY cannot stand on the left.
    return column.operate(operators.eq, func.any(bound))


def array_rows(mark: ColumnElement[Any], dialect: str) -> Select[Any]:
    """Return the whole numbers that are bound to `mark` as rows of one column; bound as for `in_array`."""
    bound = type_coerce(mark, Array(numbers=True))
    if dialect == "sqlite":
        return select(func.json_each(bound).table_valued("value").c.value)
    return select(func.unnest(cast(bound, ARRAY(BigInteger))))
