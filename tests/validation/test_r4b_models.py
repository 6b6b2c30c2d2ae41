"""Where the typed model fhir.resources.R4B differs from the definitions of R4 4.0.1.

https://hl7.org/fhir/R4/resourcelist.html

Code may build and read resources with these models; what decides validity is the definitions. This test
walks the ten core types and every datatype they reach, and pins each difference.
"""

from __future__ import annotations

import typing
from typing import Any, NamedTuple

from fhir.resources.R4B import get_fhir_model_class

from fhir_server.definitions import Element, TypeRef, load
from tests.validation.documents import CORE_TYPES

DEFINITIONS = load()

EXTRA_CHOICES = {"Extension": {"valueCodeableReference", "valueRatioRange"}}
MISSING_CHOICES = {"Extension": {"valueMeta"}}
ENCOUNTER_STATUS = "lacks entered-in-error and unknown, has a stray +"
CODES: dict[str, str] = {
    "DataRequirement.type": "no list",
    "Encounter.status": ENCOUNTER_STATUS,
    "Encounter.statusHistory.status": ENCOUNTER_STATUS,
    "ParameterDefinition.type": "no list",
    "Timing.repeat.when": "no list",
    "Quantity.comparator": "no list",
    "Age.comparator": "no list",
    "Count.comparator": "no list",
    "Distance.comparator": "no list",
    "Duration.comparator": "no list",
    "Expression.language": "a list, though the binding is extensible",
}
"""Element -> how the model's list of codes differs. Lists are not enforced by the model in any case."""


SPELLING = {"EncodedBytes": "Base64Binary", "UuidVersion": "Uuid"}
"""Name of a primitive in the model's metadata -> its FHIR name."""

TYPES = {(name, "id"): ("String", "Id") for name in CORE_TYPES} | {("Extension", "url"): ("String", "Uri")}
"""Where the snapshots say string and the model, like the text of the standard, is more exact."""


class Field(NamedTuple):
    """What both sides say about one JSON key."""

    type: str
    repeats: bool
    required: bool
    targets: frozenset[str]


def reached() -> list[str]:
    """Return the core types and every complex type they hold, in order."""
    seen: dict[str, None] = {}
    pending = list(CORE_TYPES)
    while pending:
        name = pending.pop(0)
        if name not in seen and DEFINITIONS.type(name).kind != "primitive" and name != "Resource":
            seen[name] = None
            pending += [ref.code for element in DEFINITIONS.type(name).elements for ref in element.types]
    return list(seen)


def model_of(name: str) -> Any:
    """Return the model class of a type: Patient.contact is PatientContact."""
    return get_fhir_model_class("".join(part[0].upper() + part[1:] for part in name.split(".")))


def model_fields(name: str) -> dict[str, Any]:
    """Return JSON key -> field of the model, without comments and the keys for extensions of primitives."""
    fields = model_of(name).model_fields.values()
    return {field.alias: field for field in fields if field.alias != "fhir_comments" and field.alias[0] != "_"}


def _leaf(annotation: Any) -> tuple[Any, bool]:
    """Return the innermost type of an annotation and whether a list is around it."""
    repeats = False
    while typing.get_origin(annotation) is not typing.Annotated and typing.get_args(annotation):
        repeats = repeats or typing.get_origin(annotation) is list
        annotation = next(arg for arg in typing.get_args(annotation) if arg is not type(None))
    return annotation, repeats


def ours(element: Element, ref: TypeRef) -> Field:
    """Return the definition of one JSON key."""
    type_name = "".join(part[0].upper() + part[1:] for part in ref.code.split("."))
    targets = frozenset(ref.targets) if ref.code == "Reference" else frozenset()
    return Field(type_name, element.max != 1, bool(element.min), targets)


def theirs(name: str, key: str, field: Any) -> Field:
    """Return the model's view of one JSON key."""
    extra = field.json_schema_extra
    leaf, repeats = _leaf(field.annotation)
    metadata = getattr(leaf, "__metadata__", ())
    plain = {bool: "Boolean", str: "String"}.get(leaf, getattr(leaf, "__name__", "?"))
    type_name = type(metadata[0]).__name__ if metadata else plain.removesuffix("Type")
    type_name = SPELLING.get(type_name, type_name)
    required = field.is_required() or extra.get("element_required") or extra.get("one_of_many_required")
    targets = (
        frozenset(extra.get("enum_reference_types", ())) - {"Resource"} if plain == "ReferenceType" else frozenset()
    )
    return Field(type_name, repeats, bool(required), targets)


def test_the_walk_reaches_79_types() -> None:
    assert len(reached()) == 79


def test_the_model_has_the_same_keys_save_three_choices_of_extension() -> None:
    for name in reached():
        own = {key for element in DEFINITIONS.type(name).elements for key, _ in element.json_keys()}
        model = set(model_fields(name))
        assert model - own == EXTRA_CHOICES.get(name, set()), name
        assert own - model == MISSING_CHOICES.get(name, set()), name


def test_cardinality_type_and_targets_are_the_same() -> None:
    differences = {}
    for name in reached():
        fields = model_fields(name)
        for element in DEFINITIONS.type(name).elements:
            for key, ref in element.json_keys():
                if key in fields and ours(element, ref) != theirs(name, key, fields[key]):
                    differences[name, key] = (ours(element, ref), theirs(name, key, fields[key]))
    assert {place: (own.type, model.type) for place, (own, model) in differences.items()} == TYPES
    assert all(own._replace(type="") == model._replace(type="") for own, model in differences.values())


def _codes_differ(name: str, element: Element) -> bool:
    field = model_fields(name).get(element.name)
    if field is None or element.types[0].code != "code":
        return False
    listed = set(field.json_schema_extra.get("enum_values", ()))
    required = (
        DEFINITIONS.value_set_codes.get(element.value_set, frozenset()) if element.strength == "required" else set()
    )
    return listed != set(required)


def test_lists_of_codes_are_the_same_save_eleven() -> None:
    different = {
        f"{name}.{element.name}"
        for name in reached()
        for element in DEFINITIONS.type(name).elements
        if _codes_differ(name, element)
    }
    assert different == set(CODES)
