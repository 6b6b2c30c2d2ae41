"""Units of measure: what a UCUM code stands for, so that quantities can be compared, added and multiplied.

https://ucum.org/ucum

Covers the grammar (prefixes, exponents, products, quotients, parentheses, annotations) over the units in clinical
use. Arbitrary units ("[iU]") are a dimension of their own, equal to themselves alone. Units with a zero point of
their own (Cel, [degF]) convert only where they stand alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_MAX_LENGTH = 120
_MAX_EXPONENT = 30

_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_BINARY_PREFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
_BASE = ("m", "g", "s", "rad", "K", "cd", "C")
# Metric atoms take prefixes. Each is (number, unit in terms of atoms above it).
_METRIC = {
    "mol": ("602214076000000000000000", "1"), "sr": ("1", "rad2"), "Hz": ("1", "s-1"), "N": ("1000", "g.m/s2"),
    "Pa": ("1", "N/m2"), "J": ("1", "N.m"), "W": ("1", "J/s"), "A": ("1", "C/s"), "V": ("1", "J/C"),
    "F": ("1", "C/V"), "Ohm": ("1", "V/A"), "S": ("1", "Ohm-1"), "Wb": ("1", "V.s"), "T": ("1", "Wb/m2"),
    "H": ("1", "Wb/A"), "lm": ("1", "cd.sr"), "lx": ("1", "lm/m2"), "Bq": ("1", "s-1"), "Gy": ("1", "J/kg"),
    "Sv": ("1", "J/kg"), "kat": ("1", "mol/s"), "U": ("1/60000000", "mol/s"), "l": ("1", "dm3"), "L": ("1", "dm3"),
    "ar": ("100", "m2"), "t": ("1000", "kg"), "bar": ("100000", "Pa"), "u": ("1.66053906660E-24", "g"),
    "eV": ("1.602176634E-19", "J"), "pc": ("3.085678E16", "m"), "cal": ("4.184", "J"), "eq": ("1", "mol"),
    "osm": ("1", "mol"), "g%": ("10", "g/l"), "dyn": ("1", "g.cm/s2"), "erg": ("1", "dyn.cm"), "P": ("1", "dyn.s/cm2"),
    "St": ("1", "cm2/s"), "R": ("0.000258", "C/kg"), "RAD": ("100", "erg/g"),
    "REM": ("1", "RAD"), "Ci": ("37000000000", "Bq"), "m[H2O]": ("9806.65", "Pa"), "m[Hg]": ("133322", "Pa"),
    "bit": ("1", "[bit]"), "By": ("8", "[bit]"), "Bd": ("1", "s-1"), "st": ("1", "m3"),
}  # fmt: skip
# Other atoms stand as they are.
_PLAIN = {
    "%": ("0.01", "1"), "[ppth]": ("0.001", "1"), "[ppm]": ("1E-6", "1"),
    "[ppb]": ("1E-9", "1"), "[pptr]": ("1E-12", "1"), "[pi]": ("3.1415926535897932384626433832795", "1"),
    "min": ("60", "s"), "h": ("3600", "s"), "d": ("86400", "s"), "wk": ("604800", "s"), "a": ("31557600", "s"),
    "a_j": ("31557600", "s"), "a_g": ("31556952", "s"), "mo": ("2629800", "s"), "mo_j": ("2629800", "s"),
    "mo_g": ("2629746", "s"), "deg": ("0.01745329251994329576923690768489", "rad"), "gon": ("0.9", "deg"),
    "'": ("1/60", "deg"), "''": ("1/3600", "deg"), "[in_i]": ("2.54", "cm"), "[ft_i]": ("30.48", "cm"),
    "[yd_i]": ("91.44", "cm"), "[mi_i]": ("160934.4", "cm"), "[in_us]": ("100/3937", "m"),
    "[ft_us]": ("1200/3937", "m"), "[nmi_i]": ("1852", "m"), "[kn_i]": ("1852", "m/h"), "[sin_i]": ("6.4516", "cm2"),
    "[sft_i]": ("929.0304", "cm2"), "[cin_i]": ("16.387064", "cm3"), "[cft_i]": ("28316.846592", "cm3"),
    "[gr]": ("64.79891", "mg"), "[lb_av]": ("453.59237", "g"), "[oz_av]": ("28.349523125", "g"),
    "[dr_av]": ("1.7718451953125", "g"), "[stone_av]": ("6350.29318", "g"), "[ston_av]": ("907184.74", "g"),
    "[oz_tr]": ("31.1034768", "g"), "[lb_tr]": ("373.2417216", "g"), "[oz_ap]": ("31.1034768", "g"),
    "[gal_us]": ("3785.411784", "cm3"), "[qt_us]": ("946.352946", "cm3"), "[pt_us]": ("473.176473", "cm3"),
    "[cup_us]": ("236.5882365", "cm3"), "[foz_us]": ("29.5735295625", "cm3"), "[fdr_us]": ("3.6966911953125", "cm3"),
    "[tbs_us]": ("14.78676478125", "cm3"), "[tsp_us]": ("4.92892159375", "cm3"), "[gal_br]": ("4546.09", "cm3"),
    "[pt_br]": ("568.26125", "cm3"), "[foz_br]": ("28.4130625", "cm3"), "[foz_m]": ("30", "cm3"),
    "[tbs_m]": ("15", "cm3"), "[tsp_m]": ("5", "cm3"), "[cup_m]": ("240", "cm3"), "[drp]": ("0.05", "ml"),
    "[psi]": ("6894.757293168", "Pa"), "atm": ("101325", "Pa"), "[in_i'Hg]": ("3386.3788", "Pa"),
    "[in_i'H2O]": ("249.08891", "Pa"), "[Btu_IT]": ("1055.05585262", "J"), "[Cal]": ("4184", "J"),
    "[HP]": ("745.69987158227022", "W"), "[lbf_av]": ("4.4482216152605", "N"), "gf": ("9.80665", "g.m/s2"),
    "[g]": ("9.80665", "m/s2"), "[c]": ("299792458", "m/s"), "[degR]": ("5/9", "K"), "Ao": ("0.1", "nm"),
    "[car_m]": ("0.2", "g"), "[acr_us]": ("4046.872609874252", "m2"), "b": ("100", "fm2"), "[Ch]": ("1/3", "mm"),
    "[diop]": ("1", "m-1"), "[MET]": ("3.5", "ml/min/kg"), "[HPF]": ("1", "[HPF]"), "[LPF]": ("100", "[HPF]"),
    "[mesh_i]": ("1", "[in_i]-1"), "[wood'U]": ("8", "MPa.s/m3"), "[lne]": ("1/12", "[in_i]"),
}  # fmt: skip
_ZERO_POINTS = {
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67")),
    "[degRe]": (Fraction(5, 4), Fraction("218.52")),
}
_ARBITRARY = re.compile(r"\[[^\[\]\s]+\](?:_?[A-Za-z0-9]*)?|B(?:\[[A-Za-z0-9.]+\])?|Np")
_SCAN = re.compile(
    r"(?P<ten>10[*^])(?P<power>[+-]?\d+)?|(?P<number>\d+)|(?P<sign>[./()])|(?P<note>\{[^{}]*\})"
    r"|(?P<atom>(?:[A-Za-z%'_]|\[[^\[\]\s]*\])+)(?P<exponent>[+-]?\d+)?"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What one unit is: `factor` times the product of base units, plus `zero` for a scale with its own zero point.

    dimensions   sorted pairs (base unit, exponent), () for a pure number
    """

    factor: Fraction
    dimensions: tuple[tuple[str, int], ...]
    zero: Fraction = Fraction(0)

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """Return the product, or with sign -1 the quotient."""
        powers = dict(self.dimensions)
        for base, exponent in other.dimensions:
            powers[base] = powers.get(base, 0) + sign * exponent
        dimensions = tuple(sorted((base, power) for base, power in powers.items() if power))
        return Unit(self.factor * other.factor**sign, dimensions)

    def power(self, exponent: int) -> Unit:
        """Return the unit raised to a whole power."""
        return Unit(self.factor**exponent, tuple((base, power * exponent) for base, power in self.dimensions))


_ONE = Unit(Fraction(1), ())


@lru_cache(maxsize=2048)
def parse(code: str) -> Unit | None:
    """Return the unit a UCUM code stands for, or None where the code is not UCUM or beyond the limits here."""
    if code in _ZERO_POINTS:
        factor, zero = _ZERO_POINTS[code]
        return Unit(factor, (("K", 1),), zero)
    if not code or len(code) > _MAX_LENGTH:
        return None
    try:
        return _Reader(code).read()
    except ValueError:
        return None


class _Reader:
    """Reads one code from left to right; raises ValueError where it is not UCUM."""

    def __init__(self, code: str) -> None:
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
        unit, sign = _ONE, 1
        if self._peek() == "/":
            self.position += 1
            sign = -1
        while True:
            unit = unit.times(self._component(), sign)
            operator = self._peek()
            if operator not in (".", "/"):
                return unit
            sign = 1 if operator == "." else -1
            self.position += 1

    def _component(self) -> Unit:
        match = _SCAN.match(self.code, self.position)
        if match is None:
            raise ValueError(self.code)
        self.position = match.end()
        if match["sign"] == "(":
            unit = self._parenthesis()
        elif match["ten"]:
            unit = _raised(Unit(Fraction(10), ()), match["power"])
        elif match["number"] and int(match["number"]):
            unit = Unit(Fraction(match["number"]), ())
        elif match["note"]:
            return _ONE
        elif match["atom"]:
            unit = _raised(_atom(match["atom"]), match["exponent"])
        else:
            raise ValueError(self.code)
        note = _SCAN.match(self.code, self.position)
        if note is not None and note["note"]:
            self.position = note.end()
        return unit

    def _parenthesis(self) -> Unit:
        self.depth += 1
        if self.depth > _MAX_EXPONENT:
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


@lru_cache(maxsize=1024)
def _atom(name: str) -> Unit:
    """Return an atom, with or without a prefix."""
    found = _whole_atom(name)
    if found is not None:
        return found
    for length in (1, 2):
        prefix, rest = name[:length], name[length:]
        if rest not in _METRIC and rest not in _BASE and not _ARBITRARY.fullmatch(rest):
            continue
        if prefix in _PREFIXES:
            scale = Fraction(10) ** _PREFIXES[prefix]
        elif prefix in _BINARY_PREFIXES:
            scale = Fraction(2) ** _BINARY_PREFIXES[prefix]
        else:
            continue
        unit = _whole_atom(rest)
        if unit is not None:
            return Unit(unit.factor * scale, unit.dimensions)
    raise ValueError(name)


def _whole_atom(name: str) -> Unit | None:
    if name in _BASE:
        return Unit(Fraction(1), ((name, 1),))
    number, unit = _METRIC.get(name) or _PLAIN.get(name) or ("", "")
    if unit and unit != name:
        base = _Reader(unit).read()
        return Unit(Fraction(number) * base.factor, base.dimensions)
    if _ARBITRARY.fullmatch(name):
        return Unit(Fraction(1), ((name, 1),))
    return None
