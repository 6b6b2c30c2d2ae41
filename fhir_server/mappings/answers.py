"""Which datatypes can answer which type of search parameter.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from fhir_server.mappings.datatypes import SearchType

_TEXT = ("string", "markdown")
_AMOUNTS = ("Quantity", "Age", "Count", "Distance", "Duration", "Money", "Range", "SampledData")
_WHOLE = ("integer", "positiveInt", "unsignedInt")

ANSWERS: dict[SearchType, frozenset[str]] = {
    "date": frozenset({"date", "dateTime", "instant", "Period", "Timing"}),
    "string": frozenset({*_TEXT, "HumanName", "Address"}),
    "token": frozenset(
        {*_TEXT, "boolean", "code", "id", "uri", "Coding", "CodeableConcept", "Identifier", "ContactPoint"}
        | {"oid", "uuid", "canonical", "url"}
    ),
    "reference": frozenset({"Reference", "canonical", "uri"}),
    "quantity": frozenset(_AMOUNTS),
    "number": frozenset({"decimal", *_WHOLE, "Range"}),
    "uri": frozenset({"uri", "url", "oid", "uuid", "canonical"}),
    "special": frozenset({"Position"}),
    "composite": frozenset(),
}
"""Search type -> FHIR types whose values it looks at; other types of a choice are left out."""

PARTS: dict[tuple[SearchType, str], frozenset[str]] = {
    ("string", "HumanName"): frozenset({"text", "family", "given", "prefix", "suffix"}),
    ("string", "Address"): frozenset({"text", "line", "city", "district", "state", "postalCode", "country"}),
    ("string", "CodeableConcept"): frozenset({"text"}),
    ("token", "HumanName"): frozenset({"use"}),
    ("token", "Address"): frozenset({"use"}),
}
"""(search type, FHIR type) -> the parts of it that a path may name: "name.family", "address.use"."""


def answers(search_type: SearchType, fhir_type: str, part: str = "") -> bool:
    """Say whether an element of `fhir_type`, or its part, is something a parameter of `search_type` looks at."""
    if fhir_type == "Computed":
        return True
    if part:
        return part in PARTS.get((search_type, fhir_type), frozenset())
    return fhir_type in ANSWERS[search_type]
