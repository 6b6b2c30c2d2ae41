"""The mappings of all types: the ten core ones as declared, every other one derived on first use.

https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC

from fhir_server.definitions import Definitions
from fhir_server.mappings.appointment import APPOINTMENT
from fhir_server.mappings.claim import CLAIM
from fhir_server.mappings.coverage import COVERAGE
from fhir_server.mappings.derive import derive
from fhir_server.mappings.encounter import ENCOUNTER
from fhir_server.mappings.imaging_study import IMAGING_STUDY
from fhir_server.mappings.medication_request import MEDICATION_REQUEST
from fhir_server.mappings.model import Mapping
from fhir_server.mappings.patient import PATIENT
from fhir_server.mappings.practitioner import PRACTITIONER
from fhir_server.mappings.schedule import SCHEDULE
from fhir_server.mappings.slot import SLOT

CORE: dict[str, Mapping] = {
    mapping.type: mapping
    for mapping in (
        PATIENT,
        PRACTITIONER,
        SCHEDULE,
        SLOT,
        APPOINTMENT,
        ENCOUNTER,
        MEDICATION_REQUEST,
        IMAGING_STUDY,
        COVERAGE,
        CLAIM,
    )
}
"""The types whose mapping is written by hand."""


class Mappings(MappingABC[str, Mapping]):
    """Type -> Mapping for every R4 type, in the order of the names; a read-only dict that derives on first use."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._made: dict[str, Mapping] = dict(CORE)

    def __getitem__(self, resource_type: str) -> Mapping:
        found = self._made.get(resource_type)
        if found is None:
            if resource_type not in self.definitions.resource_type_set:
                raise KeyError(resource_type)
            found = self._made[resource_type] = derive(self.definitions, resource_type)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.definitions.resource_types)

    def __len__(self) -> int:
        return len(self.definitions.resource_types)


def mappings_for(definitions: Definitions) -> Mappings:
    """Return the mappings of all R4 types."""
    return Mappings(definitions)
