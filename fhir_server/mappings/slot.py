"""Slot: a piece of bookable time.

https://hl7.org/fhir/R4/slot.html
"""

from fhir_server.mappings.datatypes import Boolean, Code, CodeableConcept, Identifier, Instant, Reference, String
from fhir_server.mappings.model import Mapping, date, reference, token

SLOT = Mapping(
    "Slot",
    Identifier("identifier", "0..*"),
    CodeableConcept("serviceCategory", "0..*"),
    CodeableConcept("serviceType", "0..*"),
    CodeableConcept("specialty", "0..*"),
    CodeableConcept("appointmentType", "0..1"),
    Reference("schedule", "1..1", to=["Schedule"]),
    Code("status", "1..1"),
    Instant("start", "1..1", column="start_time"),
    Instant("end", "1..1", column="end_time"),
    Boolean("overbooked", "0..1"),
    String("comment", "0..1"),
    search=[
        token("appointment-type", "appointmentType"),
        token("identifier"),
        reference("schedule", to=["Schedule"]),
        token("service-category", "serviceCategory"),
        token("service-type", "serviceType"),
        token("specialty"),
        date("start"),
        token("status"),
    ],
    main_date="start",
)
