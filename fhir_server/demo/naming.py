"""How the demo clinic names its resources: one identifier system, urn:uuid full URLs derived from the names.

https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import uuid
from html import escape

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.narrative import Narrative
from fhir.resources.R4B.reference import Reference

SYSTEM = "https://demo-clinic.example/fhir/ids"
SNOMED = "http://snomed.info/sct"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, SYSTEM)


def full_url(name: str) -> str:
    """Return the urn:uuid that stands for the resource called `name` inside the bundle."""
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, name)}"


def dicom_uid(name: str) -> str:
    """Return a DICOM UID derived from `name` (the 2.25 arc holds UUIDs as decimals)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


def identifier(name: str) -> Identifier:
    """Return the business identifier that makes a second load find the first one's resource."""
    return Identifier(system=SYSTEM, value=name)


def refer(name: str, display: str | None = None) -> Reference:
    """Return a reference to the resource called `name`."""
    return Reference(reference=full_url(name), display=display)


def concept(system: str, code: str, display: str) -> CodeableConcept:
    """Return a CodeableConcept with one coding."""
    return CodeableConcept(coding=[Coding(system=system, code=code, display=display)], text=display)


def hl7(code_system: str, code: str, display: str) -> CodeableConcept:
    """Return a CodeableConcept of terminology.hl7.org's `code_system`."""
    return concept(f"http://terminology.hl7.org/CodeSystem/{code_system}", code, display)


def narrative(sentence: str) -> Narrative:
    """Return the generated narrative: one plain sentence."""
    return Narrative(status="generated", div=f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(sentence)}</div>')
