"""What each resource type keeps in tables and how its search parameters look there: one Mapping per R4 type.

https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from fhir_server.definitions import Definitions
from fhir_server.mappings.model import Mapping
from fhir_server.mappings.slot import SLOT


def mappings_for(definitions: Definitions) -> dict[str, Mapping]:
    """Return type -> Mapping."""
    return {SLOT.type: SLOT}


__all__ = ["Mapping", "mappings_for"]
