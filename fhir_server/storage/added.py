"""Values of search parameters that were added at run time: whatever their expression finds, as their columns take it.

https://hl7.org/fhir/R4/search.html#ptypes

A value of a type that the parameter does not search is left out. So is everything where the expression fails: the
resource then has no value for the parameter, and can be written and found by others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from fhir_server.errors import FhirError
from fhir_server.fhirpath import Node, Quantity, Temporal
from fhir_server.fhirpath import compile as compile_fhirpath
from fhir_server.mappings.custom import GIVES, STEPS, Added
from fhir_server.mappings.datatypes import SearchType
from fhir_server.storage.sink import Handler, Identity, Row, Sink

MOST_VALUES: Final = 10_000
"""Values that a parameter may have in one resource."""

_NAME: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")
_UCUM: Final = "http://unitsofmeasure.org"
_CURRENCIES: Final = "urn:iso:std:iso:4217"


def loose_positions(number: int) -> tuple[int, int]:
    """Return the first and last position of a parameter's rows in `loose_reference`, behind those of all elements."""
    return number * MOST_VALUES, (number + 1) * MOST_VALUES - 1


def added_handler(element: Added, handler: Handler, failed: Callable[[], None]) -> Handler:
    """Return a handler that takes a whole document, evaluates the expression and passes each value on.

    failed  called when the expression fails on a document
    """
    expression = compile_fhirpath(element.expression, lenient=True)
    kind, shape = element.of, _SHAPES[element.of]
    first_loose = loose_positions(element.number)[0]

    def values(document: Any) -> list[Any]:
        found: list[Any] = []
        for item in expression.evaluate(document, budget=STEPS):
            if not isinstance(item, Node) or item.type in GIVES[kind]:
                found += shape(item)
        return found

    def fill(document: Any, row: Row, identity: Identity, sink: Sink) -> None:
        try:
            found = values(document)
        except (FhirError, ArithmeticError):
            failed()
            return
        if len(found) > MOST_VALUES:
            failed()
            return
        for ordinal, value in enumerate(found):
            before = len(sink.loose)
            handler(value, row, (*identity, ordinal), sink)
            if len(sink.loose) > before:
                key, _, *rest = sink.loose[-1]
                sink.loose[-1] = (key, first_loose + ordinal, *rest)

    return fill


def _token(item: Any) -> Iterator[Any]:
    value = item.value if isinstance(item, Node) else item
    kind = item.type if isinstance(item, Node) else ""
    if isinstance(value, bool):
        yield {"coding": [{"code": "true" if value else "false"}]}
    elif isinstance(value, (str, int)):
        yield {"coding": [{"code": str(value)}]}
    elif kind == "CodeableConcept":
        yield value
    elif kind == "Coding":
        yield {"coding": [value]}
    elif kind in ("Identifier", "ContactPoint"):
        yield {"coding": [{"system": value.get("system"), "code": value.get("value")}]}


def _text(item: Any) -> Iterator[Any]:
    value = item.value if isinstance(item, Node) else item
    kind = item.type if isinstance(item, Node) else ""
    if isinstance(value, str):
        yield value
    elif kind in ("HumanName", "Address"):
        for part in _NAME if kind == "HumanName" else _ADDRESS:
            texts = value.get(part)
            yield from (text for text in (texts if isinstance(texts, list) else [texts]) if text)
    elif kind in ("CodeableConcept", "Coding"):
        for holder in (value, *value.get("coding", ())):
            yield from (holder[name] for name in ("text", "display") if holder.get(name))


def _moment(item: Any) -> Iterator[Any]:
    if isinstance(item, Node):
        if item.value is not None:
            yield item.value
    elif isinstance(item, Temporal) and item.kind != "Time":
        yield str(item)


def _number(item: Any) -> Iterator[Any]:
    value = item.value if isinstance(item, Node) else item
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        yield value


def _quantity(item: Any) -> Iterator[Any]:
    if isinstance(item, Quantity):
        unit = {} if item.calendar else {"system": _UCUM, "code": item.unit}
        yield {"value": item.value, "unit": item.unit, **unit}
    elif isinstance(item, Node) and "value" in item.value:
        money = item.type == "Money"
        yield {"value": item.value["value"], **_currency(item.value)} if money else item.value


def _currency(money: dict[str, Any]) -> dict[str, str]:
    return {"system": _CURRENCIES, "code": money["currency"]} if money.get("currency") else {}


def _reference(item: Any) -> Iterator[Any]:
    value = item.value if isinstance(item, Node) else item
    if isinstance(value, str):
        yield {"reference": value}
    elif isinstance(value, dict):
        yield value


_SHAPES: Final[dict[SearchType, Callable[[Any], Iterator[Any]]]] = {
    "token": _token,
    "string": _text,
    "date": _moment,
    "number": _number,
    "quantity": _quantity,
    "uri": _text,
    "reference": _reference,
}
