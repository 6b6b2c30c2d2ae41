"""Dates, times, quantities and units obey the laws of FHIRPath.

https://hl7.org/fhirpath/N1/#operations
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fhir_server.definitions import ucum
from fhir_server.fhirpath import FhirPathError, Quantity, Temporal, compile  # noqa: A004
from fhir_server.fhirpath.arithmetic import shift
from fhir_server.fhirpath.quantity import parse_quantity
from fhir_server.fhirpath.temporal import compare, parse_moment, parse_time


def value(source: str) -> object:
    items = compile(source).evaluate(None)
    assert len(items) <= 1
    return items[0] if items else None


@st.composite
def moments(draw: st.DrawFn) -> Temporal:
    """A DateTime of any precision, with a zone or without."""
    moment = draw(st.datetimes(datetime.datetime(1900, 1, 2), datetime.datetime(2100, 12, 30)))  # noqa: DTZ001
    length = draw(st.sampled_from([4, 7, 10, 16, 19, 23]))
    text = moment.isoformat(timespec="milliseconds")[:length]
    zone = draw(st.sampled_from(["", "Z", "+02:00", "-11:30", "+14:00"])) if length > 10 else ""
    parsed = parse_moment(text + zone, "DateTime")
    assert parsed is not None
    return parsed


@given(moments(), moments())
def test_order_is_antisymmetric(one: Temporal, other: Temporal) -> None:
    order, reverse = compare(one, other), compare(other, one)
    assert (order is None and reverse is None) or (order is not None and reverse is not None and order == -reverse)


@given(moments(), moments(), moments())
def test_order_is_transitive(one: Temporal, two: Temporal, three: Temporal) -> None:
    if compare(one, two) == -1 and compare(two, three) == -1:
        assert compare(one, three) in (-1, None)


@given(moments(), moments())
def test_equal_moments_have_one_key(one: Temporal, other: Temporal) -> None:
    assert (compare(one, other) == 0) is (one.key() == other.key())


@given(st.datetimes(timezones=st.just(datetime.UTC)), st.datetimes(timezones=st.just(datetime.UTC)))
def test_zoned_moments_compare_as_instants(one: datetime.datetime, other: datetime.datetime) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    assume(one.year > 1 and one.year < 9999)
    left = parse_moment(one.astimezone(zone).isoformat(timespec="milliseconds"), "DateTime")
    right = parse_moment(other.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "DateTime")
    assert left is not None and right is not None
    cut_one, cut_other = one.isoformat(timespec="milliseconds"), other.isoformat(timespec="milliseconds")
    assert compare(left, right) == (cut_one > cut_other) - (cut_one < cut_other)


@given(st.dates(datetime.date(1800, 1, 1), datetime.date(2200, 1, 1)), st.integers(-10_000, 10_000))
def test_days_there_and_back_is_home(day: datetime.date, days: int) -> None:
    start = parse_moment(day.isoformat(), "Date")
    assert start is not None
    there = shift(start, Decimal(days), "day")
    assert there is not None
    assert there.text == (day + datetime.timedelta(days=days)).isoformat()
    assert shift(there, Decimal(-days), "day") == start


@given(st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1)), st.integers(-(10**9), 10**9))  # noqa: DTZ001
def test_milliseconds_are_exact(start: datetime.datetime, number: int) -> None:
    moment = parse_moment(start.isoformat(timespec="milliseconds") + "+02:00", "DateTime")
    assert moment is not None
    moved = shift(moment, Decimal(number), "millisecond")
    whole = start.replace(microsecond=start.microsecond // 1000 * 1000)
    wanted = whole + datetime.timedelta(milliseconds=number)
    assert moved is not None
    assert moved.text == wanted.isoformat(timespec="milliseconds") + "+02:00"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("(@2020-01-31 + 1 month).toString()", "2020-02-29"),
        ("(@2021-03-31 - 1 month).toString()", "2021-02-28"),
        ("(@2020-02-29 + 1 year).toString()", "2021-02-28"),
        ("(@2014 + 24 months).toString()", "2016"),
        ("(@2014 + 23 months).toString()", "2015"),
        ("(@2016 + 365 days).toString()", "2017"),
        ("(@2019-03 + 40 days).toString()", "2019-04"),
        ("(@2014-01-01 + 24 hours).toString()", "2014-01-02"),
        ("(@2014-01-01 + 23 hours).toString()", "2014-01-01"),
        ("(@T23:00 + 2 hours).toString()", "01:00"),
        ("(@T01:00:00 - 1 second).toString()", "00:59:59"),
        ("(@2014-01-01T08 + 90 minutes).toString()", "2014-01-01T09"),
        ("(@2014-12-31T23:59:59.999Z + 1 millisecond).toString()", "2015-01-01T00:00:00.000Z"),
        ("@9999-12-31 + 1 day", None),
        ("@0001-01-01 - 1 day", None),
        ("@2020-01-01 < @2020-01-02T00:00:00+14:00", None),
        ("@2020-01-01 < @2020-01-04T00:00:00+14:00", True),
        ("@2020-01-01T10:00:00.5Z = @2020-01-01T10:00:00.500Z", True),
        ("@2020 = @2020-01", None),
        ("@2020 ~ @2020-01", False),
        ("@2020 = @2021-01", False),
        ("@T10:30 = @T10:30:00", None),
        ("@T10 < @T11:30", True),
    ],
)
def test_a_date_moves_and_compares_at_its_precision(source: str, wanted: object) -> None:
    assert value(source) == wanted


@pytest.mark.parametrize("source", ["@2020 < @T10", "@T10 + 1 day", "@2020 + 1 'mg'", "@2020 + @2020", "@2020 * 2"])
def test_what_has_no_meaning_for_dates_is_an_error(source: str) -> None:
    with pytest.raises(FhirPathError):
        value(source)


@pytest.mark.parametrize(
    "text",
    [
        "2020-1",
        "2020-02-30",
        "2020-01-01T24:00",
        "2020-01T10",
        "2020-01-01T10:00+15:00",
        "x",
        "2020\n",
        "٢٠٢٠",
        "24:00",
    ],
)
def test_a_text_that_is_no_moment_is_none(text: str) -> None:
    assert parse_moment(text, "DateTime") is None
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("code", "number", "base"),
    [
        ("mg", "1/1000", "g"), ("kg", "1000", "g"), ("mmol/L", "602214076000000000000000", "m-3"),
        ("mm[Hg]", "133.322", "Pa"), ("10*3/uL", "1e12", "m-3"), ("[lb_av]", "453.59237", "g"), ("%", "1/100", "1"),
        ("mg/dL", "10", "g/m3"), ("g%", "10", "g/l"), ("/min", "1/60", "s-1"), ("{beats}/min", "1/60", "s-1"),
        ("ng/mL{RBCs}", "1e-9", "g/ml"), ("kg/m2", "1", "kg.m-2"), ("m/s2", "1", "m.s-2"), ("(m/s)/s", "1", "m/s2"),
        ("U/L", "1/60000000", "mol/s/L"), ("mo", "30.4375", "d"), ("a", "365.25", "d"), ("umol/min", "1", "U"),
        ("[in_i]", "2.54", "cm"), ("meq/L", "1", "mmol/L"), ("dB", "1/10", "B"), ("k[iU]", "1000", "[iU]"),
        ("2.m", "2", "m"), ("cal", "4.184", "J"), ("daL", "10", "L"), ("Mibit", "1048576", "bit"),
    ],
)  # fmt: skip
def test_a_unit_is_a_number_of_base_units(code: str, number: str, base: str) -> None:
    unit, other = ucum.parse(code), ucum.parse(base)
    assert unit is not None and other is not None
    assert unit.dimensions == other.dimensions
    assert unit.factor == Fraction(number) * other.factor


@pytest.mark.parametrize("code", ["", "mgg", "m/", ".m", "m..s", "(m", "m)", "m s", "kkg", "m99999", "foo", "m" * 121])
def test_what_is_no_unit_is_none(code: str) -> None:
    assert ucum.parse(code) is None


@given(st.text(alphabet="mgslkLdu/.()[]{}*^'%-0123456789ai", max_size=30))
def test_any_text_is_a_unit_or_none(code: str) -> None:
    unit = ucum.parse(code)
    assert unit is None or unit.factor > 0


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("37 'Cel' = 310.15 'K'", True),
        ("98.6 '[degF]' = 37 'Cel'", True),
        ("100 'Cel' > 200 '[degF]'", True),
        ("1 'cm' = 1 's'", None),
        ("1 'cm' != 1 's'", None),
        ("1 'foo' = 1 'foo'", True),
        ("1 'foo' = 1 'bar'", None),
        ("1 'cm' < 1 's'", None),
        ("1 'm' + 1 'cm' = 101 'cm'", True),
        ("(1 'm' + 1 'cm').toString()", "101 'cm'"),
        ("1 'm' - 1 's'", None),
        ("3 'mg' * 2 = 6 'mg'", True),
        ("6 'mg' / 2 = 3 'mg'", True),
        ("6 'mg' / 0", None),
        ("12 months = 1 year", True),
        ("1 year = 1 'a'", None),
        ("1 year ~ 1 'a'", True),
        ("1 month ~ 1 'mo'", True),
        ("7 days = 1 week", True),
        ("4040 'mg' ~ 4 'g'", True),
        ("4 'g' ~ 4040 'mg'", True),
        ("5000 'mg' ~ 4 'g'", False),
        ("1000 'mg'.toQuantity('g').toString()", "1 'g'"),
        ("1 = 1 '1'", True),
        ("2 > 1 '1'", True),
        ("(1 'm' | 100 'cm').count()", 1),
    ],
)
def test_a_quantity_compares_in_common_units(source: str, wanted: object) -> None:
    assert value(source) == wanted


numbers = st.decimals(-1000, 1000, places=3)
units = st.sampled_from(["mg", "g", "kg", "[lb_av]", "ug"])


@given(numbers, units, numbers, units)
def test_equal_quantities_have_one_key(one: Decimal, unit: str, other: Decimal, other_unit: str) -> None:
    left, right = Quantity(one, unit), Quantity(other, other_unit)
    same = compile("%a = %b").evaluate(None, variables={"a": left, "b": right}) == [True]
    assert same is (left.key() == right.key())


@given(numbers, units, numbers, units)
def test_addition_does_not_ask_for_the_order(one: Decimal, unit: str, other: Decimal, other_unit: str) -> None:
    variables = {"a": Quantity(one, unit), "b": Quantity(other, other_unit)}
    assert compile("(%a + %b) = (%b + %a)").evaluate(None, variables=variables) == [True]


@given(numbers, units, numbers, units)
def test_equivalence_of_quantities_is_symmetric(one: Decimal, unit: str, other: Decimal, other_unit: str) -> None:
    variables = {"a": Quantity(one, unit), "b": Quantity(other, other_unit)}
    assert compile("(%a ~ %b) = (%b ~ %a)").evaluate(None, variables=variables) == [True]


@given(numbers, units)
def test_a_quantity_written_out_is_read_back(number: Decimal, unit: str) -> None:
    quantity = Quantity(number, unit)
    assert parse_quantity(str(quantity)) == quantity


@given(st.lists(st.integers(-5, 5) | st.sampled_from(["a", "b", "A"]) | st.booleans(), max_size=12))
def test_distinct_keeps_the_first_of_each(rows: list[object]) -> None:
    seen: list[object] = []
    for row in rows:
        if not any(type(row) is type(other) and row == other for other in seen):
            seen.append(row)
    variables = {"rows": rows}
    assert compile("%rows.distinct()").evaluate(None, variables=variables) == seen
    assert compile("%rows | {}").evaluate(None, variables=variables) == seen
    assert compile("%rows.isDistinct()").evaluate(None, variables=variables) == [len(seen) == len(rows)]


@given(st.lists(st.integers(-50, 50), max_size=20))
def test_sort_sorts(rows: list[int]) -> None:
    variables = {"rows": rows}
    assert compile("%rows.sort()").evaluate(None, variables=variables) == sorted(rows)
    assert compile("%rows.sort(-$this)").evaluate(None, variables=variables) == sorted(rows, reverse=True)


@given(st.text(max_size=30), st.sampled_from(["hex", "base64", "urlbase64"]))
def test_decoding_undoes_encoding(text: str, form: str) -> None:
    variables = {"text": text, "form": form}
    assert compile("%text.encode(%form).decode(%form)").evaluate(None, variables=variables) == [text]


@given(st.text(max_size=30), st.sampled_from(["html", "json"]))
def test_unescaping_undoes_escaping(text: str, form: str) -> None:
    variables = {"text": text, "form": form}
    assert compile("%text.escape(%form).unescape(%form)").evaluate(None, variables=variables) == [text]


@given(st.integers(-1000, 1000), st.integers(-1000, 1000).filter(bool))
def test_div_and_mod_belong_together(one: int, other: int) -> None:
    variables = {"a": one, "b": other}
    assert compile("(%a div %b) * %b + (%a mod %b)").evaluate(None, variables=variables) == [one]
