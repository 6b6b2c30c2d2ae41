"""The official examples are valid, save those that the standard's own rules refuse.

https://hl7.org/fhir/R4/downloads.html
"""

from __future__ import annotations

import pytest

from fhir_server.definitions import load
from fhir_server.formats import json
from fhir_server.validation import Validator
from tests.paths import R4_PACKAGE, needs_r4_package
from tests.validation.documents import example, example_paths

pytestmark = needs_r4_package
VALIDATOR = Validator(load())

REFUSED = {
    "ActivityDefinition-blood-tubes-supply": "txt-2: an empty narrative",
    "ActivityDefinition-heart-valve-replacement": "txt-2: an empty narrative",
    "Basic-referral": "an unknown modifierExtension must not be ignored (extensibility.html#modifierExtension)",
    "Bundle-hla-1": "the core extension hla-genotyping-results-glstring has parts url and text, not uri",
    "CapabilityStatement-base": "the type of a search parameter shall be that of its definition (_sort is not _source)",
    "CapabilityStatement-knowledge-repository": "the type of a search parameter shall be that of its definition",
    "CapabilityStatement-measure-processor": "the type of a search parameter shall be that of its definition",
    "CapabilityStatement-terminology-server": "the type of a search parameter shall be that of its definition",
    "DeviceMetric-example": "DeviceMetric.parent points at Device only",
    "DeviceUseStatement-example": "DeviceUseStatement.reasonReference does not point at Procedure",
    "EventDefinition-example": "txt-2: an empty narrative",
    "Library-zika-virus-intervention-logic": "urn:oid: is followed by no OID",
    "MedicationRequest-medrx0301": "MedicationRequest.dispenseRequest.performer points at Organization only",
    "Observation-clinical-gender": "Observation.performer does not point at Device",
    "Questionnaire-qs1": "Questionnaire.item.linkId is required",
    "Questionnaire-zika-virus-exposure-assessment": "txt-2: an empty narrative",
}
"""File -> the rule that refuses it."""


def test_the_examples_are_all_there() -> None:
    assert len(example_paths()) == 727


def test_every_official_example_is_valid_save_those_that_a_rule_of_the_standard_refuses() -> None:
    refused = {path.stem for path in example_paths() if VALIDATOR.validate(example(path.name))}
    assert refused == set(REFUSED)


@pytest.mark.slow
def test_the_definitions_themselves_are_valid_save_a_few() -> None:
    faults: dict[str, int] = {}
    for path in sorted(R4_PACKAGE.glob("*-*.json")):
        if path not in example_paths() and path.stat().st_size < 1_000_000:
            for issue in VALIDATOR.validate(json.decode(path.read_bytes(), max_depth=256)):
                faults[issue.diagnostics] = faults.get(issue.diagnostics, 0) + 1
    assert faults == {
        "A code holds no white space but single spaces between its words.": 4,  # two v2 code systems
        "An id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'.": 1,
        "The element base is required here.": 10,  # search parameters on extensions of CodeSystem and ValueSet
        "The expression starts at a resource type that is not in base.": 1,  # SearchParameter example-extension
        "This rule of the standard does not hold: abstract = true or baseDefinition.exists() (sdf-4).": 4,
    }
