"""JSON in and out with every digit of a decimal kept.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


class NotJson(ValueError):
    """The text is not JSON as FHIR wants it."""


def encode(value: Any) -> bytes:
    """Return compact JSON; `Decimal` is written as a number with its digits."""
    return _written(value).encode()


def decode(raw: bytes) -> Any:
    """Return the decoded value; numbers with a fraction or an exponent become `Decimal`.

    Raises NotJson for text that is not UTF-8, not JSON, or names a property twice.
    """
    try:
        return json.loads(
            raw.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object_of
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotJson(str(error) or type(error).__name__) from error


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def _refuse(name: str) -> Any:
    raise NotJson(f"{name} is not a JSON number")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a property appears twice in one object")
    return found
