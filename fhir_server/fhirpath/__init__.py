"""FHIRPath: expressions compiled once to closures, run over decoded resources.

https://hl7.org/fhirpath/N1/
https://hl7.org/fhir/R4/fhirpath.html
"""

from fhir_server.fhirpath.errors import FhirPathError, FhirPathTooCostly
from fhir_server.fhirpath.expression import Expression, compile  # noqa: A004 - the word of the trade
from fhir_server.fhirpath.node import Node
from fhir_server.fhirpath.quantity import Quantity
from fhir_server.fhirpath.temporal import Temporal

__all__ = ["Expression", "FhirPathError", "FhirPathTooCostly", "Node", "Quantity", "Temporal", "compile"]
