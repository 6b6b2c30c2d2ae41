"""Units convert exactly, in the table and the grammar of UCUM.

https://ucum.org/ucum
"""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry, get_ucum_parser
from ucumvert.parser import InvalidUcumError, parse_ucum

from fhir_server.definitions import ucum
from fhir_server.definitions.compile_ucum import compile_ucum, essence
from tests.paths import R4_PACKAGE, needs_r4_package

TABLE = ucum.official()
# Where the library follows another book than UCUM's own table: angles are taken for times, Gaussian units for SI ...
OTHERWISE = {
    *("[LPF]", "Oe", "Mx", "G", "g%", "'", "''", "[cft_i]", "[cyd_i]", "[rd_br]", "[ch_br]", "[lk_br]", "cal_[15]"),
    *("[Cal]", "[Btu]", "[didot]", "[cicero]", "[in_i'H2O]", "[in_i'Hg]"),
}
BASES = {"m", "s", "g", "rad", "K", "C", "cd"}


@cache
def library() -> Any:
    return get_ucum_parser()


def known_to_the_library(code: str) -> bool:
    try:
        parse_ucum(code, library())
    except InvalidUcumError:
        return False
    return True


def in_base(code: str, value: str | Decimal) -> Decimal:
    found = ucum.canonical(code)
    assert found is not None
    return found.convert(Decimal(value))


@st.composite
def simple(draw: st.DrawFn) -> str:
    atom = draw(st.sampled_from(sorted(code for code, (_, unit) in TABLE.atoms.items() if not unit.zero)))
    prefix = draw(st.sampled_from(["", *sorted(TABLE.prefixes)])) if TABLE.atoms[atom][0] else ""
    return prefix + atom


def terms() -> st.SearchStrategy[str]:
    """Codes as UCUM's grammar makes them."""
    exponent = st.sampled_from(["", "2", "-1", "3", "+2", "-2"])
    note = st.sampled_from(["", "", "{cells}", "{a/b}"])
    component = st.builds(lambda *parts: "".join(parts), simple(), exponent, note)
    component |= st.sampled_from(["{beats}", "10*3", "10^-2", "100", "7{x}"])
    inner = st.builds("{}{}{}".format, component, st.sampled_from("./"), component)
    component |= inner.map("({})".format)
    return st.builds(
        lambda start, parts, signs: start + "".join(map("".join, zip(parts, (*signs, ""), strict=True))),
        st.sampled_from(["", "", "/"]),
        st.lists(component, min_size=3, max_size=3),
        st.lists(st.sampled_from("./"), min_size=2, max_size=2),
    )


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6)
units = simple()


def test_the_table_is_the_one_the_library_carries_today() -> None:
    head, *rows = compile_ucum(essence())
    assert {row[0] for row in rows} == set(TABLE.atoms)
    for code, metric, factor, dimensions, *_zero in rows:
        kept = TABLE.atoms[code]
        assert (kept[0], str(kept[1].factor), dict(kept[1].dimensions)) == (bool(metric), factor, dimensions)
    assert {code: str(value) for code, value in TABLE.prefixes.items()} == head["prefixes"]
    assert "ucum.org/license" in head["notice"]


@needs_r4_package
def test_every_code_of_the_value_sets_of_units_in_r4_is_a_unit() -> None:
    missing, seen = [], 0
    for name in ("ucum-common", "ucum-bodylength", "ucum-bodytemp", "ucum-bodyweight", "ucum-vitals-common"):
        content = json.loads((R4_PACKAGE / f"ValueSet-{name}.json").read_text(encoding="utf-8"))
        codes = [concept["code"] for part in content["compose"]["include"] for concept in part["concept"]]
        seen += len(codes)
        missing += [code for code in codes if ucum.canonical(code) is None]
    assert seen > 1300
    assert missing == []


def test_the_official_list_of_common_units_is_read() -> None:
    lines = (essence().parent / "ucum_examples.tsv").read_text(encoding="utf-8").splitlines()[1:]
    codes = [line.split("\t")[1] for line in lines]
    assert len(codes) > 800
    assert [code for code in codes if ucum.parse(code) is None] == ["Torr"], "which the table does not have"
    assert not known_to_the_library("Torr")


@given(terms())
def test_what_the_grammar_makes_is_read_here_and_by_the_library(code: str) -> None:
    assert ucum.parse(code) is not None or len(code) > 120
    assert known_to_the_library(code)


@given(st.text(alphabet="mgslkLdu/.()[]{}*^'%-0123456789ai", max_size=12) | terms().map(lambda code: code[1:]))
def test_what_is_read_here_the_library_reads_too(code: str) -> None:
    assert ucum.parse(code) is None or known_to_the_library(code)


def test_factors_are_those_of_the_library_where_it_follows_the_table() -> None:
    registry = PintUcumRegistry()
    compared, different = 0, set()
    for code, (_, unit) in TABLE.atoms.items():
        if unit.zero or not {base for base, _ in unit.dimensions} <= BASES:
            continue
        theirs = registry.from_ucum(code).to_base_units()
        moles = theirs.dimensionality.get("[substance]", 0)
        mine = unit.factor * Fraction(1, 1000) ** dict(unit.dimensions).get("g", 0)
        compared += 1
        if abs(float(theirs.magnitude) * 6.02214076e23**moles / float(mine) - 1) > 1e-5:
            different.add(code)
    assert compared > 240
    assert different == OTHERWISE


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("5.4 mg", "0.0054 g"), ("1 kg", "1000000 mg"), ("60 /min", "1 Hz"), ("72 {beats}/min", "1.2 s-1"),
        ("37 Cel", "310.15 K"), ("98.6 [degF]", "37 Cel"), ("-40 Cel", "-40 [degF]"), ("37000 mCel", "37 Cel"),
        ("120 mm[Hg]", "15998.64 Pa"), ("1 [in_i'Hg]", "25.4 mm[Hg]"), ("1 mmol/L", "1000 umol/L"), ("10 dB", "1 B"),
        ("1 [IU]/mL", "1000 [iU]/L"), ("1 g%", "10 g/L"), ("1 U", "1 umol/min"), ("180 deg", "1 [pi].rad"),
        ("1 [Cal]", "1 kcal"), ("4 10*3/uL", "4 10*9/L"), ("1 mo", "30.4375 d"), ("50 %", "0.5 1"),
        ("1 mg/dL", "10 mg/L"), ("1 cft", None), ("1 [cft_i]", "1728 [cin_i]"), ("23 mm/h", "0.023 m/h"),
    ],
)  # fmt: skip
def test_equal_amounts_are_equal_numbers(left: str, right: str | None) -> None:
    value, code = left.split(" ")
    if right is None:
        assert ucum.canonical(code) is None
        return
    other, other_code = right.split(" ")
    one, two = ucum.canonical(code), ucum.canonical(other_code)
    assert one is not None and two is not None
    assert (one.code, one.convert(Decimal(value))) == (two.code, two.convert(Decimal(other)))


@pytest.mark.parametrize(
    ("left", "right"),
    [("mg", "mL"), ("[pH]", "mol/L"), ("B[V]", "V"), ("[iU]", "1"), ("[iU]", "[arb'U]"), ("B", "Np"), ("g", "[iU]")],
)
def test_units_that_do_not_convert_have_different_base_units(left: str, right: str) -> None:
    one, two = ucum.canonical(left), ucum.canonical(right)
    assert one is not None and two is not None
    assert one.code != two.code


@pytest.mark.parametrize(
    "code",
    [
        "", "foo", "mgg", "m/", ".m", "m..s", "(m", "m)", "m s", "kkg", "m0", "m-0", "01", "m99999", "m31", "k[arb'U]",
        "Cel/min", "Cel2", "2.Cel", "/Cel", "MGg", "m{", "m{}}", "{é}", "(m)2", "m" * 121, "(" * 31 + "m" + ")" * 31,
        "Ym30", "deg30", "[" * 100, "٣m", "mg\n",
    ],
)  # fmt: skip
def test_what_is_no_unit_or_out_of_bounds_is_none(code: str) -> None:
    assert ucum.parse(code) is None
    assert ucum.canonical(code) is None


@given(units, numbers, numbers)
def test_the_order_of_values_is_kept(code: str, left: Decimal, right: Decimal) -> None:
    one, two = in_base(code, left), in_base(code, right)
    assert (one < two, one == two) == (left < right, left == right)


@given(units, numbers)
def test_conversion_goes_there_and_back(code: str, value: Decimal) -> None:
    unit = ucum.parse(code)
    assert unit is not None
    with localcontext(prec=60):
        back = in_base(code, value) * unit.factor.denominator / unit.factor.numerator
        assert abs(back - value) <= abs(value) * Decimal("1e-38")


@given(numbers, st.sampled_from(["Cel", "[degF]", "[degRe]", "mCel"]))
def test_temperatures_keep_their_order_and_go_there_and_back(value: Decimal, code: str) -> None:
    unit = ucum.parse(code)
    assert unit is not None
    true = (Fraction(value) + unit.zero) * unit.factor
    assert abs(Fraction(in_base(code, value)) - true) <= abs(true) * Fraction(1, 10**38)
    assert in_base(code, value) < in_base(code, value + Decimal("0.000001"))


@given(numbers, st.data())
def test_the_same_amount_with_another_prefix_is_the_same_number(value: Decimal, data: st.DataObject) -> None:
    atom = data.draw(st.sampled_from(sorted(code for code, (metric, _) in TABLE.atoms.items() if metric)))
    prefixes = sorted(prefix for prefix in TABLE.prefixes if not prefix.endswith("i"))
    one, two = data.draw(st.sampled_from(prefixes)), data.draw(st.sampled_from(prefixes))
    if (one + atom in TABLE.atoms) or (two + atom in TABLE.atoms):
        return
    ratio = TABLE.prefixes[one] / TABLE.prefixes[two]
    with localcontext(prec=100):
        other = value * ratio.numerator / ratio.denominator
    assert in_base(one + atom, value) == in_base(two + atom, other)


@given(numbers)
def test_the_same_rate_is_the_same_number_though_it_has_no_last_digit(value: Decimal) -> None:
    assert in_base("/min", value) == in_base("/h", value * 60) == in_base("/d", value * 1440)
    assert in_base("U/L", value) == in_base("mol/s/L", value.scaleb(-6) / 60) or value % 6
    assert in_base("[lb_av]/[in_i]", value) == in_base("[lb_av]/[ft_i]", value * 12)


def test_an_open_end_stays_open() -> None:
    for code in ("mg", "/min", "Cel", "[degF]"):
        assert in_base(code, "Infinity") == Decimal("Infinity")
        assert in_base(code, "-Infinity") == Decimal("-Infinity")
    assert in_base("mg", "0") == 0


def test_base_units_are_told_as_ucum() -> None:
    codes = {"mg/dL": "g.m-3", "mmol/L": "m-3", "mm[Hg]": "g.m-1.s-2", "%": "1", "[iU]/L": "[iU].m-3", "[degF]": "K"}
    assert {code: getattr(ucum.canonical(code), "code", None) for code in codes} == codes
    assert all(ucum.canonical(code) for code in codes.values())
