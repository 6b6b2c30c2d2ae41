"""Where a page ends: the sort values of its last row as opaque text, checked when it comes back.

https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, tuple_

from fhir_server.errors import BadRequest

_LONGEST = 2_000
_LONGEST_PACKED = 6_000
_LARGEST = 2**63 - 1


def encode(values: Sequence[Any]) -> str:
    """Return the text for the sort values of a row: aware times, whole numbers, texts."""
    plain = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(text: str, kinds: Sequence[type]) -> list[Any]:
    """Return the values that `encode` put into `text`, one for each of `kinds` (datetime, int or str).

    Raises BadRequest for any other text.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, binascii.Error, RecursionError, OverflowError):
        raise BadRequest("The link to this page is not one this server made.") from None


def _value(value: Any, kind: type) -> Any:
    if kind is int and type(value) is int and -_LARGEST <= value <= _LARGEST:
        return value
    if not isinstance(value, str) or kind is int or "\x00" in value:
        raise ValueError
    if kind is str:
        return value
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def pack(values: Sequence[Any]) -> str:
    """Return the text for values as the driver gives them: None, texts, numbers, times, decimals, and nested lists."""
    return base64.urlsafe_b64encode(json.dumps(_packed(values), separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(text: str) -> list[Any]:
    """Return the values that `pack` put into `text`. Raises BadRequest for any other text."""
    try:
        if len(text) > _LONGEST_PACKED:
            raise ValueError
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list):
            raise ValueError
        found: list[Any] = _unpacked(values)
    except (ValueError, binascii.Error, RecursionError, OverflowError, ArithmeticError, KeyError):
        raise BadRequest("The link to this page is not one this server made.") from None
    return found


def _packed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_packed(item) for item in value]
    if isinstance(value, datetime):
        return {"t": value.astimezone(UTC).isoformat()}
    if isinstance(value, Decimal):
        return {"d": str(value)}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if isinstance(value, dict):
        ((tag, text),) = value.items()
        return datetime.fromisoformat(text) if tag == "t" else Decimal(text)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError
    if isinstance(value, str) and "\x00" in value:
        raise ValueError
    return value


def after(
    columns: Sequence[ColumnElement[Any]], descending: Sequence[bool], values: Sequence[Any]
) -> ColumnElement[bool]:
    """Return the condition for rows that come after `values` in the order of `columns`.

    With one direction for all it is a row comparison, which an index on exactly these columns serves.
    """
    if len(set(descending)) == 1:
        left, right = tuple_(*columns), tuple_(*values)
        return left < right if descending[0] else left > right
    steps: list[ColumnElement[bool]] = []
    for position, column in enumerate(columns):
        beyond = column < values[position] if descending[position] else column > values[position]
        same = [earlier == value for earlier, value in zip(columns[:position], values[:position], strict=True)]
        steps.append(and_(*same, beyond))
    return or_(*steps)
