"""What a prefix means, read naively from the specification: amounts as sets of numbers, in fractions.

https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


@dataclass(frozen=True)
class Amount:
    """The numbers from low to high; None is no end, an open end is not among them."""

    low: Fraction | None
    high: Fraction | None
    low_open: bool = False
    high_open: bool = False

    @staticmethod
    def point(text: str, comparator: str | None = None) -> Amount:
        value, strict = Fraction(text), comparator in ("<", ">")
        if comparator and comparator[0] == "<":
            return Amount(None, value, high_open=strict)
        if comparator:
            return Amount(value, None, low_open=strict)
        return Amount(value, value)

    @staticmethod
    def range(low: str | None, high: str | None) -> Amount:
        return Amount(None if low is None else Fraction(low), None if high is None else Fraction(high))

    def scaled(self, factor: Fraction, offset: Fraction = Fraction(0)) -> Amount:
        ends = (None if end is None else (end + offset) * factor for end in (self.low, self.high))
        return Amount(*ends, self.low_open, self.high_open)

    def has_above(self, value: Fraction) -> bool:
        return self.high is None or self.high > value

    def has_below(self, value: Fraction) -> bool:
        return self.low is None or self.low < value

    def reaches_up_to(self, value: Fraction) -> bool:
        return self.has_above(value) or (self.high == value and not self.high_open)

    def reaches_down_to(self, value: Fraction) -> bool:
        return self.has_below(value) or (self.low == value and not self.low_open)


def half_of_the_last_digit(number: str) -> Fraction:
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Fraction(10) ** (int(exponent or 0) - decimals) / 2


def expected(
    prefix: str, number: str, amount: Amount, factor: Fraction = Fraction(1), offset: Fraction = Fraction(0)
) -> bool:
    """Say whether an amount, in base units, matches a value in a unit of (value + offset) * factor base units."""

    def based(value: Fraction) -> Fraction:
        return (value + offset) * factor

    written = Fraction(number)
    value, half = based(written), half_of_the_last_digit(number)
    match prefix or "eq":
        case "eq" | "ne" as which:
            bottom, top = based(written - half), based(written + half)
            inside = amount.low is not None and amount.high is not None and bottom <= amount.low and amount.high < top
            return inside == (which == "eq")
        case "gt":
            return amount.has_above(value)
        case "lt":
            return amount.has_below(value)
        case "ge":
            return amount.reaches_up_to(value)
        case "le":
            return amount.reaches_down_to(value)
        case "sa":
            return not amount.reaches_down_to(value)
        case "eb":
            return not amount.reaches_up_to(value)
        case "ap":
            margin = abs(written) / 10
            return amount.reaches_up_to(based(written - margin)) and amount.reaches_down_to(based(written + margin))
    raise ValueError(prefix)


def search_values(known: Sequence[str]) -> st.SearchStrategy[tuple[str, str]]:
    """(prefix, number): numbers that are stored, and others of up to 18 digits near and far."""
    digits = st.integers(-(10**18) + 1, 10**18 - 1)
    near = st.integers(-2000, 2000)
    numbers = st.sampled_from(known)
    numbers |= st.builds(_text, near, st.integers(0, 4))
    # Amounts in base units keep 40 digits: beside 273.15 K nothing below 1e-37 can be told from 0.
    numbers |= st.builds(_text, digits, st.integers(0, 34))
    numbers |= st.builds("{}e{}".format, near, st.integers(-34, 40))
    return st.tuples(st.sampled_from(PREFIXES), numbers)


def _text(digits: int, decimals: int) -> str:
    text = str(abs(digits)).rjust(decimals + 1, "0")
    whole, fraction = text[: len(text) - decimals], text[len(text) - decimals :]
    return f"{'-' if digits < 0 else ''}{whole}{'.' if fraction else ''}{fraction}"
