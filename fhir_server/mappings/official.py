"""Looks up what R4 itself says about an element.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from fhir_server.definitions import Definitions
from fhir_server.definitions import Element as OfficialElement


def official_element(definitions: Definitions, path: str) -> OfficialElement | None:
    """Return the definition of "Appointment.participant.status", None where R4 has no such element.

    A step may name one type of a choice ("Observation.value:Quantity.code"); without it every type is looked at.
    """
    type_name, *steps = path.split(".")
    owners = [type_name]
    element: OfficialElement | None = None
    for step in steps:
        name, _, type_code = step.partition(":")
        found = [made for owner in owners if owner in definitions and (made := definitions.type(owner).element(name))]
        if not found:
            return None
        element = found[0]
        owners = [ref.code for made in found for ref in made.types if not type_code or ref.code == type_code]
    return element
