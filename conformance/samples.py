"""Resources that the checks store: small, valid, harmless, and marked with the run.

https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from conformance.ledger import Run

Resource = dict[str, Any]


class Samples:
    """Makes new resources; each has an identifier of its own in the run's system and the run's tag.

    subject  the type that most checks use: Patient, Practitioner or Organization
    """

    def __init__(self, run: Run, subject: str) -> None:
        self._run = run
        self._subject = subject
        self._numbers: Iterator[int] = itertools.count(1)

    def value(self) -> str:
        """Return an identifier value that was not used before, also fit for an id."""
        return f"{self._run.short}-{next(self._numbers)}"

    def identifier(self, value: str | None = None) -> Resource:
        """Return an Identifier in the run's system."""
        return {"system": self._run.system, "value": value or self.value()}

    def meta(self) -> Resource:
        """Return a Meta with the run's tag."""
        return {"tag": [{"system": self._run.system, "code": "conformance"}]}

    def person(self, **elements: Any) -> Resource:
        """Return a new resource of the subject type; `elements` are added or replaced, those given as None left out."""
        return self.of(self._subject, **elements)

    def of(self, resource_type: str, **elements: Any) -> Resource:
        """Return a new resource of Patient, Practitioner, Organization or Observation."""
        resource: Resource = {
            "resourceType": resource_type,
            "meta": self.meta(),
            "identifier": [self.identifier()],
            **_BODIES[resource_type],
            **elements,
        }
        return {name: item for name, item in resource.items() if item is not None}

    def linked(self, reference: str, **elements: Any) -> Resource:
        """Return a new Patient or Organization that refers to another by `reference`."""
        return self.person(**link(self._subject, reference), **elements)


def link(resource_type: str, reference: str) -> Resource:
    """Return the elements by which a Patient or an Organization refers to another of its type."""
    if resource_type == "Patient":
        return {"link": [{"other": {"reference": reference}, "type": "seealso"}]}
    return {"partOf": {"reference": reference}}


def linked_to(resource: Mapping[str, Any]) -> str | None:
    """Return what `link` put into a resource, or None."""
    links = resource.get("link")
    holder = links[0].get("other") if isinstance(links, list) and links else resource.get("partOf")
    reference = holder.get("reference") if isinstance(holder, dict) else None
    return reference if isinstance(reference, str) else None


_TELECOM = [{"system": "phone", "value": "+1 555 0100", "use": "work"}]
_ADDRESS = [{"line": ["1 Conformance Way"], "city": "Testville", "postalCode": "00100"}]
_NAME = [{"family": "Conformance", "given": ["Suite"]}]
_BODIES: dict[str, Resource] = {  # elements in the order of the specification, which XML needs
    "Patient": {
        "active": True,
        "name": _NAME,
        "telecom": _TELECOM,
        "gender": "other",
        "birthDate": "1970-03-05",
        "address": _ADDRESS,
        "contact": [{"name": {"family": "Contact"}}],
    },
    "Practitioner": {
        "active": True,
        "name": _NAME,
        "telecom": _TELECOM,
        "address": _ADDRESS,
        "gender": "other",
        "birthDate": "1970-03-05",
        "qualification": [{"code": {"text": "Tester"}}],
    },
    "Organization": {
        "active": True,
        "name": "Conformance Suite",
        "telecom": _TELECOM,
        "address": _ADDRESS,
        "contact": [{"name": {"family": "Contact"}}],
    },
    "Observation": {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}], "text": "Body weight"},
        "effectiveDateTime": "2020-02-03T04:05:06+02:00",
        "valueQuantity": {
            "value": Decimal("72.50"),
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
    },
}

BEYOND_SUMMARY = {"Patient": "contact", "Practitioner": "qualification", "Organization": "contact"}
"""An element of each subject type's sample that is not part of its summary."""
