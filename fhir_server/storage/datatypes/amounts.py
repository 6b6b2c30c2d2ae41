"""Numbers, quantities, money, ranges and series of measurements.

https://hl7.org/fhir/R4/search.html#quantity

`low` and `high` are exact and equal for a plain number: that a stored 100 was measured to three digits does not make
it larger than 100. They differ for "<5", for a Range and for SampledData. A search value's precision is the search's.
Where the unit is UCUM the bounds stand in its canonical unit too, so that 5.4 mg and 0.0054 g are one amount.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from fhir_server.definitions import ucum
from fhir_server.mappings.datatypes import Integer, SampledData
from fhir_server.storage.datatypes.place import Place, Spot, short
from fhir_server.storage.layout import Field
from fhir_server.storage.representation import exact
from fhir_server.storage.sink import Handler, Identity, Row, Sink

_INFINITY = Decimal("Infinity")
_UNITS = ("unit", "system", "code")
_CANONICAL = ("canonical_low", "canonical_high", "canonical_code")


def keep_number(place: Place) -> Field:
    """The number for people, and its exact bounds where a search looks at it."""
    whole = isinstance(place.element, Integer)
    columns = {"value": place.column("", "integer" if whole else "decimal", "The number", plain="value")}
    if place.searches:
        columns |= _keep_bounds(place, "The number, compared exactly")
        place.index(columns["low"])
    return place.field("integer" if whole else "decimal", columns)


def _keep_bounds(place: Place, meaning: str) -> dict[str, str]:
    return {
        "low": place.column("low", "bound", f"{meaning}: lowest value", use="search"),
        "high": place.column("high", "bound", f"{meaning}: highest value", use="search"),
    }


def keep_quantity(place: Place) -> Field:
    """Number, comparator and unit; exact bounds, also in the canonical unit, where a search looks at it."""
    columns = {
        "value": place.column("", "decimal", "The number", plain="value"),
        "comparator": place.column("comparator", "text", "<, <=, >= or > when the number is a limit"),
        **_keep_units(place),
    }
    if place.searches:
        columns |= _keep_searchable(place)
    return place.field("quantity", columns)


def _keep_units(place: Place) -> dict[str, str]:
    return {
        "unit": place.column("unit", "text", "Unit as people read it"),
        "system": place.column("system", "text", "System of the coded unit"),
        "code": place.column("code", "text", "Coded unit"),
    }


def _keep_searchable(place: Place) -> dict[str, str]:
    unit = "Canonical UCUM unit, for search across units"
    columns = _keep_bounds(place, "The number, compared exactly")
    columns |= {
        "canonical_low": place.column("canonical_low", "bound", "low in the canonical unit", use="search"),
        "canonical_high": place.column("canonical_high", "bound", "high in the canonical unit", use="search"),
        "canonical_code": place.column("canonical_code", "text", unit, use="search"),
    }
    place.index(columns["low"], columns["high"])
    place.index(columns["canonical_code"], columns["canonical_low"], columns["canonical_high"])
    return columns


def keep_money(place: Place) -> Field:
    """Amount and currency."""
    columns = {
        "value": place.column("", "decimal", "The amount", plain="value"),
        "code": place.column("currency", "text", "Currency code (ISO 4217)"),
    }
    if place.searches:
        columns |= _keep_bounds(place, "The amount, compared exactly")
        place.index(columns["low"], columns["high"])
    return place.field("money", columns)


def keep_range(place: Place) -> Field:
    """Unit and limits: readable ones, or exact bounds where a search looks at it."""
    if isinstance(place.element, SampledData):
        return place.field("sampled", {**_keep_units(place), **_keep_searchable(place)})
    if place.searches:
        return place.field("range", {**_keep_units(place), **_keep_searchable(place)})
    limits = {
        "low": place.column("low", "decimal", "Low limit"),
        "high": place.column("high", "decimal", "High limit"),
    }
    return place.field("range", {**_keep_units(place), **limits})


def _set_bounds(place: Spot) -> Callable[[Row, Decimal, Decimal], None]:
    low_at, high_at, bound = place.at.get("low", -1), place.at.get("high", -1), place.represent.bound

    def fill(row: Row, low: Decimal, high: Decimal) -> None:
        row[low_at] = made = bound(low)
        row[high_at] = made if high is low else bound(high)

    return fill


def _set_units(place: Spot) -> Callable[[Row, Any], None]:
    unit_at, system_at, code_at = (place.at[role] for role in _UNITS)

    def fill(row: Row, quantity: Any) -> None:
        row[unit_at] = short(quantity.get("unit"))
        row[system_at] = short(quantity.get("system"))
        row[code_at] = short(quantity.get("code"))

    return fill


def _set_canonical(place: Spot) -> Callable[[Row, Decimal, Decimal, Any, Any], None]:
    """Return what writes bounds in the canonical unit; low and high may carry units of their own."""
    low_at, high_at, code_at = (place.at[role] for role in _CANONICAL)
    bound = place.represent.bound

    def fill(row: Row, low: Decimal, high: Decimal, low_unit: Any, high_unit: Any) -> None:
        unit = _canonical(low_unit)
        other = unit if high_unit is low_unit else _canonical(high_unit)
        if unit is None or other is None or unit.code != other.code:
            return
        row[code_at] = unit.code
        row[low_at] = made = bound(unit.convert(low))
        row[high_at] = made if high is low and other is unit else bound(other.convert(high))

    return fill


def _canonical(quantity: Any) -> ucum.Canonical | None:
    code = quantity.get("code")
    return ucum.canonical(code) if code is not None and quantity.get("system") == ucum.SYSTEM else None


def fill_number(place: Spot) -> Handler:
    """Write an integer or decimal."""
    at, low_at, set_bounds = place.at["value"], place.at.get("low", -1), _set_bounds(place)
    readable = place.represent.decimal if place.field.kind == "decimal" else None

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[at] = value if readable is None else readable(value)
        if low_at >= 0:
            number = exact(value)
            set_bounds(row, number, number)

    return fill


def fill_quantity(place: Spot) -> Handler:
    """Write a Quantity; a comparator opens one of its bounds."""
    value_at, comparator_at, low_at = place.at["value"], place.at["comparator"], place.at.get("low", -1)
    readable, set_bounds, set_units = place.represent.decimal, _set_bounds(place), _set_units(place)
    set_canonical = _set_canonical(place) if low_at >= 0 else None

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        set_units(row, value)
        comparator = row[comparator_at] = value.get("comparator")
        number = value.get("value")
        if number is None:
            return
        row[value_at] = readable(number)
        if set_canonical is not None:
            low = high = exact(number)
            if comparator is not None:
                low, high = (-_INFINITY, high) if "<" in comparator else (low, _INFINITY)
            set_bounds(row, low, high)
            set_canonical(row, low, high, value, value)

    return fill


def fill_money(place: Spot) -> Handler:
    """Write an amount of money."""
    value_at, code_at, low_at = place.at["value"], place.at["code"], place.at.get("low", -1)
    readable, set_bounds = place.represent.decimal, _set_bounds(place)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        row[code_at] = value.get("currency")
        number = value.get("value")
        if number is not None:
            row[value_at] = readable(number)
            if low_at >= 0:
                amount = exact(number)
                set_bounds(row, amount, amount)

    return fill


def fill_range(place: Spot) -> Handler:
    """Write a Range; a missing limit leaves a bound open."""
    set_units, set_bounds = _set_units(place), _set_bounds(place)
    set_canonical = _set_canonical(place) if "canonical_low" in place.at else None
    readable, low_at, high_at = place.represent.decimal, place.at["low"], place.at["high"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        low, high = value.get("low", {}), value.get("high", {})
        set_units(row, low if "value" in low else high)
        bottom, top = low.get("value"), high.get("value")
        if set_canonical is None:
            row[low_at] = bottom if bottom is None else readable(bottom)
            row[high_at] = top if top is None else readable(top)
        elif bottom is not None or top is not None:
            lowest = -_INFINITY if bottom is None else exact(bottom)
            highest = _INFINITY if top is None else exact(top)
            set_bounds(row, lowest, highest)
            set_canonical(row, lowest, highest, high if bottom is None else low, low if top is None else high)

    return fill


def fill_sampled(place: Spot) -> Handler:
    """Write the bounds of a series of measurements."""
    set_units, set_bounds, set_canonical = _set_units(place), _set_bounds(place), _set_canonical(place)

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        origin = value.get("origin", {})
        set_units(row, origin)
        limits = sampled_bounds(value)
        if limits is not None:
            set_bounds(row, *limits)
            set_canonical(row, *limits, origin, origin)

    return fill


def sampled_bounds(value: Any) -> tuple[Decimal, Decimal] | None:
    """Return the least and the greatest value of a SampledData, None when it holds no number.

    https://hl7.org/fhir/R4/datatypes.html#SampledData: value = origin + factor * number; "L" and "U" stand below the
    lower and above the upper limit, "E" is no value.
    """
    origin = exact(value.get("origin", {}).get("value", 0))
    factor = exact(value.get("factor", 1))
    found: list[Decimal] = []
    for word in str(value.get("data", "")).split():
        if word in ("L", "U"):
            limit = value.get("lowerLimit" if word == "L" else "upperLimit")
            found.append(exact(limit) if limit is not None else (-_INFINITY if word == "L" else _INFINITY))
        elif word != "E":
            try:
                found.append(exact(origin + factor * exact(Decimal(word))))
            except InvalidOperation:
                continue
    return (min(found), max(found)) if found else None
