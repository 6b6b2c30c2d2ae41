"""Extensions: https://hl7.org/fhir/R4/extensibility.html, https://hl7.org/fhir/R4/defining-extensions.html."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.definitions.compile import DATA, compile_extensions
from fhir_server.validation import Policy, Validator
from tests.paths import R4_PACKAGE, needs_r4_package

CORE = "http://hl7.org/fhir/StructureDefinition/"
VALIDATOR = Validator(load())


def outcome(validator: Validator = VALIDATOR, **content: Any) -> list[tuple[str, str]]:
    """Return (code, expression) of every issue of a Patient with `content`."""
    return [(i.code, i.expression) for i in validator.validate({"resourceType": "Patient", **content})]


def test_a_defined_extension_on_its_element_is_right() -> None:
    part = {"url": "species", "valueCodeableConcept": {"text": "dog"}}
    assert not outcome(
        extension=[
            {"url": CORE + "patient-mothersMaidenName", "valueString": "x"},
            {"url": CORE + "patient-animal", "extension": [part]},
            {"url": CORE + "data-absent-reason", "valueCode": "unknown"},
        ],
        name=[{"_family": {"extension": [{"url": CORE + "humanname-own-name", "valueString": "x"}]}}],
        _birthDate={"extension": [{"url": CORE + "patient-birthTime", "valueDateTime": "2020-01-01T10:00:00Z"}]},
    )


@pytest.mark.parametrize(
    ("content", "expression"),
    [
        ({"extension": [{"url": CORE + "humanname-own-name", "valueString": "x"}]}, "Patient.extension[0]"),
        (
            {"name": [{"extension": [{"url": CORE + "humanname-own-name", "valueString": "x"}]}]},
            "Patient.name[0].extension[0]",
        ),
        ({"extension": [{"url": CORE + "patient-mothersMaidenName", "valueCode": "x"}]}, "Patient.extension[0]"),
        ({"extension": [{"url": CORE + "data-absent-reason", "valueCode": "nonsense"}]}, "Patient.extension[0].value"),
        ({"extension": [{"url": CORE + "patient-animal", "valueString": "x"}]}, "Patient.extension[0]"),
        (
            {"extension": [{"url": CORE + "patient-animal", "extension": [{"url": "colour", "valueCode": "x"}]}]},
            "Patient.extension[0].extension[0]",
        ),
        (
            {"modifierExtension": [{"url": CORE + "data-absent-reason", "valueCode": "x"}]},
            "Patient.modifierExtension[0]",
        ),
        ({"extension": [{"url": CORE + "request-doNotPerform", "valueBoolean": True}]}, "Patient.extension[0]"),
    ],
)
def test_a_defined_extension_is_held_to_its_definition(content: dict[str, Any], expression: str) -> None:
    codes = {"code-invalid"} if expression.endswith(".value") else {"extension"}
    found = outcome(**content)
    assert (codes.pop(), expression) in found


def test_unknown_extensions_are_accepted_unless_the_policy_refuses_them() -> None:
    unknown = {"extension": [{"url": "http://example.org/x", "valueCode": "y"}]}
    assert not outcome(**unknown)
    closed = Validator(load(), Policy(unknown_extensions=False))
    assert outcome(closed, **unknown) == [("extension", "Patient.extension[0]")]


def test_an_unknown_modifier_extension_is_refused_unless_the_server_understands_it() -> None:
    unknown = {"modifierExtension": [{"url": "http://example.org/x", "valueCode": "y"}]}
    assert outcome(**unknown) == [("extension", "Patient.modifierExtension[0]")]
    knowing = Validator(load(), Policy(understood_modifiers=frozenset({"http://example.org/x"})))
    assert not outcome(knowing, **unknown)


def test_an_unknown_modifier_is_refused_on_any_element_and_in_contained_resources() -> None:
    modifier = {"modifierExtension": [{"url": "http://example.org/x", "valueCode": "y"}]}
    assert outcome(contact=[{"name": {"text": "x"}, **modifier}]) == [
        ("extension", "Patient.contact[0].modifierExtension[0]")
    ]
    inner = {"resourceType": "Practitioner", "id": "a", **modifier}
    assert outcome(contained=[inner], generalPractitioner=[{"reference": "#a"}]) == [
        ("extension", "Patient.contained[0].modifierExtension[0]")
    ]


def test_implicit_rules_are_refused_unless_the_server_understands_them() -> None:
    """https://hl7.org/fhir/R4/conformance-rules.html#isModifier"""
    unknown = {"implicitRules": "http://example.org/rules"}
    assert outcome(**unknown) == [("not-supported", "Patient.implicitRules")]
    knowing = Validator(load(), Policy(understood_rules=frozenset({"http://example.org/rules"})))
    assert not outcome(knowing, **unknown)
    inner = {"resourceType": "Practitioner", "id": "a", **unknown}
    assert outcome(contained=[inner], generalPractitioner=[{"reference": "#a"}]) == [
        ("not-supported", "Patient.contained[0].implicitRules")
    ]


def test_implicit_rules_without_a_value_name_none() -> None:
    assert not outcome(_implicitRules={"extension": [{"url": "http://example.org/x", "valueCode": "y"}]})


def test_a_negation_of_an_older_version_is_no_plain_extension() -> None:
    url = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Patient.animal"
    assert outcome(extension=[{"url": url, "valueBoolean": True}]) == [("extension", "Patient.extension[0]")]


def test_a_context_may_name_an_element_inside_a_datatype_of_the_resource() -> None:
    extension = {"url": CORE + "questionnaire-unit", "valueCoding": {"code": "kg"}}
    item = {"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "quantity", "extension": [extension]}]}
    assert not VALIDATOR.validate({"resourceType": "Questionnaire", "status": "draft", "item": [item]})


def test_extensions_of_extensions_are_bounded() -> None:
    extension: dict[str, Any] = {"url": "http://example.org/x", "valueCode": "y"}
    for _ in range(5_000):
        extension = {"url": "http://example.org/x", "extension": [extension]}
    issues = VALIDATOR.validate({"resourceType": "Patient", "extension": [extension]})
    assert [issue.code for issue in issues] == ["structure"]


@needs_r4_package
def test_the_facts_of_extensions_are_those_of_the_official_package() -> None:
    compiled = compile_extensions(R4_PACKAGE)
    assert json.loads((DATA / "extensions.json").read_text(encoding="utf-8")) == compiled
    assert len(compiled) == 393
