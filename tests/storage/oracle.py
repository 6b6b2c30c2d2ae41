"""What a search parameter should find in a document, worked out from its FHIRPath expression alone.

https://hl7.org/fhir/R4/search.html

Written against the specification and not against the projection: values come from the nodes the FHIRPath engine
returns, one function per datatype. Used to judge what the projection puts into tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.definitions import Definitions, SearchParameter
from fhir_server.fhirpath import Node, compile  # noqa: A004
from fhir_server.mappings.derive import COMPONENT_ERRATA
from fhir_server.storage.fold import fold
from fhir_server.storage.intervals import interval
from fhir_server.storage.references import Kind, classify

Value = tuple[Any, ...]

_EXTENSION = "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-"
EXPRESSION_ERRATA = {
    # R4 names a URL that no extension has; the extension itself has the second one
    "patient-extensions-Patient-mothersMaidenName": (
        f"{_EXTENSION}extensions-Patient-mothersMaidenName') | {_EXTENSION}mothersMaidenName')"
    ),
}
OPEN_START, OPEN_END = "0001-01-02 00:00:00+00:00", "9999-12-31 00:00:00+00:00"


def resolver(text: str) -> dict[str, Any] | None:
    """Stand for anything referred to by type and id, here or elsewhere: enough for `resolve() is Patient`."""
    meant = classify("/".join(text.rsplit("/", 2)[-2:]), "")
    return {"resourceType": meant.type, "id": meant.id} if meant.kind is Kind.LOCAL else None


def expected(definitions: Definitions, official: SearchParameter, document: dict[str, Any]) -> set[Value]:
    """Return the values a parameter should find."""
    if official.type == "composite":
        return _composite(definitions, official, document)
    expression = EXPRESSION_ERRATA.get(official.id, official.expression)
    nodes = compile(expression, lenient=True).evaluate(document, resolver=resolver)
    return _values(official.type, nodes)


def _composite(definitions: Definitions, official: SearchParameter, document: dict[str, Any]) -> set[Value]:
    found: set[Value] = set()
    by_url = {parameter.url: parameter for parameter in definitions.search_parameters}
    for root in compile(official.expression, lenient=True).evaluate(document):
        parts = []
        for component in official.components:
            expression = COMPONENT_ERRATA.get((official.id, component.definition), component.expression)
            nodes = compile(expression, lenient=True).evaluate(root, resource=document, resolver=resolver)
            parts.append(_values(by_url[component.definition].type, nodes))
        found |= set(itertools.product(*parts))
    return found


def _values(kind: str, nodes: list[Any]) -> set[Value]:
    return {value for node in nodes for value in _READERS[kind](node)}


def _token(node: Any) -> Iterator[Value]:
    value = node.value if isinstance(node, Node) else node
    kind = node.type if isinstance(node, Node) else "boolean"
    if isinstance(value, bool):
        yield None, "true" if value else "false"
    elif kind in ("string", "markdown"):
        yield "folded", fold(value)
    elif isinstance(value, str):
        yield None, value
    elif kind == "CodeableConcept":
        for coding in value.get("coding", ()):
            yield from _pair(coding, "code")
    elif kind == "Coding":
        yield from _pair(value, "code")
    elif kind == "Identifier":
        yield from _pair(value, "value")
    elif kind == "ContactPoint":
        yield "contact", value.get("value")
    elif kind == "Extension":
        for inner in _extension(value, "CodeableConcept Coding code Identifier boolean string"):
            yield from _token(inner)


def _pair(value: dict[str, Any], key: str) -> Iterator[Value]:
    if "system" in value or key in value:
        yield value.get("system"), value.get(key)


def _extension(value: dict[str, Any], types: str) -> Iterator[Node]:
    for type_name in types.split():
        name = f"value{type_name[0].upper()}{type_name[1:]}"
        if name in value:
            yield Node(value[name], type_name)


_NAME = ("text", "family", "given", "prefix", "suffix")
_ADDRESS = ("text", "line", "city", "district", "state", "postalCode", "country")


def _string(node: Any) -> Iterator[Value]:
    if node.type in ("HumanName", "Address"):
        for part in _NAME if node.type == "HumanName" else _ADDRESS:
            texts = node.value.get(part, ())
            for text in [texts] if isinstance(texts, str) else texts:
                if text:
                    yield (fold(text),)
    elif node.type == "Extension":
        for inner in _extension(node.value, "string markdown"):
            yield from _string(inner)
    elif isinstance(node.value, str):
        yield (fold(node.value),)


def _span(text: str) -> tuple[str, str]:
    start, end = interval(text)
    return start.isoformat(" "), end.isoformat(" ")


def _date(node: Any) -> Iterator[Value]:
    value = node.value
    if node.type in ("date", "dateTime", "instant"):
        if value:
            yield _span(value)
    elif node.type == "Period":
        if "start" in value or "end" in value:
            start = _span(value["start"])[0] if "start" in value else OPEN_START
            yield start, _span(value["end"])[1] if "end" in value else OPEN_END
    elif node.type == "Timing":
        spans = [_span(event) for event in value.get("event", ())]
        bounds = value.get("repeat", {}).get("boundsPeriod")
        spans += list(_date(Node(bounds, "Period"))) if bounds else []  # type: ignore[arg-type]
        if spans:
            yield min(start for start, _ in spans), max(end for _, end in spans)


def _reference(node: Any) -> Iterator[Value]:
    value = node.value
    if isinstance(value, str):
        yield (value.partition("|")[0],)
    elif "resourceType" in value:
        if "id" in value:
            yield (f"{value['resourceType']}/{value['id']}",)
    elif node.type == "Extension":
        for inner in _extension(value, "Reference canonical uri"):
            yield from _reference(inner)
    elif node.type == "Reference":
        text = value.get("reference")
        if text:
            meant = classify(text, "")
            yield (f"{meant.type}/{meant.id}" if meant.kind is Kind.LOCAL else text,)


_FAR = Decimal("Infinity")


def _quantity(node: Any) -> Iterator[Value]:
    value = node.value
    if node.type == "Range":
        low, high = value.get("low", {}), value.get("high", {})
        if "value" in low or "value" in high:
            code = (low if "value" in low else high).get("code")
            yield Decimal(low.get("value", -_FAR)), Decimal(high.get("value", _FAR)), code
    elif node.type == "SampledData":
        yield from _sampled(value)
    elif node.type == "Money":
        if "value" in value:
            yield Decimal(value["value"]), Decimal(value["value"]), value.get("currency")
    elif "value" in value:
        number, sign = Decimal(value["value"]), value.get("comparator", "")
        yield -_FAR if "<" in sign else number, _FAR if ">" in sign else number, value.get("code")


def _sampled(value: dict[str, Any]) -> Iterator[Value]:
    origin = Decimal(value["origin"].get("value", 0))
    factor = Decimal(value.get("factor", 1))
    limits = {"L": value.get("lowerLimit", -_FAR), "U": value.get("upperLimit", _FAR)}
    words = [word for word in value.get("data", "").split() if word != "E"]
    numbers = [Decimal(limits[word]) if word in limits else origin + factor * Decimal(word) for word in words]
    if numbers:
        yield min(numbers), max(numbers), value["origin"].get("code")


def _number(node: Any) -> Iterator[Value]:
    if node.type == "Range":
        yield from (found[:2] for found in _quantity(node))
    elif node.value is not None:
        yield Decimal(node.value), Decimal(node.value)


def _uri(node: Any) -> Iterator[Value]:
    if node.value:
        yield (node.value,)


def _position(node: Any) -> Iterator[Value]:
    yield float(node.value["latitude"]), float(node.value["longitude"])


_READERS = {
    "token": _token,
    "string": _string,
    "date": _date,
    "reference": _reference,
    "quantity": _quantity,
    "number": _number,
    "uri": _uri,
    "special": _position,
}
