"""Validation against FHIR R4 4.0.1: structure, formats, bindings, references, invariants, narrative, bundles.

https://hl7.org/fhir/R4/validation.html
"""

from fhir_server.validation.policy import Policy
from fhir_server.validation.validator import Validator

__all__ = ["Policy", "Validator"]
