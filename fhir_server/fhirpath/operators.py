"""Comparison and arithmetic on single items.

https://hl7.org/fhirpath/N1/#operations
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath import quantity, temporal
from fhir_server.fhirpath.arithmetic import shift
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.quantity import DECIMALS, Quantity
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.fhirpath.values import MAX_INTEGER, described, single, to_text

EMPTY: Items = []
TRUE: Items = [True]
FALSE: Items = [False]

MAX_TEXT = 1_000_000
_NUMBERS = (int, Decimal)
_MOMENTS = frozenset({"date", "dateTime", "instant"})


def boolean(value: bool | None) -> Items:  # noqa: FBT001 - it is the value
    """Return a truth value as a collection; None is empty."""
    return EMPTY if value is None else TRUE if value else FALSE


def order(left: Items, right: Items, env: Environment) -> int | None:
    """Return -1, 0 or 1, or None where a side is empty or precision leaves the order open.

    Raises FhirPathError for several items, and for types that have no order between them (lenient: None).
    """
    if not left or not right:
        return None
    if len(left) == 1 and len(right) == 1:
        one, other = left[0], right[0]
        if type(one) is int and type(other) is int:
            return (one > other) - (one < other)
        quick = _order_of_texts(one, other)
        if quick is not None:
            return quick
    one, other = single(left, "a comparison"), single(right, "a comparison")
    if one is None or other is None:
        return None
    try:
        return _order(one, other)
    except TypeError:
        if env.lenient:
            return None
        raise FhirPathError(f"{described(one)} and {described(other)} have no order") from None


def _order_of_texts(one: Any, other: Any) -> int | None:
    """Compare two moments of one type as text, where equal length and zone make that right: it is much quicker."""
    if type(one) is not Node or type(other) is not Node or one.type != other.type or one.type not in _MOMENTS:
        return None
    left, right = one.value, other.value
    if type(left) is not str or type(right) is not str or len(left) != len(right) or _zone(left) != _zone(right):
        return None
    return (left > right) - (left < right)


def _zone(text: str) -> str:
    if len(text) <= 10 or text[-1] == "Z":
        return text[10:][-1:]
    return text[-6:] if text[-6] in "+-" else ""


def _order(one: Any, other: Any) -> int | None:
    kind, other_kind = type(one), type(other)
    if kind is bool or other_kind is bool:
        raise TypeError
    if kind is Quantity or other_kind is Quantity:
        both = quantity.common(_as_quantity(one), _as_quantity(other))
        return None if both is None else (both[0] > both[1]) - (both[0] < both[1])
    if kind is Temporal and other_kind is Temporal:
        return temporal.compare(one, other)
    if (kind in _NUMBERS and other_kind in _NUMBERS) or (kind is str and other_kind is str):
        return int(one > other) - int(one < other)
    raise TypeError


def _as_quantity(value: Any) -> Quantity:
    if type(value) in _NUMBERS:
        return Quantity(Decimal(value), "1")
    if type(value) is Quantity:
        return value
    raise TypeError


def calculate(operator: str, left: Items, right: Items, env: Environment) -> Items:
    """Return `left operator right` for + - * / div mod and &; empty where a side is, or the result does not fit."""
    if operator == "&":
        return concatenate(left, right, env)
    one, other = single(left, f'"{operator}"'), single(right, f'"{operator}"')
    if one is None or other is None:
        return EMPTY
    try:
        result = _calculate(operator, one, other, env)
    except ArithmeticError:
        return EMPTY
    return EMPTY if result is None else [result]


def _calculate(operator: str, one: Any, other: Any, env: Environment) -> Any:
    kind, other_kind = type(one), type(other)
    if kind in _NUMBERS and other_kind in _NUMBERS:
        return bounded(_NUMERIC[operator](one, other))
    if kind is str and other_kind is str and operator == "+":
        return text(one + other, env)
    if kind is Temporal and other_kind is Quantity and operator in "+-":
        return _move(one, other, operator)
    if Quantity in (kind, other_kind) and kind in (Quantity, *_NUMBERS) and other_kind in (Quantity, *_NUMBERS):
        return _calculate_quantities(operator, one, other)
    raise FhirPathError(f'"{operator}" is not defined for {described(one)} and {described(other)}')


def _calculate_quantities(operator: str, one: Any, other: Any) -> Quantity | None:
    left, right = _as_quantity(one), _as_quantity(other)
    if operator in ("+", "-"):
        return quantity.add(left, right, 1 if operator == "+" else -1)
    if operator == "*":
        return quantity.multiply(left, right)
    if operator == "/":
        return quantity.divide(left, right)
    raise FhirPathError(f'"{operator}" is not defined for Quantity')


def _move(moment: Temporal, amount: Quantity, operator: str) -> Temporal | None:
    unit = amount.duration()
    if unit is None:
        raise FhirPathError(f"a {moment.kind} cannot be moved by the unit '{amount.unit}'")
    value = amount.value if operator == "+" else amount.value.copy_negate()
    try:
        return shift(moment, value, unit)
    except ValueError:
        raise FhirPathError(f"a {moment.kind} cannot be moved by {unit}s") from None


def bounded(value: int | Decimal) -> int | Decimal | None:
    """Return a number, or None where an integer leaves its 32 bits (FHIRPath: overflow is empty)."""
    if type(value) is int:
        return value if -MAX_INTEGER - 1 <= value <= MAX_INTEGER else None
    return value


def _divide(one: int | Decimal, other: int | Decimal) -> Decimal | None:
    if not other:
        return None
    return DECIMALS.divide(Decimal(one), Decimal(other))


def _whole_divide(one: int | Decimal, other: int | Decimal) -> int | None:
    return int(DECIMALS.divide_int(Decimal(one), Decimal(other))) if other else None


def _remainder(one: int | Decimal, other: int | Decimal) -> int | Decimal | None:
    if not other:
        return None
    result = DECIMALS.remainder(Decimal(one), Decimal(other))
    return int(result) if isinstance(one, int) and isinstance(other, int) else result


def _both(
    whole: Callable[[int, int], int], broken: Callable[[Decimal, Decimal], Decimal]
) -> Callable[[Any, Any], int | Decimal]:
    def operate(one: Any, other: Any) -> int | Decimal:
        if type(one) is int and type(other) is int:
            return whole(one, other)
        return broken(Decimal(one), Decimal(other))

    return operate


_NUMERIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _both(int.__add__, DECIMALS.add),
    "-": _both(int.__sub__, DECIMALS.subtract),
    "*": _both(int.__mul__, DECIMALS.multiply),
    "/": _divide,
    "div": _whole_divide,
    "mod": _remainder,
}


def negate(items: Items, sign: str) -> Items:
    """Return `+items` or `-items`; raises FhirPathError for what is neither number nor Quantity."""
    value = single(items, f'"{sign}"')
    if value is None:
        return EMPTY
    if type(value) is Quantity:
        number = value.value if sign == "+" else value.value.copy_negate()
        return [Quantity(number, value.unit, value.calendar, value.word)]
    if type(value) not in _NUMBERS:
        raise FhirPathError(f'"{sign}" is not defined for {described(value)}')
    if sign == "+":
        return [value]
    return [value.copy_negate() if type(value) is Decimal else -value]


def text(result: str, env: Environment) -> str:
    """Return a new text, paid for by its length; raises FhirPathTooCostly beyond a million characters."""
    env.spend(len(result) // 10 + (env.steps + 1 if len(result) > MAX_TEXT else 0))
    return result


def concatenate(left: Items, right: Items, env: Environment) -> Items:
    """Return `left & right`; an empty side counts as the empty text."""
    words = []
    for items in (left, right):
        value = single(items, '"&"')
        word = "" if value is None else to_text(value)
        if word is None:
            raise FhirPathError(f'"&" is not defined for {described(value)}')
        words.append(word)
    return [text(words[0] + words[1], env)]
