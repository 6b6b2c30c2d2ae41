"""Schedule: whose time is bookable, and for what.

https://hl7.org/fhir/R4/schedule.html
"""

from fhir_server.mappings.datatypes import Boolean, CodeableConcept, Identifier, Period, Reference, String
from fhir_server.mappings.model import Mapping, date, reference, token

_ACTORS = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Device", "HealthcareService", "Location"]

SCHEDULE = Mapping(
    "Schedule",
    Identifier("identifier", "0..*"),
    Boolean("active", "0..1"),
    CodeableConcept("serviceCategory", "0..*"),
    CodeableConcept("serviceType", "0..*"),
    CodeableConcept("specialty", "0..*"),
    Reference("actor", "1..*", to=_ACTORS),
    Period("planningHorizon", "0..1"),
    String("comment", "0..1"),
    search=[
        token("active"),
        reference("actor", to=_ACTORS),
        date("date", "planningHorizon"),
        token("identifier"),
        token("service-category", "serviceCategory"),
        token("service-type", "serviceType"),
        token("specialty"),
    ],
    main_date="planningHorizon",
)
