"""Coverage: who pays for a patient's care, and under which policy.

https://hl7.org/fhir/R4/coverage.html
"""

from fhir_server.mappings.datatypes import (
    Backbone,
    Boolean,
    Choice,
    Code,
    CodeableConcept,
    Identifier,
    Money,
    Period,
    PositiveInt,
    Quantity,
    Reference,
    String,
)
from fhir_server.mappings.model import Mapping, reference, string, token

_HOLDERS = ["Patient", "RelatedPerson", "Organization"]

COVERAGE = Mapping(
    "Coverage",
    Identifier("identifier", "0..*"),
    Code("status", "1..1"),
    CodeableConcept("type", "0..1"),
    Reference("policyHolder", "0..1", to=_HOLDERS),
    Reference("subscriber", "0..1", to=["Patient", "RelatedPerson"]),
    String("subscriberId", "0..1", column="subscriber_number"),
    Reference("beneficiary", "1..1", to=["Patient"]),
    String("dependent", "0..1"),
    CodeableConcept("relationship", "0..1"),
    Period("period", "0..1"),
    Reference("payor", "1..*", to=_HOLDERS),
    Backbone(
        "class",
        "0..*",
        CodeableConcept("type", "1..1"),
        String("value", "1..1"),
        String("name", "0..1"),
    ),
    PositiveInt("order", "0..1", column="coverage_order"),
    String("network", "0..1"),
    Backbone(
        "costToBeneficiary",
        "0..*",
        CodeableConcept("type", "0..1"),
        Choice("value", "1..1", Quantity("valueQuantity"), Money("valueMoney")),
    ),
    Boolean("subrogation", "0..1"),
    Reference("contract", "0..*", to=["Contract"]),
    search=[
        reference("beneficiary", to=["Patient"]),
        token("class-type", "class.type"),
        string("class-value", "class.value"),
        string("dependent"),
        token("identifier"),
        reference("patient", "beneficiary", to=["Patient"]),
        reference("payor", to=_HOLDERS),
        reference("policy-holder", "policyHolder", to=_HOLDERS),
        token("status"),
        reference("subscriber", to=["Patient", "RelatedPerson"]),
        token("type"),
    ],
    main_date="period",
)
