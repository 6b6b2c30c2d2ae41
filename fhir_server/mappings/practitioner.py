"""Practitioner: a person who provides care.

https://hl7.org/fhir/R4/practitioner.html
"""

from fhir_server.mappings.datatypes import (
    Address,
    Backbone,
    Boolean,
    Code,
    CodeableConcept,
    ContactPoint,
    Date,
    HumanName,
    Identifier,
    Period,
    Reference,
)
from fhir_server.mappings.model import Mapping, string, token

PRACTITIONER = Mapping(
    "Practitioner",
    Identifier("identifier", "0..*"),
    Boolean("active", "0..1"),
    HumanName("name", "0..*"),
    ContactPoint("telecom", "0..*"),
    Address("address", "0..*"),
    Code("gender", "0..1"),
    Date("birthDate", "0..1"),
    Backbone(
        "qualification",
        "0..*",
        CodeableConcept("code", "1..1"),
        Period("period", "0..1"),
        Reference("issuer", "0..1", to=["Organization"]),
    ),
    CodeableConcept("communication", "0..*"),
    search=[
        token("active"),
        string("address"),
        string("address-city", "address.city"),
        string("address-country", "address.country"),
        string("address-postalcode", "address.postalCode"),
        string("address-state", "address.state"),
        token("address-use", "address.use"),
        token("communication"),
        token("email", "telecom", where=("system", "email")),
        string("family", "name.family"),
        token("gender"),
        string("given", "name.given"),
        token("identifier"),
        string("name"),
        token("phone", "telecom", where=("system", "phone")),
        string("phonetic", "name"),
        token("telecom"),
    ],
)
