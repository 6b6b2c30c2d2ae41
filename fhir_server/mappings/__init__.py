"""What each resource type keeps in tables and how its search parameters look there: one Mapping per R4 type.

https://hl7.org/fhir/R4/resourcelist.html
"""

from fhir_server.mappings.model import Mapping
from fhir_server.mappings.registry import CORE, Mappings, mappings_for

__all__ = ["CORE", "Mapping", "Mappings", "mappings_for"]
