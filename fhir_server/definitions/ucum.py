"""Units of measure: what a UCUM code stands for, exactly, so that quantities can be compared across units.

https://ucum.org/ucum

The units and prefixes are UCUM's own table (data/ucum.json, made by `compile_ucum`); this file reads the grammar over
them. Factors are fractions, nothing is rounded before the last step. Arbitrary units ("[iU]") and those on a
logarithmic or trigonometric scale ("[pH]", "B[V]") are dimensions of their own: a prefix converts, nothing else does.
Scales with a zero point ("Cel", "[degF]") convert where they stand alone, and are no unit inside a product. Annotations
("{beats}/min") mean nothing to the amount; they may hold blanks, as some in R4's value set of common units do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache, partial
from pathlib import Path

import msgspec

SYSTEM = "http://unitsofmeasure.org"
"""The system of a UCUM code."""

_DATA = Path(__file__).parent / "data" / "ucum.json"
_MAX_LENGTH = 120
_MAX_EXPONENT = 30
_MAX_DEPTH = 30
_MAX_BITS = 2000  # of a factor's numerator or denominator, about 600 digits: [h] and mol3 are far inside
_SCAN = re.compile(
    r"(?P<ten>10[*^])(?P<power>[+-]?[1-9]\d*)?|(?P<number>[1-9]\d*)|(?P<open>\()|(?P<note>\{[ -z|~]*\})"
    r"|(?P<atom>(?:[A-Za-z%'_]|\[[^\[\]\s]*\])+)(?P<exponent>[+-]?[1-9]\d*)?",
    re.ASCII,
)
_SIGNS = {".": 1, "/": -1}
Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one unit is: a value v in it is (v + zero) * factor of the product of base units.

    factor      positive
    dimensions  sorted pairs (base unit, exponent), () for a pure number
    zero        not 0 for a scale with its own zero point
    """

    factor: Fraction
    dimensions: Dimensions
    zero: Fraction = Fraction(0)

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """Return the product, or with sign -1 the quotient. Raises ValueError for a scale with a zero point."""
        if self.zero or other.zero:
            raise ValueError("a scale with a zero point cannot be multiplied")
        powers = dict(self.dimensions)
        for base, exponent in other.dimensions:
            powers[base] = powers.get(base, 0) + sign * exponent
        dimensions = tuple(sorted((base, power) for base, power in powers.items() if power))
        return Unit(self.factor * other.factor**sign, dimensions)

    def power(self, exponent: int) -> Unit:
        """Return the unit raised to a whole power. Raises ValueError for a scale with a zero point."""
        if self.zero:
            raise ValueError("a scale with a zero point has no powers")
        return Unit(self.factor**exponent, tuple((base, power * exponent) for base, power in self.dimensions))

    def scaled(self, prefix: Fraction) -> Unit:
        """Return the unit with a prefix, which belongs to the number: 1 mCel is Cel of 0.001."""
        return Unit(self.factor * prefix, self.dimensions, self.zero / prefix)

    @property
    def base(self) -> str:
        """The UCUM code of the product of base units: "g.m-3", "1" for a pure number."""
        return ".".join(f"{name}{'' if power == 1 else power}" for name, power in self.dimensions) or "1"


ONE = Unit(Fraction(1), ())


@dataclass(frozen=True, slots=True)
class Table:
    """The prefixes and units that codes are made of.

    atoms  code -> (whether it takes prefixes, the unit)
    """

    prefixes: Mapping[str, Fraction]
    atoms: Mapping[str, tuple[bool, Unit]]

    def parse(self, code: str) -> Unit | None:
        """Return the unit a code stands for, or None where it is not UCUM or beyond the limits here."""
        if not code or len(code) > _MAX_LENGTH:
            return None
        try:
            unit = _Reader(self, code).read()
        except ValueError:
            return None
        return unit if max(unit.factor.numerator, unit.factor.denominator).bit_length() <= _MAX_BITS else None

    def simple(self, name: str) -> Unit:
        """Return an atom, with or without a prefix. Raises ValueError when there is none of that name."""
        found = self.atoms.get(name)
        if found is not None:
            return found[1]
        for length in (1, 2):
            prefix, atom = self.prefixes.get(name[:length]), self.atoms.get(name[length:])
            if prefix is not None and atom is not None and atom[0]:
                return atom[1].scaled(prefix)
        raise ValueError(name)


class _Reader:
    """Reads one code from left to right; raises ValueError where it is not UCUM."""

    def __init__(self, table: Table, code: str) -> None:
        self.table = table
        self.code = code
        self.position = 0
        self.depth = 0

    def read(self) -> Unit:
        unit = self._term()
        if self.position != len(self.code):
            raise ValueError(self.code)
        return unit

    def _peek(self) -> str:
        return self.code[self.position : self.position + 1]

    def _term(self) -> Unit:
        unit = ONE if self._peek() == "/" else self._component()
        while self._peek() in _SIGNS:
            sign = _SIGNS[self._peek()]
            self.position += 1
            unit = unit.times(self._component(), sign)
        return unit

    def _component(self) -> Unit:
        match = _SCAN.match(self.code, self.position)
        if match is None:
            raise ValueError(self.code)
        self.position = match.end()
        if match["note"]:
            return ONE
        if match["open"]:
            unit = self._parenthesis()
        elif match["ten"]:
            unit = _raised(Unit(Fraction(10), ()), match["power"])
        elif match["number"]:
            unit = Unit(Fraction(match["number"]), ())
        else:
            unit = _raised(self.table.simple(match["atom"]), match["exponent"])
        note = _SCAN.match(self.code, self.position)
        if note is not None and note["note"]:
            self.position = note.end()
        return unit

    def _parenthesis(self) -> Unit:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError(self.code)
        unit = self._term()
        if self._peek() != ")":
            raise ValueError(self.code)
        self.position += 1
        self.depth -= 1
        return unit


def _raised(unit: Unit, exponent: str | None) -> Unit:
    if exponent is None:
        return unit
    power = int(exponent) if len(exponent) <= 3 else _MAX_EXPONENT + 1
    if abs(power) > _MAX_EXPONENT:
        raise ValueError(exponent)
    return unit.power(power)


@cache
def official() -> Table:
    """Return the table of UCUM; read on first use, a few milliseconds."""
    head, *rows = msgspec.json.decode(_DATA.read_bytes())
    atoms = {}
    for code, metric, factor, dimensions, *zero in rows:
        unit = Unit(Fraction(factor), tuple(sorted(dimensions.items())), Fraction(zero[0] if zero else 0))
        atoms[code] = (bool(metric), unit)
    return Table({code: Fraction(value) for code, value in head["prefixes"].items()}, atoms)


@lru_cache(maxsize=2048)
def parse(code: str) -> Unit | None:
    """Return the unit a UCUM code stands for, or None where the code is not UCUM or beyond the limits here."""
    return official().parse(code)


# A factor such as 1/60 has no last digit. Products are exact in the wide context and rounded once in the narrow one:
# amounts that are equal in truth are equal here, whatever their units, and none that differ change places.
_DIGITS = 40
_ROUNDED = Context(prec=_DIGITS, Emax=999_999, Emin=-999_999, traps=[])
_EXACT = Context(prec=1500, Emax=999_999, Emin=-999_999, traps=[])


@dataclass(frozen=True, slots=True)
class Canonical:
    """How values of one unit are told in base units.

    code     UCUM code of the base units, the same for all units that convert into each other
    convert  value -> value in base units, at most 40 digits; infinity stays infinity; keeps the order of values
    """

    code: str
    convert: Callable[[Decimal], Decimal]


@lru_cache(maxsize=4096)
def canonical(code: str) -> Canonical | None:
    """Return how values of a unit are told in base units, None where the code is not UCUM."""
    unit = parse(code)
    if unit is None:
        return None
    numerator, denominator = Decimal(unit.factor.numerator), Decimal(unit.factor.denominator)
    if unit.zero:
        zero = _EXACT.divide(Decimal(unit.zero.numerator), Decimal(unit.zero.denominator))
        return Canonical(unit.base, partial(_moved, zero, numerator, denominator))
    if _ends(unit.factor.denominator):
        return Canonical(unit.base, partial(_ROUNDED.multiply, _EXACT.divide(numerator, denominator)))
    return Canonical(unit.base, partial(_divided, numerator, denominator))


def _moved(zero: Decimal, numerator: Decimal, denominator: Decimal, value: Decimal) -> Decimal:
    return _ROUNDED.divide(_EXACT.multiply(_EXACT.add(value, zero), numerator), denominator)


def _divided(numerator: Decimal, denominator: Decimal, value: Decimal) -> Decimal:
    return _ROUNDED.divide(_EXACT.multiply(value, numerator), denominator)


def _ends(denominator: int) -> bool:
    """Say whether a fraction with this denominator has few enough decimals to be written out."""
    return bool(10**300 % denominator == 0)
