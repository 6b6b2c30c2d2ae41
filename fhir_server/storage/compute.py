"""Runs the FHIRPath of search parameters that are no paths, and gives their results the shape their columns take.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath import Node
from fhir_server.fhirpath import compile as compile_fhirpath
from fhir_server.mappings.datatypes import Computed, SearchType
from fhir_server.storage.references import Kind, classify
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def computed_handler(element: Computed, handler: Handler) -> Handler:
    """Return a handler that takes a whole document, evaluates the expression and passes each result on."""
    expression = compile_fhirpath(element.expression, lenient=True)
    shape = _SHAPES[element.of]

    def fill(document: Any, row: Row, identity: Identity, sink: Sink) -> None:
        ordinal = 0
        for item in expression.evaluate(document, resolver=_stand_in):
            value = shape(item)
            if value is not None:
                handler(value, row, (*identity, ordinal), sink)
                ordinal += 1

    return fill


def _stand_in(text: str) -> dict[str, Any] | None:
    """Stand for a resource referred to by type and id: enough for `resolve() is Patient`, the only use of R4's own."""
    meant = classify(text, "")
    return {"resourceType": meant.type, "id": meant.id} if meant.kind is Kind.LOCAL else None


def _plain(item: Any) -> Any:
    return item.value if isinstance(item, Node) else item


def _as_concept(item: Any) -> Any:
    value = _plain(item)
    if isinstance(value, bool):
        return {"coding": [{"code": "true" if value else "false"}]}
    if isinstance(value, str):
        return {"coding": [{"code": value}]}
    kind = item.type if isinstance(item, Node) else ""
    if kind == "CodeableConcept":
        return value
    if kind == "Coding":
        return {"coding": [value]}
    if kind in ("Identifier", "ContactPoint"):
        return {"coding": [{"system": value.get("system"), "code": value.get("value")}]}
    return None


def _as_text(item: Any) -> Any:
    value = _plain(item)
    return value if isinstance(value, str) else None


def _as_moment(item: Any) -> Any:
    value = _plain(item)
    if isinstance(item, Node):
        return value if isinstance(value, (str, dict)) else None
    return str(item)


def _as_number(item: Any) -> Any:
    value = _plain(item)
    return value if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


def _as_quantity(item: Any) -> Any:
    value = _plain(item)
    return value if isinstance(value, dict) and "value" in value else None


def _as_reference(item: Any) -> Any:
    value = _plain(item)
    if isinstance(value, str):
        return {"reference": value}
    if isinstance(value, dict) and "resourceType" in value:  # Bundle.entry[0].resource
        return (
            {"reference": f"{value['resourceType']}/{value['id']}"}
            if "id" in value
            else {"type": value["resourceType"]}
        )
    return value if isinstance(value, dict) else None


_SHAPES: dict[SearchType, Callable[[Any], Any]] = {
    "token": _as_concept,
    "string": _as_text,
    "date": _as_moment,
    "number": _as_number,
    "quantity": _as_quantity,
    "uri": _as_text,
    "reference": _as_reference,
}
