"""Patient: a person who receives care.

https://hl7.org/fhir/R4/patient.html
"""

from fhir_server.mappings.datatypes import (
    Address,
    Backbone,
    Boolean,
    Choice,
    Code,
    CodeableConcept,
    Computed,
    ContactPoint,
    Date,
    DateTime,
    Extension,
    HumanName,
    Identifier,
    Integer,
    Period,
    Reference,
    String,
)
from fhir_server.mappings.model import Mapping, date, reference, string, token

_PROVIDERS = ["Organization", "Practitioner", "PractitionerRole"]

PATIENT = Mapping(
    "Patient",
    Identifier("identifier", "0..*"),
    Boolean("active", "0..1"),
    HumanName("name", "0..*"),
    ContactPoint("telecom", "0..*"),
    Code("gender", "0..1"),
    Date("birthDate", "0..1"),
    Choice(
        "deceased",
        "0..1",
        Boolean("deceasedBoolean"),
        DateTime("deceasedDateTime", column="deceased"),
    ),
    Address("address", "0..*"),
    CodeableConcept("maritalStatus", "0..1"),
    Choice(
        "multipleBirth",
        "0..1",
        Boolean("multipleBirthBoolean"),
        Integer("multipleBirthInteger"),
    ),
    Backbone(
        "contact",
        "0..*",
        CodeableConcept("relationship", "0..*"),
        HumanName("name", "0..1"),
        ContactPoint("telecom", "0..*"),
        Address("address", "0..1"),
        Code("gender", "0..1"),
        Reference("organization", "0..1", to=["Organization"]),
        Period("period", "0..1"),
    ),
    Backbone(
        "communication",
        "0..*",
        CodeableConcept("language", "1..1"),
        Boolean("preferred", "0..1"),
    ),
    Reference("generalPractitioner", "0..*", to=_PROVIDERS),
    Reference("managingOrganization", "0..1", to=["Organization"]),
    Backbone(
        "link",
        "0..*",
        Reference("other", "1..1", to=["Patient", "RelatedPerson"]),
        Code("type", "1..1"),
    ),
    # The parameter's expression names a URL that no extension has; the extension itself has the second.
    Extension(
        "mothersMaidenName",
        [
            "http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName",
            "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
        ],
        String("valueString"),
    ),
    Computed("isDeceased", "0..*", expression="Patient.deceased.exists() and Patient.deceased != false", of="token"),
    search=[
        token("active"),
        string("address"),
        string("address-city", "address.city"),
        string("address-country", "address.country"),
        string("address-postalcode", "address.postalCode"),
        string("address-state", "address.state"),
        token("address-use", "address.use"),
        date("birthdate", "birthDate"),
        date("death-date", "deceased:dateTime"),
        token("deceased", "isDeceased"),
        token("email", "telecom", where=("system", "email")),
        string("family", "name.family"),
        token("gender"),
        reference("general-practitioner", "generalPractitioner", to=_PROVIDERS),
        string("given", "name.given"),
        token("identifier"),
        token("language", "communication.language"),
        reference("link", "link.other", to=["Patient", "RelatedPerson"]),
        string("mothersMaidenName"),
        string("name"),
        reference("organization", "managingOrganization", to=["Organization"]),
        token("phone", "telecom", where=("system", "phone")),
        string("phonetic", "name"),
        token("telecom"),
    ],
)
