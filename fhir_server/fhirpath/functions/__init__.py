"""The functions of FHIRPath by name.

https://hl7.org/fhirpath/N1/#functions
https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from fhir_server.fhirpath.functions import (
    boundaries,
    collections,
    conversion,
    existence,
    fhir,
    iteration,
    numbers,
    strings,
    utility,
)
from fhir_server.fhirpath.functions.function import Function

FUNCTIONS: dict[str, Function] = {
    **existence.FUNCTIONS,
    **iteration.FUNCTIONS,
    **collections.FUNCTIONS,
    **conversion.FUNCTIONS,
    **strings.FUNCTIONS,
    **numbers.FUNCTIONS,
    **utility.FUNCTIONS,
    **fhir.FUNCTIONS,
    **boundaries.FUNCTIONS,
}

__all__ = ["FUNCTIONS", "Function"]
