"""From items of a collection to System values, and from System values to each other.

https://hl7.org/fhirpath/N1/#conversion
https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.model import system_type
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.quantity import Quantity, parse_quantity
from fhir_server.fhirpath.temporal import Temporal, parse_moment, parse_time

UCUM = "http://unitsofmeasure.org"
MAX_INTEGER = 2**31 - 1
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,100}(\.\d{1,100})?", re.ASCII)


def system(item: Any) -> Any:
    """Return the System value of an item: bool, int, Decimal, str, Temporal or Quantity.

    A complex element other than a Quantity comes back as the Node it is; None is a primitive without a value, or one
    whose text is not of its type.
    """
    if type(item) is not Node:
        return item
    value = item.value
    if value is None:
        return None
    kind = system_type(item.type)
    if kind == "String" or kind == "Boolean" or kind == "Integer":
        return value if not isinstance(value, (dict, list)) else None
    if kind == "Decimal":
        return Decimal(value) if type(value) is int else value
    if kind == "Date" or kind == "DateTime":
        return parse_moment(value, kind) if isinstance(value, str) else None
    if kind == "Time":
        return parse_time(value) if isinstance(value, str) else None
    if kind == "Quantity":
        return fhir_quantity(value) if isinstance(value, dict) else None
    return item


def fhir_quantity(value: dict[str, Any]) -> Quantity | None:
    """Return the System.Quantity of a FHIR Quantity; None where it has no number or only a bound ("<5")."""
    number = value.get("value")
    if "comparator" in value or isinstance(number, bool) or not isinstance(number, (int, Decimal)):
        return None
    code, source = value.get("code"), value.get("system")
    if source == UCUM and code:
        unit = str(code)
    elif source and code:
        unit = f"{{{source}|{code}}}"
    else:
        unit = str(value.get("unit") or "1")
    return Quantity(Decimal(number), unit)


def type_of(value: Any) -> tuple[str, str]:
    """Return namespace and name of an item's type."""
    if type(value) is Node:
        return "FHIR", value.type
    return "System", system_name(value)


def system_name(value: Any) -> str:
    """Return the System type of a System value."""
    if isinstance(value, Temporal):
        return value.kind
    if isinstance(value, bool):
        return "Boolean"
    for kind, name in ((int, "Integer"), (Decimal, "Decimal"), (str, "String"), (Quantity, "Quantity")):
        if isinstance(value, kind):
            return name
    return "Any"


def described(value: Any) -> str:
    """Return how to name a value in a diagnostic: its type, never its content."""
    namespace, name = type_of(value)
    return name if namespace == "System" else f"FHIR.{name}"


def single(items: list[Any], what: str) -> Any:
    """Return the System value of the only item, None of an empty collection.

    Raises FhirPathError where there are several.
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"{what} needs a single item but got {len(items)}")
    return system(items[0])


def string(items: list[Any], what: str) -> str | None:
    """Return the only item as a string, None of an empty collection; raises FhirPathError for other types."""
    value = single(items, what)
    if value is None or isinstance(value, str):
        return value
    raise FhirPathError(f"{what} needs a string but got {described(value)}")


def integer(items: list[Any], what: str) -> int | None:
    """Return the only item as an integer, None of an empty collection; raises FhirPathError for other types."""
    value = single(items, what)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise FhirPathError(f"{what} needs an integer but got {described(value)}")


def truth(items: list[Any]) -> bool | None:
    """Return a collection as a condition: empty is None, any single item that is no boolean is True.

    https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"a condition needs a single item but got {len(items)}")
    item = items[0]
    if item is True or item is False:
        return item
    if type(item) is Node and item.type == "boolean":
        value = item.value
        return value if isinstance(value, bool) else None
    return True


def to_boolean(value: Any) -> bool | None:
    """Convert to Boolean, or None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal)):
        return None if value not in (0, 1) else value == 1
    if isinstance(value, str):
        word = value.lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def to_integer(value: Any) -> int | None:
    """Convert to Integer, or None."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    return value if isinstance(value, int) and abs(value) <= MAX_INTEGER + 1 else None


def to_decimal(value: Any) -> Decimal | None:
    """Convert to Decimal, or None."""
    if isinstance(value, (bool, int)):
        return Decimal(value)
    if isinstance(value, str):
        return Decimal(value) if _DECIMAL.fullmatch(value) else None
    return value if isinstance(value, Decimal) else None


def to_text(value: Any) -> str | None:
    """Convert to String, or None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (int, str, Temporal, Quantity)):
        return str(value)
    return None


def plain(value: Decimal) -> str:
    """Return a decimal without exponent, unless it would run to more than 100 digits."""
    return f"{value:f}" if value.is_finite() and abs(value.adjusted()) <= 100 else str(value)


def to_quantity(value: Any) -> Quantity | None:
    """Convert to Quantity, or None."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, str):
        return parse_quantity(value)
    number = to_decimal(value)
    return None if number is None else Quantity(number, "1")


def to_date(value: Any) -> Temporal | None:
    """Convert to Date, or None; of a DateTime the day remains."""
    if isinstance(value, str):
        return parse_moment(value, "Date")
    if isinstance(value, Temporal) and value.kind != "Time":
        return parse_moment(value.text.partition("T")[0], "Date")
    return None


def to_datetime(value: Any) -> Temporal | None:
    """Convert to DateTime, or None."""
    if isinstance(value, str):
        return parse_moment(value, "DateTime")
    if isinstance(value, Temporal) and value.kind != "Time":
        return value if value.kind == "DateTime" else parse_moment(value.text, "DateTime")
    return None


def to_time(value: Any) -> Temporal | None:
    """Convert to Time, or None."""
    if isinstance(value, str):
        return parse_time(value.removeprefix("T"))
    return value if isinstance(value, Temporal) and value.kind == "Time" else None
