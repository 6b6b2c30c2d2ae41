"""Search by numbers and quantities: implicit precision, prefixes, units.

https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.samples import Resource
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target

_UCUM = "http://unitsofmeasure.org"
_WEIGHT = "http://example.org/units"


def _risks(target: Target) -> Shelf:
    def bodies(target: Target) -> Bodies:
        patient = shelf(target, "risk-patient", "Patient", lambda _: {"patient": {"active": True}})
        subject = {"reference": patient.path("patient")}
        values = {"low": "0.2", "half": "0.502", "more": "0.52", "above": "0.56", "high": "0.8"}
        return {
            name: {"status": "final", "subject": subject, "prediction": [{"probabilityDecimal": Decimal(value)}]}
            for name, value in values.items()
        }

    return shelf(target, "risks", "RiskAssessment", bodies)


def _measured(value: str, **unit: str) -> Resource:
    quantity: dict[str, Any] = {"value": Decimal(value), **unit}
    return {"status": "final", "code": {"text": "Conformance"}, "valueQuantity": quantity}


def _quantities(target: Target) -> Shelf:
    return shelf(
        target,
        "quantities",
        "Observation",
        lambda _: {
            "mg": _measured("5.4", unit="mg", system=_UCUM, code="mg"),
            "unit": _measured("5.4", unit="mg"),
            "other": _measured("5.4", unit="mg", system=_WEIGHT, code="mg"),
            "g": _measured("0.0054", unit="g", system=_UCUM, code="g"),
            "big": _measured("60", unit="mg", system=_UCUM, code="mg"),
            "none": {"status": "final", "code": {"text": "Conformance"}},
        },
    )


def _precision(target: Target) -> None:
    _risks(target).finds(
        target,
        {
            "probability=0.5": "half more",
            "probability=eq0.5": "half more",
            "probability=0.50": "half",
            "probability=0.2": "low",
            "probability=0.3": "",
        },
    )


def _exponent(target: Target) -> None:
    _risks(target).finds(target, {"probability=5e-1": "half more", "probability=gt6e-1": "high"})


def _compared(target: Target) -> None:
    _risks(target).finds(
        target,
        {
            "probability=gt0.51": "more above high",
            "probability=lt0.51": "low half",
            "probability=ge0.8": "high",
            "probability=ge0.52": "more above high",
            "probability=le0.2": "low",
            "probability=gt0.3&probability=lt0.7": "half more above",
        },
    )


def _not_equal(target: Target) -> None:
    _risks(target).finds(target, {"probability=ne0.5": "low above high", "probability=ne0.50": "low more above high"})


def _apart(target: Target) -> None:
    _risks(target).finds(target, {"probability=sa0.6": "high", "probability=eb0.4": "low"})


def _about(target: Target) -> None:
    _risks(target).finds(target, {"probability=ap0.8": "high above?", "probability=ap0.2": "low"})


def _or(target: Target) -> None:
    _risks(target).finds(target, {"probability=0.2,0.8": "low high", "probability=lt0.3,gt0.7": "low high"})


def _with_unit(target: Target) -> None:
    _quantities(target).finds(
        target,
        {
            f"value-quantity=5.4|{_UCUM}|mg": "mg g?",
            f"value-quantity=5.4e-3|{_UCUM}|g": "g mg?",
            f"value-quantity=5.4|{_WEIGHT}|mg": "other",
            f"value-quantity=60|{_UCUM}|mg": "big",
            f"value-quantity=5.4|{_UCUM}|m": "",
        },
    )


def _any_unit(target: Target) -> None:
    _quantities(target).finds(target, {"value-quantity=5.4": "mg unit other", "value-quantity=gt50": "big"})


def _unit_or_code(target: Target) -> None:
    _quantities(target).finds(target, {"value-quantity=5.4||mg": "mg unit other", "value-quantity=5.4||g": ""})


def _quantity_prefixes(target: Target) -> None:
    _quantities(target).finds(
        target,
        {
            f"value-quantity=gt5.5|{_UCUM}|mg": "big",
            f"value-quantity=lt5.5|{_UCUM}|mg": "mg g?",
            f"value-quantity=ge60|{_UCUM}|mg": "big",
            f"value-quantity=le5.4|{_UCUM}|mg": "mg g?",
            f"value-quantity=ne5.4|{_UCUM}|mg": "big g? unit? other? none?",
            f"value-quantity=sa6.5|{_UCUM}|mg": "big",
            f"value-quantity=eb6.5|{_UCUM}|mg": "mg g?",
        },
    )


def _quantity_about(target: Target) -> None:
    _quantities(target).finds(target, {f"value-quantity=ap5.4|{_UCUM}|mg": "mg g?"})


def _canonical(target: Target) -> None:
    _quantities(target).finds(
        target, {f"value-quantity=5.4|{_UCUM}|mg": "mg g", f"value-quantity=gt0.05|{_UCUM}|g": "big"}
    )


_NUMBER = need.searchable("RiskAssessment", "probability") + need.searchable("Patient")
_QUANTITY = need.searchable("Observation", "value-quantity")

GROUP = Group(
    "search-number",
    "Search by number and quantity",
    (
        Check(
            "search-number-precision",
            "A number without prefix matches values within its implicit precision",
            "search.html#number",
            Level.SHALL,
            _precision,
            _NUMBER,
        ),
        Check(
            "search-number-exponent",
            "A number may be given in exponential form",
            "search.html#number",
            Level.SHALL,
            _exponent,
            _NUMBER,
        ),
        Check(
            "search-number-compared",
            "gt, lt, ge and le compare with the exact number",
            "search.html#number",
            Level.SHALL,
            _compared,
            _NUMBER,
        ),
        Check(
            "search-number-not-equal",
            "ne matches values outside the range of the number",
            "search.html#prefix",
            Level.SHALL,
            _not_equal,
            _NUMBER,
        ),
        Check(
            "search-number-apart",
            "sa and eb match decimals that lie wholly above or below the number",
            "search.html#prefix",
            Level.SHALL,
            _apart,
            _NUMBER,
        ),
        Check(
            "search-number-about",
            "ap matches the number itself, and nothing far from it",
            "search.html#prefix",
            Level.SHOULD,
            _about,
            _NUMBER,
        ),
        Check(
            "search-number-or",
            "Numbers with and without prefix can be joined by a comma",
            "search.html#combining",
            Level.SHALL,
            _or,
            _NUMBER,
        ),
        Check(
            "search-quantity-unit",
            "A quantity with system and code matches values in that unit",
            "search.html#quantity",
            Level.SHALL,
            _with_unit,
            _QUANTITY,
        ),
        Check(
            "search-quantity-any-unit",
            "A quantity without a unit matches the value irrespective of the unit",
            "search.html#quantity",
            Level.SHALL,
            _any_unit,
            _QUANTITY,
        ),
        Check(
            "search-quantity-unit-or-code",
            "A quantity with a unit and no system matches the code or the stated unit",
            "search.html#quantity",
            Level.SHALL,
            _unit_or_code,
            _QUANTITY,
        ),
        Check(
            "search-quantity-prefixes",
            "Prefixes compare quantities of the same unit",
            "search.html#quantity",
            Level.SHALL,
            _quantity_prefixes,
            _QUANTITY,
        ),
        Check(
            "search-quantity-about",
            "ap matches the quantity itself, and nothing far from it",
            "search.html#quantity",
            Level.SHOULD,
            _quantity_about,
            _QUANTITY,
        ),
        Check(
            "search-quantity-canonical",
            "Quantities match across units that convert into each other",
            "search.html#quantity",
            Level.MAY,
            _canonical,
            _QUANTITY,
        ),
    ),
)
