"""System.Quantity: a decimal with a UCUM unit or a calendar duration.

https://hl7.org/fhirpath/N1/#quantity
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from fhir_server.definitions import ucum

# 38 digits hold every product of two FHIR decimals; the exponents keep a result printable.
DECIMALS = Context(prec=38, Emax=200, Emin=-200)

_CALENDAR = {
    word + plural: word
    for word in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in ("", "s")
}
# A calendar duration above the week is no fixed number of seconds: it is a dimension of its own.
_CALENDAR_UNITS: dict[str, ucum.Unit | str] = {
    "year": ucum.Unit(Fraction(12), (("month", 1),)),
    "month": ucum.Unit(Fraction(1), (("month", 1),)),
    "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}  # fmt: skip
_DURATIONS = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_ROUGHLY = {"year": "a", "month": "mo"}
_WRITTEN = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:\s+(?:'([^']+)'|([A-Za-z]+))|\s*'([^']+)')?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit.

    value     the number
    unit      a UCUM code ("mg"), or a calendar word in the singular ("day")
    calendar  whether `unit` is a calendar word
    word      how the calendar word was written ("days"); "" for UCUM
    """

    value: Decimal
    unit: str
    calendar: bool = False
    word: str = ""

    def __str__(self) -> str:
        return f"{self.value:f} {self.word}" if self.calendar else f"{self.value:f} '{self.unit}'"

    def measure(self) -> ucum.Unit | None:
        """Return what the unit stands for; None where it is not known."""
        if not self.calendar:
            return ucum.parse(self.unit)
        unit = _CALENDAR_UNITS[self.unit]
        return ucum.parse(unit) if isinstance(unit, str) else unit

    def duration(self) -> str | None:
        """Return the calendar word by which a date can be moved, or None where the unit is no such duration."""
        if self.calendar:
            return self.unit
        return _DURATIONS.get(self.unit) or _CALENDAR.get(self.unit)

    def key(self) -> tuple[object, ...]:
        """Return a hashable value that is the same for quantities that are equal."""
        unit = self.measure()
        if unit is None:
            return (self.unit, self.value)
        return (unit.dimensions, _in_base(self, unit))


def calendar_word(text: str) -> str | None:
    """Return the singular of a calendar word ("days" gives "day"), or None."""
    return _CALENDAR.get(text)


def calendar_quantity(value: Decimal, word: str) -> Quantity:
    """Return the quantity of a calendar word ("day", "days" ...)."""
    return Quantity(value, _CALENDAR[word], calendar=True, word=word)


def parse_quantity(text: str) -> Quantity | None:
    """Return the quantity written in a string (`5 'mg'`, `4 days`, `1.0`), or None."""
    match = _WRITTEN.fullmatch(text) if len(text) <= 200 else None
    if match is None:
        return None
    number, spaced, word, unspaced = match.groups()
    value = Decimal(number)
    if word is not None:
        return calendar_quantity(value, word) if word in _CALENDAR else None
    return Quantity(value, spaced or unspaced or "1")


def _in_base(quantity: Quantity, unit: ucum.Unit) -> Fraction:
    return (Fraction(quantity.value) + unit.zero) * unit.factor


def _too_wide(quantity: Quantity) -> bool:
    """Whether the number is outside what exact fractions should be asked to hold."""
    value = quantity.value
    return not value.is_finite() or abs(value.adjusted()) > 200 or len(value.as_tuple().digits) > 200


def common(left: Quantity, right: Quantity) -> tuple[Fraction, Fraction] | None:
    """Return both values in one unit, or None where the units cannot be converted into each other."""
    if _too_wide(left) or _too_wide(right):
        return None
    if left.unit == right.unit and left.calendar == right.calendar:
        return Fraction(left.value), Fraction(right.value)
    left_unit, right_unit = left.measure(), right.measure()
    if left_unit is None or right_unit is None or left_unit.dimensions != right_unit.dimensions:
        return None
    return _in_base(left, left_unit), _in_base(right, right_unit)


def comparable(left: Quantity, right: Quantity) -> bool:
    """Return whether the units measure the same."""
    return common(left, right) is not None


def equivalent(left: Quantity, right: Quantity) -> bool:
    """Return whether both are the same at the precision of the less precise one, written in the larger unit."""
    left, right = _roughly(left, right), _roughly(right, left)
    both = common(left, right)
    if both is None:
        return False
    left_unit, right_unit = left.measure(), right.measure()
    one, other = left.value, right.value
    if left_unit is not None and right_unit is not None and left_unit.factor != right_unit.factor:
        if left_unit.factor < right_unit.factor:
            left_unit, right_unit, one, other, both = right_unit, left_unit, other, one, (both[1], both[0])
        return _round(Fraction(one), _decimals(one)) == _round(
            both[1] / left_unit.factor - left_unit.zero, _decimals(one)
        )
    places = min(_decimals(one), _decimals(other))
    return _round(Fraction(one), places) == _round(Fraction(other), places)


def _roughly(quantity: Quantity, other: Quantity) -> Quantity:
    """Equivalence lets a calendar year stand for 'a' and a month for 'mo'."""
    if quantity.calendar and quantity.unit in _ROUGHLY and not other.calendar:
        return Quantity(quantity.value, _ROUGHLY[quantity.unit])
    return quantity


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _round(value: Fraction, places: int) -> int:
    scaled = value * Fraction(10) ** places
    floor = scaled.numerator // scaled.denominator
    return floor + int(scaled - floor >= Fraction(1, 2))


def add(left: Quantity, right: Quantity, sign: int) -> Quantity | None:
    """Return the sum (sign 1) or difference (-1) in the finer of both units, or None."""
    if left.unit == right.unit and left.calendar == right.calendar:
        total = (DECIMALS.add if sign > 0 else DECIMALS.subtract)(left.value, right.value)
        return Quantity(total, left.unit, left.calendar, left.word)
    both = common(left, right)
    left_unit, right_unit = left.measure(), right.measure()
    if both is None or left_unit is None or right_unit is None or left_unit.zero or right_unit.zero:
        return None
    finer, unit = (left, left_unit) if left_unit.factor <= right_unit.factor else (right, right_unit)
    return Quantity(to_decimal((both[0] + sign * both[1]) / unit.factor), finer.unit, finer.calendar, finer.word)


def multiply(left: Quantity, right: Quantity) -> Quantity | None:
    """Return the product, or None where a unit is not known."""
    unit = _combined(left, right, ".")
    return None if unit is None else Quantity(DECIMALS.multiply(left.value, right.value), unit)


def divide(left: Quantity, right: Quantity) -> Quantity | None:
    """Return the quotient; None for a division by zero or where a unit is not known."""
    unit = _combined(left, right, "/")
    return None if unit is None or not right.value else Quantity(DECIMALS.divide(left.value, right.value), unit)


def _combined(left: Quantity, right: Quantity, sign: str) -> str | None:
    one, other = _code(left), _code(right)
    if other == "1":
        return one
    if sign == "/" and one == other:
        return "1"
    if one == "1" and sign == ".":
        return other
    code = f"{'' if one == '1' else one}{sign}{f'({other})' if any(c in other for c in './') else other}"
    return code if ucum.parse(code) is not None else None


def _code(quantity: Quantity) -> str:
    if not quantity.calendar:
        return quantity.unit
    unit = _CALENDAR_UNITS[quantity.unit]
    return unit if isinstance(unit, str) else quantity.unit


def to_decimal(value: Fraction) -> Decimal:
    """Return the fraction as a decimal of at most 38 digits."""
    return DECIMALS.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(DECIMALS)


def convert(source: Quantity, target: Quantity) -> Quantity | None:
    """Return `source` in the unit of `target` (whose value is not looked at), or None where the units do not agree."""
    both = common(source, target)
    unit = target.measure()
    if both is None:
        return None
    if unit is None or (source.unit == target.unit and source.calendar == target.calendar):
        return Quantity(source.value, target.unit, target.calendar, target.word)
    value = to_decimal(both[0] / unit.factor - unit.zero)
    return Quantity(value, target.unit, target.calendar, target.word)
