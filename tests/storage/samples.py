"""The smallest documents in which a search parameter finds a value, made from the mapping of its type.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.mappings.datatypes import Backbone, Choice, Element, Extension
from fhir_server.mappings.lookup import fhir_type
from fhir_server.mappings.model import Mapping, Parameter, Path

SAMPLES: dict[str, Any] = {
    "boolean": True, "integer": 3, "positiveInt": 4, "unsignedInt": 5, "decimal": Decimal("1.50"), "string": "Née Ä",
    "markdown": "Some *text*", "code": "code-1", "id": "id-1", "time": "10:00:00", "uri": "urn:u:1",
    "url": "https://example.org/u", "oid": "urn:oid:1.2.3", "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "canonical": "https://example.org/canonical|2", "date": "2026-11", "dateTime": "2026-11-20T10:00:00+01:00",
    "instant": "2026-11-20T10:00:00.5Z", "Period": {"start": "2026-11-20"}, "Timing": {"event": ["2026-11-20"]},
    "Coding": {"system": "urn:s", "code": "c", "display": "Ä"},
    "CodeableConcept": {"coding": [{"system": "urn:s", "code": "c"}, {"code": "d"}], "text": "Wörter"},
    "Identifier": {"system": "urn:i", "value": "v"}, "ContactPoint": {"system": "phone", "value": "+49 30 1"},
    "HumanName": {"family": "Ñ", "given": ["A", "B"], "text": "T", "prefix": ["Dr"], "suffix": ["Jr"], "use": "usual"},
    "Address": {"line": ["L"], "city": "Ć", "state": "S", "postalCode": "P", "country": "Y", "use": "home"},
    "Quantity": {"value": Decimal("5.40"), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
    "Age": {"value": 40, "code": "a"}, "Duration": {"value": 2, "code": "h"}, "Count": {"value": 7},
    "Distance": {"value": 8, "code": "m"}, "Money": {"value": Decimal("9.99"), "currency": "EUR"},
    "Range": {"low": {"value": 1, "code": "mg"}},
    "SampledData": {"origin": {"value": 1}, "period": 1, "dimensions": 1, "data": "1 2"},
    "Position": {"latitude": Decimal("52.5"), "longitude": Decimal("13.4")},
}  # fmt: skip


def _value(element: Element, path: Path, rest: list[str]) -> Any:
    """Return JSON for one value of an element, its parts along `rest` included."""
    if isinstance(element, Backbone):
        return _object(element.children, rest, path)
    code = fhir_type(element)
    if code == "Reference":
        target = path.to[0] if path.to else next(iter(getattr(element, "to", ())), "Patient")
        return {"reference": f"{target}/1"}
    if path.where is not None and code == "ContactPoint":
        return SAMPLES[code] | dict([path.where])
    return SAMPLES[code]


def _object(elements: tuple[Element, ...], steps: list[str], path: Path) -> dict[str, Any]:
    """Return JSON of an object that has a value at `steps`, and at the sibling that a `where` compares."""
    name, _, type_code = steps[0].partition(":")
    element = next(element for element in elements if element.name == name)
    if isinstance(element, Extension):
        child = element.children[0]
        return {"extension": [{"url": element.urls[0], child.name: _value(child, path, steps[1:])}]}
    if isinstance(element, Choice):
        child = next(c for c in element.children if type_code in ("", fhir_type(c)))
        return {child.name: _value(child, path, steps[1:])}
    value = _value(element, path, steps[1:])
    made = {name: [value] if element.repeats else value}
    if path.where is not None and len(steps) == 1 and any(sibling.name == path.where[0] for sibling in elements):
        made[path.where[0]] = path.where[1]
    return made


def _variants(mapping: Mapping, steps: str) -> Iterator[str]:
    """Yield the path once for each type of a choice at its end that has no type yet."""
    *above, last = steps.split(".")
    elements: tuple[Element, ...] = mapping.elements
    for step in above:
        found = next(element for element in elements if element.name == step.partition(":")[0])
        if not isinstance(found, Backbone):
            yield steps
            return
        elements = found.children
    element = next((element for element in elements if element.name == last), None)
    if isinstance(element, Choice):
        yield from (".".join([*above, f"{last}:{fhir_type(child)}"]) for child in element.children)
    else:
        yield steps


def _merged(one: Any, other: Any) -> Any:
    """Return two documents in one; lists are merged element by element, so that composites meet."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merged(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
            for key in one | other
        }
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(one[0], other[0])]
    return one


def minimal(mapping: Mapping, parameter: Parameter) -> Iterator[dict[str, Any]]:
    """Yield documents in which a parameter finds something, one for each place and type of value."""
    base = {"resourceType": mapping.type}
    if parameter.type == "composite":
        for root in parameter.paths:
            prefix = f"{root.steps}." if root.steps else ""
            made: dict[str, Any] = base
            for component in parameter.components:
                path = component.paths[0]
                steps = path.steps if component.from_resource else prefix + path.steps
                made = _merged(made, _object(mapping.elements, next(_variants(mapping, steps)).split("."), path))
            yield made
        return
    for path in parameter.paths:
        for steps in _variants(mapping, path.steps):
            yield base | _object(mapping.elements, steps.split("."), path)
