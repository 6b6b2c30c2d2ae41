"""lowBoundary, highBoundary, precision and comparable: what an imprecise value can stand for.

https://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from fhir_server.fhirpath import quantity
from fhir_server.fhirpath.arithmetic import write
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.operators import EMPTY, boolean
from fhir_server.fhirpath.quantity import DECIMALS, Quantity
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.fhirpath.values import described, integer, single

_DEFAULT_PLACES, _MAX_PLACES = 8, 28
# Precision is counted in digits: 4 is the year, 17 the millisecond.
_MOMENT_DIGITS = (4, 6, 8, 10, 12, 14, 17)
_TIME_DIGITS = (2, 4, 6, 9)
_LAST_SECOND = Decimal("59.999")
_EAST, _WEST = 14 * 60, -12 * 60


def _boundary(name: str, *, high: bool) -> Callable[..., Items]:
    def run(items: Items, _: Environment, precision: Items = EMPTY) -> Items:
        value = single(items, f"{name}()")
        if value is None:
            return EMPTY
        digits = integer(precision, f"{name}()")
        try:
            result = _bound(value, digits, high=high)
        except TypeError:
            raise FhirPathError(f"{name}() is not defined for {described(value)}") from None
        return EMPTY if result is None else [result]

    return run


def _bound(value: Any, digits: int | None, *, high: bool) -> Any:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, (int, Decimal)):
        return _decimal_bound(Decimal(value), digits, high=high)
    if isinstance(value, Quantity):
        number = _decimal_bound(value.value, digits, high=high)
        return None if number is None else Quantity(number, value.unit, value.calendar, value.word)
    if isinstance(value, Temporal):
        return _temporal_bound(value, digits, high=high)
    raise TypeError


def _decimal_bound(value: Decimal, digits: int | None, *, high: bool) -> Decimal | None:
    """Return the end of the interval that rounds to `value`, at `digits` after the point, rounded outwards."""
    places = _DEFAULT_PLACES if digits is None else digits
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= places <= _MAX_PLACES or not -_MAX_PLACES <= exponent <= _MAX_PLACES:
        return None
    half = Decimal(5).scaleb(min(exponent, 0) - 1)
    try:
        bound = DECIMALS.add(value, half if high else half.copy_negate())
        return bound.quantize(Decimal(1).scaleb(-places), ROUND_CEILING if high else ROUND_FLOOR, DECIMALS)
    except ArithmeticError:
        return None


def _temporal_bound(value: Temporal, digits: int | None, *, high: bool) -> Temporal | None:
    steps = _TIME_DIGITS if value.kind == "Time" else _MOMENT_DIGITS[:3] if value.kind == "Date" else _MOMENT_DIGITS
    wanted = steps[-1] if digits is None else digits
    if wanted not in steps:
        return None
    parts = _filled(value, high=high)
    offset = value.offset
    if value.kind == "DateTime" and offset is None:
        offset = _WEST if high else _EAST
    count = min(steps.index(wanted) + 1, len(parts))
    kept = parts[:count]
    if wanted in (6, 14) and len(kept) == len(parts) and value.kind != "Date":
        kept = (*kept[:-1], int(kept[-1]))
    if value.kind == "DateTime" and count <= 3:
        offset = None
    return Temporal(value.kind, kept, offset, write(value.kind, kept, offset))


def _filled(value: Temporal, *, high: bool) -> tuple[int | Decimal, ...]:
    """Return every part down to the millisecond (the day for a Date), the missing ones at their end of the range."""
    clock: tuple[int | Decimal, ...] = (23, 59, _LAST_SECOND) if high else (0, 0, Decimal("0.000"))
    if value.kind == "Time":
        return _milliseconds((*value.parts, *clock[len(value.parts) :]))
    parts = value.parts
    if len(parts) == 1:
        parts = (*parts, 12 if high else 1)
    if len(parts) == 2:
        parts = (*parts, calendar.monthrange(int(parts[0]), int(parts[1]))[1] if high else 1)
    if value.kind == "Date":
        return parts
    return _milliseconds((*parts, *clock[len(parts) - 3 :]))


def _milliseconds(parts: tuple[int | Decimal, ...]) -> tuple[int | Decimal, ...]:
    return (*parts[:-1], Decimal(parts[-1]).quantize(Decimal("0.001"), ROUND_FLOOR))


def precision(items: Items, _: Environment) -> Items:
    """Return the digits after the point of a number, or the digits of a moment (4 for a year)."""
    value = single(items, "precision()")
    if value is None:
        return EMPTY
    if isinstance(value, Temporal):
        second = value.parts[-1]
        digits = _TIME_DIGITS if value.kind == "Time" else _MOMENT_DIGITS
        fraction = isinstance(second, Decimal) and second.as_tuple().exponent != 0
        return [digits[len(value.parts) - 1 + int(fraction)]]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        exponent = Decimal(value).as_tuple().exponent
        return [max(0, -exponent)] if isinstance(exponent, int) else EMPTY
    raise FhirPathError(f"precision() is not defined for {described(value)}")


def comparable(items: Items, _: Environment, other: Items) -> Items:
    """Return whether two quantities measure the same."""
    left, right = single(items, "comparable()"), single(other, "comparable()")
    if left is None or right is None:
        return EMPTY
    if not isinstance(left, Quantity) or not isinstance(right, Quantity):
        raise FhirPathError("comparable() needs two quantities")
    return boolean(quantity.comparable(left, right))


FUNCTIONS = {
    "lowBoundary": Function(_boundary("lowBoundary", high=False), 0, 1),
    "highBoundary": Function(_boundary("highBoundary", high=True), 0, 1),
    "precision": Function(precision, result="Integer"),
    "comparable": Function(comparable, 1, 1, result="Boolean"),
}
