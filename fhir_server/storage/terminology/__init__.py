"""Value sets and code systems, stored and official, as far as search asks for them.

https://hl7.org/fhir/R4/terminology-service.html
"""

from fhir_server.storage.terminology.expansion import Codes, Expansion
from fhir_server.storage.terminology.terminology import Terminology

__all__ = ["Codes", "Expansion", "Terminology"]
