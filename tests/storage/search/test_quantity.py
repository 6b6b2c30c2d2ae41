"""Quantities are found by number, by unit as written, and by amount across the units of UCUM.

https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.storage.search.ranges import Amount, expected, search_values
from tests.stores import EVERYONE, put

UCUM = "http://unitsofmeasure.org"
# code -> (what it measures, factor, offset), from the book and not from the code under test
UNITS: dict[str, tuple[str, Fraction, Fraction]] = {
    "g": ("mass", Fraction(1), Fraction(0)),
    "mg": ("mass", Fraction(1, 1000), Fraction(0)),
    "kg": ("mass", Fraction(1000), Fraction(0)),
    "[lb_av]": ("mass", Fraction("453.59237"), Fraction(0)),
    "/min": ("rate", Fraction(1, 60), Fraction(0)),
    "{beats}/min": ("rate", Fraction(1, 60), Fraction(0)),
    "Hz": ("rate", Fraction(1), Fraction(0)),
    "Cel": ("temperature", Fraction(1), Fraction("273.15")),
    "[degF]": ("temperature", Fraction(5, 9), Fraction("459.67")),
    "K": ("temperature", Fraction(1), Fraction(0)),
    "[pH]": ("pH", Fraction(1), Fraction(0)),
    "mmol/L": ("count", Fraction("602214076000000000000"), Fraction(0)),
}
VALUES = ("0", "0.3", "0.0054", "5.4", "5.35", "5.45", "60", "72", "36.6", "37", "98.6", "1e-30", "123456789012345678")
COMPARATORS = (None, None, None, "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Kept:
    """A stored amount: as it is written, and what it is."""

    amount: Amount
    unit: str | None
    system: str | None
    code: str | None


def observation(id_: str, **value: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "x"}, **value}


def quantity(
    number: str | None, unit: str = "", system: str = "", code: str = "", comparator: str = ""
) -> dict[str, Any]:
    made = {"unit": unit, "system": system, "code": code, "comparator": comparator}
    found: dict[str, Any] = {name: text for name, text in made.items() if text}
    return found if number is None else {"value": Decimal(number), **found}


def found(store: Store, value: str, type_: str = "Observation", code: str = "value-quantity") -> set[str]:
    page = store.search(EVERYONE, SearchRequest(type_, ((code, value),), count=1000))
    return {row.id for row in page.rows}


def fill(store: Store) -> dict[str, Kept]:
    """Every value in every unit, comparators by turns; and some in systems that are not UCUM."""
    kept: dict[str, Kept] = {}
    documents = []
    systems = [(UCUM, code) for code in UNITS] + [("http://other", "mg"), ("", ""), (UCUM, "no-unit")]
    for row, (system, code) in enumerate(systems):
        for column, number in enumerate(VALUES):
            comparator = COMPARATORS[(row + column) % len(COMPARATORS)]
            unit = ("mg", "", "milligram")[column % 3]
            id_ = f"q{row}-{column}"
            documents.append(observation(id_, valueQuantity=quantity(number, unit, system, code, comparator or "")))
            kept[id_] = Kept(Amount.point(number, comparator), unit or None, system or None, code or None)
    put(store, *documents)
    return kept


def matches(kept: Kept, prefix: str, number: str, system: str, code: str) -> bool:
    """The naive reading."""
    if system == UCUM and code in UNITS:
        kind, factor, offset = UNITS[code]
        if kept.system != UCUM or kept.code not in UNITS or UNITS[kept.code][0] != kind:
            return False
        own = UNITS[kept.code]
        return expected(prefix, number, kept.amount.scaled(own[1], own[2]), factor, offset)
    if system:
        fits = kept.system == system and (not code or kept.code == code)
    else:
        fits = not code or code in (kept.code, kept.unit)
    return fits and expected(prefix, number, kept.amount)


def test_quantities_are_found_as_a_naive_reading_of_the_specification_finds_them(store: Store) -> None:
    kept = fill(store)
    units = [(UCUM, code) for code in UNITS]
    units += [("", ""), ("", "mg"), ("", "milligram"), ("http://other", "mg"), ("http://other", ""), (UCUM, "")]
    units += [(UCUM, "no-unit"), ("urn:iso:std:iso:4217", "USD")]

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(search_values([*VALUES, "0.1", "1.2", "310.15", "559.67", "5.40e-3"]), st.sampled_from(units))
    def agree(value: tuple[str, str], unit: tuple[str, str]) -> None:
        prefix, number = value
        text = f"{prefix}{number}|{unit[0]}|{unit[1]}" if any(unit) else prefix + number
        assert found(store, text) == {id_ for id_, row in kept.items() if matches(row, prefix, number, *unit)}, text

    agree()


@pytest.fixture
def amounts(store: Store) -> Store:
    put(
        store,
        observation("mg", valueQuantity=quantity("5.4", "mg", UCUM, "mg")),
        observation("g", valueQuantity=quantity("0.0054", "gram", UCUM, "g")),
        observation("text", valueQuantity=quantity("5.4", "mg")),
        observation("other", valueQuantity=quantity("5.4", "milligram", "http://other", "mg")),
        observation("number", valueQuantity=quantity("5.4")),
        observation("unit", valueQuantity=quantity(None, "mg", UCUM, "mg")),
        observation("less", valueQuantity=quantity("5.4", "mg", UCUM, "mg", "<")),
        observation("absent", dataAbsentReason={"text": "lost"}),
    )
    return store


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("5.4|http://unitsofmeasure.org|mg", "mg g"),
        ("5.40e-3|http://unitsofmeasure.org|g", "mg g"),
        ("0.0000054|http://unitsofmeasure.org|kg", "mg g"),
        ("5400|http://unitsofmeasure.org|ug", "mg g"),
        ("5.4|http://unitsofmeasure.org|mg{total}", "mg g"),
        ("5.4||mg", "mg text other"),
        ("5.4||gram", ""),
        ("0.0054||gram", "g"),
        ("5.4", "mg text other number"),
        ("5.4||", "mg text other number"),
        ("5.4|http://other|mg", "other"),
        ("5.4|http://other|", "other"),
        ("5.4|http://unitsofmeasure.org|", "mg"),
        ("5.4|http://unitsofmeasure.org|mL", ""),
        ("5.4|http://unitsofmeasure.org|frobs", ""),
        ("le5.4|http://unitsofmeasure.org|mg", "mg g less"),
        ("ge5.4|http://unitsofmeasure.org|mg", "mg g"),
        ("lt5.4|http://unitsofmeasure.org|mg", "less"),
        ("eb5.4|http://unitsofmeasure.org|mg", "less"),
        ("gt5.3|http://unitsofmeasure.org|mg", "mg g less"),
        ("sa5.3|http://unitsofmeasure.org|mg", "mg g"),
        ("ap5|http://unitsofmeasure.org|mg", "mg g less"),
        ("ne5.4|http://unitsofmeasure.org|mg", "less"),
        ("ne5|http://unitsofmeasure.org|mg", "less"),
    ],
)
def test_the_forms_of_a_quantity(amounts: Store, value: str, wanted: str) -> None:
    assert found(amounts, value) == set(wanted.split())


def test_a_missing_quantity_is_one_without_any_part(amounts: Store) -> None:
    assert found(amounts, "true", code="value-quantity:missing") == {"absent"}
    assert "unit" in found(amounts, "false", code="value-quantity:missing")


def test_values_are_compared_to_the_last_digit(store: Store) -> None:
    sums = {"a": "0.3", "b": "0.30000000000000004", "c": "1e-30", "d": "123456789012345678", "e": "123456789012345679"}
    put(store, *(observation(id_, valueQuantity=quantity(text, "", UCUM, "kg")) for id_, text in sums.items()))
    assert found(store, f"0.30000000000000000|{UCUM}|kg") == {"a"}, "as 0.1 + 0.2 is, though not in floats"
    assert found(store, f"0.30000000000000004|{UCUM}|kg") == {"b"}
    assert found(store, f"le300|{UCUM}|g") == {"a", "c"}
    assert found(store, f"gt300.000000000000|{UCUM}|g") == {"b", "d", "e"}
    assert found(store, f"1.000e-27|{UCUM}|g") == {"c"}
    assert found(store, f"123456789012345678|{UCUM}|kg") == {"d"}
    assert found(store, f"sa123456789012345678|{UCUM}|kg") == {"e"}
    assert found(store, f"sa123456789012345678e3|{UCUM}|g") == {"e"}
    assert found(store, f"ge123456789012345679e-3|{UCUM}|Mg") == {"e"}


def test_a_rate_has_no_last_digit_in_base_units_and_is_still_exact(store: Store) -> None:
    put(store, observation("one", valueQuantity=quantity("1", "", UCUM, "/min")))
    put(store, observation("sixty", valueQuantity=quantity("60", "", UCUM, "/h")))
    put(store, observation("more", valueQuantity=quantity("60.00000000001", "", UCUM, "/h")))
    assert found(store, f"ge1|{UCUM}|/min") == {"one", "sixty", "more"}
    assert found(store, f"gt1|{UCUM}|/min") == {"more"}
    assert found(store, f"le1440|{UCUM}|/d") == {"one", "sixty"}


def test_series_of_measurements_and_ranges_are_found_by_their_limits(store: Store) -> None:
    origin = quantity("0", "mV", UCUM, "mV")
    series = {"origin": origin, "period": Decimal("1"), "dimensions": 1, "data": "10 20 E 35"}
    put(store, observation("series", valueSampledData=series))
    assert found(store, f"ge0.035|{UCUM}|V") == {"series"}
    assert found(store, f"gt0.035|{UCUM}|V") == set()
    assert found(store, f"sa9|{UCUM}|mV") == {"series"}
    assert found(store, f"sa10|{UCUM}|mV") == set()
    put(
        store,
        {"resourceType": "Patient", "id": "p"},
        condition("years", low=quantity("2", "a", UCUM, "a"), high=quantity("48", "mo", UCUM, "mo")),
        condition("open", low=quantity("3", "a", UCUM, "a")),
        condition("mixed", low=quantity("2", "a", UCUM, "a"), high=quantity("4", "kg", UCUM, "kg")),
    )
    assert found(store, f"ge48|{UCUM}|mo", "Condition", "onset-age") == {"years", "open"}
    assert found(store, f"gt4|{UCUM}|a", "Condition", "onset-age") == {"open"}
    assert found(store, f"sa24|{UCUM}|mo", "Condition", "onset-age") == {"open"}
    assert found(store, f"lt3|{UCUM}|a", "Condition", "onset-age") == {"years"}


def condition(id_: str, **limits: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": id_, "subject": {"reference": "Patient/p"}, "onsetRange": limits}


def test_money_has_its_currency_for_a_code(store: Store) -> None:
    totals = {"ten": ("10", "USD"), "euro": ("10", "EUR"), "bare": ("10", "")}
    put(store, *(invoice(id_, *money) for id_, money in totals.items()))
    currencies = "urn:iso:std:iso:4217"
    for value, wanted in (
        ("10", {"ten", "euro", "bare"}),
        ("10||USD", {"ten"}),
        (f"10|{currencies}|USD", {"ten"}),
        (f"ge9.99|{currencies}|EUR", {"euro"}),
        (f"lt10|{currencies}|EUR", set()),
        (f"10|{currencies}|", {"ten", "euro", "bare"}),
        (f"10|{UCUM}|mg", set()),
        ("10|http://other|USD", set()),
        ("10|http://other|", set()),
    ):
        assert found(store, value, "Invoice", "totalgross") == wanted, value


def invoice(id_: str, amount: str, currency: str) -> dict[str, Any]:
    money = {"value": Decimal(amount), **({"currency": currency} if currency else {})}
    return {"resourceType": "Invoice", "id": id_, "status": "issued", "totalGross": money}


def test_a_quantity_is_one_component_of_a_composite(amounts: Store) -> None:
    put(
        amounts,
        observation("coded", valueQuantity=quantity("0.0054", "g", UCUM, "g"))
        | {"code": {"coding": [{"system": "http://loinc.org", "code": "1-2"}]}},
    )
    assert found(amounts, f"http://loinc.org|1-2$5.4|{UCUM}|mg", code="code-value-quantity") == {"coded"}
    assert found(amounts, f"http://loinc.org|1-2$gt5.4|{UCUM}|mg", code="code-value-quantity") == set()


@pytest.mark.parametrize(
    "value",
    [
        "99999999999999999999", f"99999999999999999999|{UCUM}|mg", "1e401||mg", "", "|", "||", f"|{UCUM}|mg", "mg",
        "5.4|mg", "5.4|a|b|c", "xx5.4||mg", "gt|a|b", "five||mg", "5.4 mg", "NaN||mg", f"5.4,|{UCUM}|mg",
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(store: Store, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        found(store, value)
    assert caught.value.all_issues()[0].code == "value"


@pytest.mark.parametrize("unit", ["%", "' OR 1=1--", "\\|", "\\,", "\x00", "{é}", "x" * 400, "(" * 110, "m99", "Ym30"])
def test_hostile_units_find_nothing_and_break_nothing(amounts: Store, unit: str) -> None:
    for value in (f"5.4||{unit}", f"5.4|{UCUM}|{unit}", f"5.4|{unit}|mg"):
        try:
            assert found(amounts, value) == set()
        except BadRequest as error:
            assert error.all_issues()[0].code == "value"
