"""Extensions that carry elements of other FHIR versions, and which of them modify.

https://hl7.org/fhir/R4/versions.html#extensions
"""

from __future__ import annotations

import re

_URL = re.compile(r"http://hl7\.org/fhir/[0-9]\.[0-9]/StructureDefinition/extension-(.+)")

_MODIFIERS = frozenset(
    (
        "Communication.notDone",
        "Immunization.notGiven",
        "Immunization.wasNotGiven",
        "MedicationAdministration.notGiven",
        "MedicationAdministration.wasNotGiven",
        "MedicationStatement.taken",
        "MedicationStatement.wasNotTaken",
        "Patient.animal",
        "Procedure.notDone",
        "Procedure.notPerformed",
    )
)
"""Modifier elements of DSTU2 and STU3 that R4 has no more: most of them say that something was not done."""


def is_modifier(url: str) -> bool:
    """Return whether `url` stands for an element of another version that changes the meaning of its resource."""
    found = _URL.fullmatch(url)
    return found is not None and found[1] in _MODIFIERS
