"""toInteger, convertsToInteger and their kin.

https://hl7.org/fhirpath/N1/#conversion
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath import quantity, values
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.operators import EMPTY, FALSE, TRUE
from fhir_server.fhirpath.quantity import Quantity


def _convert(name: str, convert: Callable[[Any], Any]) -> Callable[..., Items]:
    def run(items: Items, _: Environment) -> Items:
        value = values.single(items, f"to{name}()")
        result = None if value is None else convert(value)
        return EMPTY if result is None else [result]

    return run


def _converts(name: str, convert: Callable[[Any], Any]) -> Callable[..., Items]:
    def run(items: Items, _: Environment) -> Items:
        if not items:
            return EMPTY
        value = values.single(items, f"convertsTo{name}()")
        return FALSE if value is None or convert(value) is None else TRUE

    return run


def _in_unit(items: Items, unit: Items, name: str) -> Quantity | None:
    """Return the quantity in the unit asked for, or None where that is no such conversion."""
    found = values.to_quantity(values.single(items, f"{name}()"))
    wanted = values.string(unit, f"{name}()")
    if found is None or wanted is None:
        return found
    word = quantity.calendar_word(wanted)
    target = Quantity(found.value, wanted) if word is None else quantity.calendar_quantity(found.value, wanted)
    return quantity.convert(found, target)


def to_quantity(items: Items, _: Environment, unit: Items = EMPTY) -> Items:
    found = _in_unit(items, unit, "toQuantity")
    return EMPTY if found is None else [found]


def converts_to_quantity(items: Items, _: Environment, unit: Items = EMPTY) -> Items:
    if not items:
        return EMPTY
    return FALSE if _in_unit(items, unit, "convertsToQuantity") is None else TRUE


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": values.to_boolean,
    "Integer": values.to_integer,
    "Decimal": values.to_decimal,
    "String": values.to_text,
    "Date": values.to_date,
    "DateTime": values.to_datetime,
    "Time": values.to_time,
}

FUNCTIONS = {
    **{f"to{name}": Function(_convert(name, convert), result=name) for name, convert in _CONVERSIONS.items()},
    **{
        f"convertsTo{name}": Function(_converts(name, convert), result="Boolean")
        for name, convert in _CONVERSIONS.items()
    },
    "toQuantity": Function(to_quantity, 0, 1, result="Quantity"),
    "convertsToQuantity": Function(converts_to_quantity, 0, 1, result="Boolean"),
}
