"""Functions on numbers.

https://hl7.org/fhirpath/N1/#math
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.operators import EMPTY, bounded
from fhir_server.fhirpath.quantity import DECIMALS, Quantity
from fhir_server.fhirpath.values import described, integer, single

_MAX_PLACES = 28
# Roots and logarithms are computed with more digits than are kept, so that 81.sqrt() is 9.
_FINE = Context(prec=38, Emax=200, Emin=-200)


def _number(items: Items, name: str) -> int | Decimal | None:
    value = single(items, f"{name}()")
    if value is None or (isinstance(value, (int, Decimal)) and not isinstance(value, bool)):
        return value
    raise FhirPathError(f"{name}() needs a number but got {described(value)}")


def _numeric(name: str, operate: Callable[..., Any]) -> Callable[..., Items]:
    """Make a function of numbers; empty where one is, or the result does not exist or does not fit."""

    def run(items: Items, _: Environment, *arguments: Items) -> Items:
        numbers = [_number(part, name) for part in (items, *arguments)]
        if any(number is None for number in numbers):
            return EMPTY
        try:
            result = operate(*numbers)
        except (ArithmeticError, ValueError):
            return EMPTY
        result = None if result is None else bounded(result)
        return EMPTY if result is None else [result]

    return run


def absolute(items: Items, _: Environment) -> Items:
    value = single(items, "abs()")
    if isinstance(value, Quantity):
        return [Quantity(value.value.copy_abs(), value.unit, value.calendar, value.word)]
    number = _number(items, "abs")
    if number is None:
        return EMPTY
    return [number.copy_abs() if isinstance(number, Decimal) else abs(number)]


def _whole(rounding: str) -> Callable[[int | Decimal], int | None]:
    def run(number: int | Decimal) -> int | None:
        value = Decimal(number)
        return int(value.to_integral_value(rounding)) if value.is_finite() and value.adjusted() < 12 else None

    return run


def round_(items: Items, _: Environment, precision: Items = EMPTY) -> Items:
    number, places = _number(items, "round"), integer(precision, "round()") or 0
    if number is None:
        return EMPTY
    if places < 0:
        raise FhirPathError("round() needs a precision that is not negative")
    value = Decimal(number)
    if not value.is_finite() or places > _MAX_PLACES or value.adjusted() > 38 - places - 2:
        return [number]
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, DECIMALS)
    if places:
        return [rounded]
    result = bounded(int(rounded))
    return EMPTY if result is None else [result]


def _power(base: int | Decimal, exponent: int | Decimal) -> int | Decimal | None:
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        result = DECIMALS.power(Decimal(base), Decimal(exponent))
        return int(result) if result.adjusted() < 12 else None
    return DECIMALS.power(Decimal(base), Decimal(exponent))


def _log(value: int | Decimal, base: int | Decimal) -> Decimal:
    quotient = _FINE.divide(_FINE.ln(Decimal(value)), _FINE.ln(Decimal(base)))
    return _trimmed(quotient)


def _trimmed(value: Decimal) -> Decimal:
    """Cut to 28 digits, so that what is exact comes out exact."""
    return Context(prec=_MAX_PLACES).create_decimal(value).normalize()


_SIMPLE: dict[str, tuple[Callable[..., Any], int, str]] = {
    "ceiling": (_whole(ROUND_CEILING), 0, "Integer"),
    "floor": (_whole(ROUND_FLOOR), 0, "Integer"),
    "truncate": (_whole(ROUND_DOWN), 0, "Integer"),
    "exp": (lambda number: DECIMALS.exp(Decimal(number)), 0, "Decimal"),
    "ln": (lambda number: DECIMALS.ln(Decimal(number)), 0, "Decimal"),
    "log": (_log, 1, "Decimal"),
    "power": (_power, 1, ""),
    "sqrt": (lambda number: _trimmed(_FINE.sqrt(Decimal(number))), 0, "Decimal"),
}

FUNCTIONS = {
    **{
        name: Function(_numeric(name, run), count, count, result=result)
        for name, (run, count, result) in _SIMPLE.items()
    },
    "abs": Function(absolute, result="same"),
    "round": Function(round_, 0, 1),
}
