"""Turns FHIR's camel case into the snake case of tables.

https://hl7.org/fhir/R4/formats.html
"""

import re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def snake_words(name: str) -> str:
    """Return a FHIR name in snake case: "MedicationRequest" -> "medication_request"."""
    return _NOT_WORD.sub("_", _HUMP.sub("_", name).lower()).strip("_")
