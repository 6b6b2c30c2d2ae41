"""Appointment: a booking of patients, practitioners, places and devices for a time.

https://hl7.org/fhir/R4/appointment.html
"""

from fhir_server.mappings.datatypes import (
    Backbone,
    Code,
    CodeableConcept,
    DateTime,
    Identifier,
    Instant,
    Period,
    PositiveInt,
    Reference,
    String,
    UnsignedInt,
)
from fhir_server.mappings.model import Mapping, date, reference, token

_ACTORS = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Device", "HealthcareService", "Location"]
_REASONS = ["Condition", "Procedure", "Observation", "ImmunizationRecommendation"]

APPOINTMENT = Mapping(
    "Appointment",
    Identifier("identifier", "0..*"),
    Code("status", "1..1"),
    CodeableConcept("cancelationReason", "0..1"),
    CodeableConcept("serviceCategory", "0..*"),
    CodeableConcept("serviceType", "0..*"),
    CodeableConcept("specialty", "0..*"),
    CodeableConcept("appointmentType", "0..1"),
    CodeableConcept("reasonCode", "0..*"),
    Reference("reasonReference", "0..*", to=_REASONS),
    UnsignedInt("priority", "0..1"),
    String("description", "0..1"),
    Reference("supportingInformation", "0..*"),
    Instant("start", "0..1", column="start_time"),
    Instant("end", "0..1", column="end_time"),
    PositiveInt("minutesDuration", "0..1"),
    Reference("slot", "0..*", to=["Slot"]),
    DateTime("created", "0..1"),
    String("comment", "0..1"),
    String("patientInstruction", "0..1"),
    Reference("basedOn", "0..*", to=["ServiceRequest"]),
    Backbone(
        "participant",
        "1..*",
        CodeableConcept("type", "0..*"),
        Reference("actor", "0..1", to=_ACTORS),
        Code("required", "0..1"),
        Code("status", "1..1"),
        Period("period", "0..1"),
    ),
    Period("requestedPeriod", "0..*"),
    search=[
        reference("actor", "participant.actor", to=_ACTORS),
        token("appointment-type", "appointmentType"),
        reference("based-on", "basedOn", to=["ServiceRequest"]),
        date("date", "start"),
        token("identifier"),
        reference("location", "participant.actor", to=["Location"], only=["Location"]),
        token("part-status", "participant.status"),
        reference("patient", "participant.actor", to=["Patient"], only=["Patient"]),
        reference("practitioner", "participant.actor", to=["Practitioner"], only=["Practitioner"]),
        token("reason-code", "reasonCode"),
        reference("reason-reference", "reasonReference", to=_REASONS),
        token("service-category", "serviceCategory"),
        token("service-type", "serviceType"),
        reference("slot", to=["Slot"]),
        token("specialty"),
        token("status"),
        reference("supporting-info", "supportingInformation"),
    ],
    main_date="start",
)
