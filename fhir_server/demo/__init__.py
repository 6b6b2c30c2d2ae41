"""A small clinic made by code, so that a new server has something to show.

https://hl7.org/fhir/R4/bundle.html#transaction
"""

from fhir_server.demo.clinic import clinic
from fhir_server.demo.naming import SYSTEM

__all__ = ["SYSTEM", "clinic"]
