"""MedicationRequest: a prescription, or the wish for one.

https://hl7.org/fhir/R4/medicationrequest.html
"""

from fhir_server.mappings.datatypes import (
    Backbone,
    Boolean,
    Choice,
    Code,
    CodeableConcept,
    DateTime,
    Duration,
    Identifier,
    Integer,
    Period,
    Quantity,
    Reference,
    String,
    UnsignedInt,
)
from fhir_server.mappings.model import Mapping, date, reference, token

_REQUESTERS = ["Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson", "Device"]
_PERFORMERS = [*_REQUESTERS, "CareTeam"]
_REPORTERS = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization"]

MEDICATION_REQUEST = Mapping(
    "MedicationRequest",
    Identifier("identifier", "0..*"),
    Code("status", "1..1"),
    CodeableConcept("statusReason", "0..1"),
    Code("intent", "1..1"),
    CodeableConcept("category", "0..*"),
    Code("priority", "0..1"),
    Boolean("doNotPerform", "0..1"),
    Choice(
        "reported", "0..1", Boolean("reportedBoolean"), Reference("reportedReference", column="reported", to=_REPORTERS)
    ),
    Choice(
        "medication",
        "1..1",
        CodeableConcept("medicationCodeableConcept", column="medication_concept"),
        Reference("medicationReference", column="medication", to=["Medication"]),
    ),
    Reference("subject", "1..1", to=["Patient", "Group"]),
    Reference("encounter", "0..1", to=["Encounter"]),
    DateTime("authoredOn", "0..1"),
    Reference("requester", "0..1", to=_REQUESTERS),
    Reference("performer", "0..1", to=_PERFORMERS),
    CodeableConcept("performerType", "0..1"),
    Reference("recorder", "0..1", to=["Practitioner", "PractitionerRole"]),
    CodeableConcept("reasonCode", "0..*"),
    Reference("reasonReference", "0..*", to=["Condition", "Observation"]),
    Reference("basedOn", "0..*", to=["CarePlan", "MedicationRequest", "ServiceRequest", "ImmunizationRecommendation"]),
    Identifier("groupIdentifier", "0..1"),
    CodeableConcept("courseOfTherapyType", "0..1"),
    Reference("insurance", "0..*", to=["Coverage", "ClaimResponse"]),
    Backbone(
        "dosageInstruction",
        "0..*",
        Integer("sequence", "0..1"),
        String("text", "0..1"),
        String("patientInstruction", "0..1"),
        Backbone("timing", "0..1", DateTime("event", "0..*"), CodeableConcept("code", "0..1"), of="Timing"),
        Choice("asNeeded", "0..1", Boolean("asNeededBoolean"), CodeableConcept("asNeededCodeableConcept")),
        CodeableConcept("route", "0..1"),
        Backbone(
            "doseAndRate",
            "0..*",
            Choice("dose", "0..1", Quantity("doseQuantity", column="dose")),
        ),
        of="Dosage",
    ),
    Backbone(
        "dispenseRequest",
        "0..1",
        Period("validityPeriod", "0..1"),
        UnsignedInt("numberOfRepeatsAllowed", "0..1"),
        Quantity("quantity", "0..1"),
        Duration("expectedSupplyDuration", "0..1"),
        Reference("performer", "0..1", to=["Organization"]),
    ),
    Backbone(
        "substitution",
        "0..1",
        Choice("allowed", "1..1", Boolean("allowedBoolean"), CodeableConcept("allowedCodeableConcept")),
        CodeableConcept("reason", "0..1"),
    ),
    Reference("priorPrescription", "0..1", to=["MedicationRequest"]),
    search=[
        date("authoredon", "authoredOn"),
        token("category"),
        token("code", "medication:CodeableConcept"),
        date("date", "dosageInstruction.timing.event"),
        reference("encounter", to=["Encounter"]),
        token("identifier"),
        reference("intended-dispenser", "dispenseRequest.performer", to=["Organization"]),
        reference("intended-performer", "performer", to=_PERFORMERS),
        token("intended-performertype", "performerType"),
        token("intent"),
        reference("medication", "medication:Reference", to=["Medication"]),
        reference("patient", "subject", to=["Patient", "Group"], only=["Patient"]),
        token("priority"),
        reference("requester", to=_REQUESTERS),
        token("status"),
        reference("subject", to=["Patient", "Group"]),
    ],
    main_date="authoredOn",
)
