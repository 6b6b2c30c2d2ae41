"""Search by composite parameters and by position.

https://hl7.org/fhir/R4/search.html#composite
"""

from __future__ import annotations

from decimal import Decimal

from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.graph import LOINC, coded
from conformance.samples import Resource
from conformance.shelf import Shelf, shelf
from conformance.target import Target

_UCUM = "http://unitsofmeasure.org"
_SYSTOLIC, _DIASTOLIC = f"{LOINC}|8480-6", f"{LOINC}|8462-4"
_BERLIN = "52.520|13.405"


def _quantity(value: int, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _pressures(target: Target) -> Shelf:
    def pressure(systolic: int, diastolic: int) -> Resource:
        parts = (("8480-6", systolic), ("8462-4", diastolic))
        return coded(
            "85354-9",
            component=[
                {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": _quantity(value, "mm[Hg]")}
                for code, value in parts
            ],
        )

    return shelf(target, "pressures", "Observation", lambda _: {"normal": pressure(120, 50), "low": pressure(55, 110)})


def _measures(target: Target) -> Shelf:
    return shelf(
        target,
        "measures",
        "Observation",
        lambda _: {
            "weight": coded("29463-7", valueQuantity=_quantity(72, "kg")),
            "light": coded("29463-7", valueQuantity=_quantity(41, "kg")),
            "height": coded("8302-2", valueQuantity=_quantity(172, "cm")),
        },
    )


def _places(target: Target) -> Shelf:
    places = {"berlin": ("52.521", "13.410"), "potsdam": ("52.396", "13.058"), "munich": ("48.137", "11.575")}
    return shelf(
        target,
        "places",
        "Location",
        lambda _: {
            name: {"name": f"Conformance {name}", "position": {"longitude": Decimal(east), "latitude": Decimal(north)}}
            for name, (north, east) in places.items()
        },
    )


def _pairs(target: Target) -> None:
    _measures(target).finds(
        target,
        {
            f"code-value-quantity={LOINC}|29463-7$gt60": "weight",
            f"code-value-quantity={LOINC}|29463-7$lt60|{_UCUM}|kg": "light",
            f"code-value-quantity={LOINC}|8302-2$lt100": "",
            "code-value-quantity=8302-2$172": "height",
        },
    )


def _same_component(target: Target) -> None:
    _pressures(target).finds(
        target,
        {
            f"component-code-value-quantity={_SYSTOLIC}$lt60": "low",
            f"component-code-value-quantity={_DIASTOLIC}$lt60": "normal",
            f"component-code-value-quantity={_SYSTOLIC}$lt60|{_UCUM}|mm[Hg]": "low",
            f"component-code-value-quantity={_SYSTOLIC}$gt200": "",
        },
    )


def _joined(target: Target) -> None:
    name = "component-code-value-quantity"
    _pressures(target).finds(
        target,
        {
            f"{name}={_SYSTOLIC}$lt60,{_DIASTOLIC}$lt60": "normal low",
            f"{name}={_SYSTOLIC}$gt100&{name}={_DIASTOLIC}$lt60": "normal",
            f"{name}={_SYSTOLIC}$gt100&{name}={_DIASTOLIC}$gt100": "",
        },
    )


def _near(target: Target) -> None:
    _places(target).finds(
        target,
        {
            f"near={_BERLIN}|5|km": "berlin",
            f"near={_BERLIN}|60|km": "berlin potsdam",
            f"near={_BERLIN}|1000|km": "berlin potsdam munich",
            "near=-33.9|18.4|60|km": "",
        },
    )


def _near_without_unit(target: Target) -> None:
    _places(target).finds(target, {f"near={_BERLIN}|60": "berlin potsdam"})


GROUP = Group(
    "search-composite",
    "Search by composite and special parameters",
    (
        Check(
            "search-composite-pairs",
            "A composite matches when all its parts do",
            "search.html#composite",
            Level.SHALL,
            _pairs,
            need.searchable("Observation", "code-value-quantity"),
        ),
        Check(
            "search-composite-component",
            "The parts of a composite are matched within one element, not across several",
            "search.html#composite",
            Level.SHALL,
            _same_component,
            need.searchable("Observation", "component-code-value-quantity"),
        ),
        Check(
            "search-composite-joined",
            "Composites are joined with OR by a comma, with AND by repetition",
            "search.html#composite",
            Level.SHALL,
            _joined,
            need.searchable("Observation", "component-code-value-quantity"),
        ),
        Check(
            "search-near",
            "near finds locations within a distance",
            "location.html#search",
            Level.SHALL,
            _near,
            need.searchable("Location", "near"),
        ),
        Check(
            "search-near-unit",
            "Without a unit the distance of near is in kilometres",
            "location.html#search",
            Level.SHALL,
            _near_without_unit,
            need.searchable("Location", "near"),
        ),
    ),
)
