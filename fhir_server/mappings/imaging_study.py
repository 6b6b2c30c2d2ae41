"""ImagingStudy: the pictures one examination made.

https://hl7.org/fhir/R4/imagingstudy.html
"""

from fhir_server.mappings.datatypes import (
    Backbone,
    Code,
    CodeableConcept,
    Coding,
    DateTime,
    Id,
    Identifier,
    Reference,
    String,
    UnsignedInt,
)
from fhir_server.mappings.model import Mapping, date, reference, token

_ORDERS = ["CarePlan", "ServiceRequest", "Appointment", "AppointmentResponse", "Task"]
_READERS = ["Practitioner", "PractitionerRole"]
_PERFORMERS = ["Practitioner", "PractitionerRole", "Organization", "CareTeam", "Patient", "Device", "RelatedPerson"]

IMAGING_STUDY = Mapping(
    "ImagingStudy",
    Identifier("identifier", "0..*"),
    Code("status", "1..1"),
    Coding("modality", "0..*"),
    Reference("subject", "1..1", to=["Patient", "Device", "Group"]),
    Reference("encounter", "0..1", to=["Encounter"]),
    DateTime("started", "0..1"),
    Reference("basedOn", "0..*", to=_ORDERS),
    Reference("referrer", "0..1", to=_READERS),
    Reference("interpreter", "0..*", to=_READERS),
    Reference("endpoint", "0..*", to=["Endpoint"]),
    UnsignedInt("numberOfSeries", "0..1"),
    UnsignedInt("numberOfInstances", "0..1"),
    Reference("procedureReference", "0..1", to=["Procedure"]),
    CodeableConcept("procedureCode", "0..*"),
    Reference("location", "0..1", to=["Location"]),
    CodeableConcept("reasonCode", "0..*"),
    String("description", "0..1"),
    Backbone(
        "series",
        "0..*",
        Id("uid", "1..1"),
        UnsignedInt("number", "0..1"),
        Coding("modality", "1..1"),
        String("description", "0..1"),
        UnsignedInt("numberOfInstances", "0..1"),
        Reference("endpoint", "0..*", to=["Endpoint"]),
        Coding("bodySite", "0..1"),
        Coding("laterality", "0..1"),
        DateTime("started", "0..1"),
        Backbone("performer", "0..*", Reference("actor", "1..1", to=_PERFORMERS)),
        Backbone(
            "instance",
            "0..*",
            Id("uid", "1..1"),
            Coding("sopClass", "1..1"),
            UnsignedInt("number", "0..1"),
            String("title", "0..1"),
        ),
    ),
    search=[
        reference("basedon", "basedOn", to=_ORDERS),
        token("bodysite", "series.bodySite"),
        token("dicom-class", "series.instance.sopClass"),
        reference("encounter", to=["Encounter"]),
        reference("endpoint", "endpoint", "series.endpoint", to=["Endpoint"]),
        token("identifier"),
        token("instance", "series.instance.uid"),
        reference("interpreter", to=_READERS),
        token("modality", "series.modality"),
        reference("patient", "subject", to=["Patient", "Group"], only=["Patient"]),
        reference("performer", "series.performer.actor", to=_PERFORMERS),
        token("reason", "reasonCode"),
        reference("referrer", to=_READERS),
        token("series", "series.uid"),
        date("started"),
        token("status"),
        reference("subject", to=["Patient", "Device", "Group"]),
    ],
    main_date="started",
)
