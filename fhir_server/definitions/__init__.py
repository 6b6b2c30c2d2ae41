"""The facts of R4 4.0.1, compiled from the official package and loaded lazily.

https://hl7.org/fhir/R4/definitions.html
"""

from fhir_server.definitions.load import Definitions, load
from fhir_server.definitions.model import (
    Element,
    ExtensionDef,
    Invariant,
    OperationDef,
    OperationParameter,
    SearchComponent,
    SearchParameter,
    TypeDef,
    TypeRef,
)

__all__ = [
    "Definitions",
    "Element",
    "ExtensionDef",
    "Invariant",
    "OperationDef",
    "OperationParameter",
    "SearchComponent",
    "SearchParameter",
    "TypeDef",
    "TypeRef",
    "load",
]
