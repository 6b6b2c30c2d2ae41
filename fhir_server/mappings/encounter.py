"""Encounter: a contact between a patient and those who care for them.

https://hl7.org/fhir/R4/encounter.html
"""

from fhir_server.mappings.datatypes import (
    Backbone,
    Code,
    CodeableConcept,
    Coding,
    Duration,
    Identifier,
    Period,
    PositiveInt,
    Reference,
)
from fhir_server.mappings.model import Mapping, date, quantity, reference, token

_PEOPLE = ["Practitioner", "PractitionerRole", "RelatedPerson"]
_PLACES = ["Location", "Organization"]
_REASONS = ["Condition", "Procedure", "Observation", "ImmunizationRecommendation"]

ENCOUNTER = Mapping(
    "Encounter",
    Identifier("identifier", "0..*"),
    Code("status", "1..1"),
    Backbone("statusHistory", "0..*", Code("status", "1..1"), Period("period", "1..1")),
    Coding("class", "1..1"),
    Backbone("classHistory", "0..*", Coding("class", "1..1"), Period("period", "1..1")),
    CodeableConcept("type", "0..*"),
    CodeableConcept("serviceType", "0..1"),
    CodeableConcept("priority", "0..1"),
    Reference("subject", "0..1", to=["Patient", "Group"]),
    Reference("episodeOfCare", "0..*", to=["EpisodeOfCare"]),
    Reference("basedOn", "0..*", to=["ServiceRequest"]),
    Backbone(
        "participant",
        "0..*",
        CodeableConcept("type", "0..*"),
        Period("period", "0..1"),
        Reference("individual", "0..1", to=_PEOPLE),
    ),
    Reference("appointment", "0..*", to=["Appointment"]),
    Period("period", "0..1"),
    Duration("length", "0..1"),
    CodeableConcept("reasonCode", "0..*"),
    Reference("reasonReference", "0..*", to=_REASONS),
    Backbone(
        "diagnosis",
        "0..*",
        Reference("condition", "1..1", to=["Condition", "Procedure"]),
        CodeableConcept("use", "0..1"),
        PositiveInt("rank", "0..1"),
    ),
    Reference("account", "0..*", to=["Account"]),
    Backbone(
        "hospitalization",
        "0..1",
        Identifier("preAdmissionIdentifier", "0..1"),
        Reference("origin", "0..1", to=_PLACES),
        CodeableConcept("admitSource", "0..1"),
        CodeableConcept("reAdmission", "0..1"),
        CodeableConcept("dietPreference", "0..*"),
        CodeableConcept("specialArrangement", "0..*"),
        Reference("destination", "0..1", to=_PLACES),
        CodeableConcept("dischargeDisposition", "0..1"),
    ),
    Backbone(
        "location",
        "0..*",
        Reference("location", "1..1", to=["Location"]),
        Code("status", "0..1"),
        CodeableConcept("physicalType", "0..1"),
        Period("period", "0..1"),
    ),
    Reference("serviceProvider", "0..1", to=["Organization"]),
    Reference("partOf", "0..1", to=["Encounter"]),
    search=[
        reference("account", to=["Account"]),
        reference("appointment", to=["Appointment"]),
        reference("based-on", "basedOn", to=["ServiceRequest"]),
        token("class"),
        date("date", "period"),
        reference("diagnosis", "diagnosis.condition", to=["Condition", "Procedure"]),
        reference("episode-of-care", "episodeOfCare", to=["EpisodeOfCare"]),
        token("identifier"),
        quantity("length"),
        reference("location", "location.location", to=["Location"]),
        date("location-period", "location.period"),
        reference("part-of", "partOf", to=["Encounter"]),
        reference("participant", "participant.individual", to=_PEOPLE),
        token("participant-type", "participant.type"),
        reference("patient", "subject", to=["Patient", "Group"], only=["Patient"]),
        reference("practitioner", "participant.individual", to=["Practitioner"], only=["Practitioner"]),
        token("reason-code", "reasonCode"),
        reference("reason-reference", "reasonReference", to=_REASONS),
        reference("service-provider", "serviceProvider", to=["Organization"]),
        token("special-arrangement", "hospitalization.specialArrangement"),
        token("status"),
        reference("subject", to=["Patient", "Group"]),
        token("type"),
    ],
    main_date="period",
)
