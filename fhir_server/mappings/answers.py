"""Which datatypes can answer which type of search parameter.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from fhir_server.mappings.model import SearchType

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
"""Search type -> FHIR types whose values it looks at; other types of a choice are left out.

The parts of names, addresses and concepts that a path may name ("name.family", "address.use") follow their datatype.
"""


def answers(search_type: SearchType, fhir_type: str, part: str = "") -> bool:
    """Say whether an element of `fhir_type`, or its part, is something a parameter of `search_type` looks at."""
    if fhir_type == "Computed" or part:
        return True
    return fhir_type in ANSWERS[search_type]
