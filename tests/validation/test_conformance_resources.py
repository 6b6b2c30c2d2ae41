"""Questionnaire, CodeSystem, SearchParameter, CapabilityStatement, Attachment: rules stated in prose.

https://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from typing import Any

from fhir_server.definitions import load
from fhir_server.validation import Policy, Validator

VALIDATOR = Validator(load())


def outcome(resource_type: str, **content: Any) -> list[tuple[str, str]]:
    """Return (code, expression) of every issue of a resource."""
    return [(i.code, i.expression) for i in VALIDATOR.validate({"resourceType": resource_type, **content})]


def questionnaire(*items: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the issues of a Questionnaire."""
    return outcome("Questionnaire", status="draft", item=list(items))


def parameter(**content: Any) -> list[tuple[str, str]]:
    """Return the issues of a SearchParameter for Patient."""
    base = {
        "url": "http://e.org/x",
        "name": "X",
        "status": "draft",
        "description": "x",
        "code": "x",
        "base": ["Patient"],
    }
    return outcome("SearchParameter", **{**base, "type": "string", "expression": "Patient.name", **content})


def test_link_ids_are_unique_in_the_whole_questionnaire() -> None:
    inner = {"linkId": "1", "type": "string"}
    assert questionnaire({"linkId": "1", "type": "group", "item": [inner]}) == [
        ("invariant", "Questionnaire.item[0].item[0].linkId")
    ]


def test_enable_when_asks_another_question_that_exists() -> None:
    def condition(question: str) -> dict[str, Any]:
        return {"enableWhen": [{"question": question, "operator": "exists", "answerBoolean": True}]}

    one, group = {"linkId": "1", "type": "string"}, {"linkId": "2", "type": "group"}
    assert questionnaire(one, {"linkId": "2", "type": "string", **condition("1")}) == []
    fault = [("business-rule", "Questionnaire.item[0].enableWhen[0]")]
    assert questionnaire({**one, **condition("nothing")}) == fault
    assert questionnaire({**one, **condition("1")}) == fault
    assert questionnaire({**group, **condition("1"), "item": [one]}) == fault


def test_codes_are_unique_in_the_whole_code_system() -> None:
    concepts = [{"code": "a", "concept": [{"code": "b"}]}, {"code": "b"}]
    issues = outcome("CodeSystem", status="draft", content="complete", concept=concepts)
    assert issues == [("invariant", "CodeSystem.concept[1].code")]
    assert outcome("CodeSystem", status="draft", content="not-present", concept=[{"code": "a"}])


def test_a_search_parameter_has_an_expression_over_its_bases() -> None:
    assert parameter() == []
    assert parameter(expression="Observation.code") == [("business-rule", "SearchParameter.expression")]
    assert parameter(expression="Observation.code", base=["Patient", "Observation"]) == []
    assert parameter(
        expression="Patient.name.",
    ) == [("value", "SearchParameter.expression")]
    assert parameter(expression="Patient.nothing") == []  # a guide may search by what its profiles add


def test_a_composite_parameter_has_two_components() -> None:
    assert parameter(type="composite") == [("business-rule", "SearchParameter")]


def test_a_derived_parameter_keeps_base_and_type() -> None:
    origin = "http://hl7.org/fhir/SearchParameter/individual-gender"
    assert parameter(derivedFrom=origin, type="token") == []
    assert parameter(derivedFrom=origin) == [("business-rule", "SearchParameter.type")]
    slot = {"base": ["Slot"], "expression": "Slot.status"}
    assert parameter(derivedFrom=origin, type="token", **slot) == [("business-rule", "SearchParameter.base")]


def test_a_capability_statement_gives_parameters_the_type_of_their_definition() -> None:
    search = {"name": "gender", "definition": "http://hl7.org/fhir/SearchParameter/individual-gender", "type": "string"}
    issues = outcome(
        "CapabilityStatement",
        status="draft",
        date="2024",
        kind="requirements",
        fhirVersion="4.0.1",
        description="x",
        format=["json"],
        rest=[{"mode": "server", "resource": [{"type": "Patient", "searchParam": [search]}]}],
    )
    assert issues == [("business-rule", "CapabilityStatement.rest[0].resource[0].searchParam[0].type")]


def test_the_size_of_an_attachment_is_that_of_its_data() -> None:
    def photo(size: int, data: str) -> list[tuple[str, str]]:
        return outcome("Patient", photo=[{"contentType": "image/png", "data": data, "size": size}])

    assert photo(3, "AAAA") == photo(1, "AA==") == photo(2, "AAA=") == photo(3, "AA\nAA ") == []
    assert photo(4, "AAAA") == [("invariant", "Patient.photo[0].size")]


def test_a_required_concept_has_a_coding_of_the_value_set() -> None:
    def condition(status: dict[str, Any]) -> list[tuple[str, str]]:
        return outcome("Condition", subject={"reference": "Patient/1"}, clinicalStatus=status)

    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    assert condition({"coding": [{"system": "http://e.org", "code": "x"}, {"system": system, "code": "active"}]}) == []
    fault = [("code-invalid", "Condition.clinicalStatus")]
    assert condition({"coding": [{"system": system, "code": "x"}]}) == fault
    assert condition({"coding": [{"system": "http://e.org", "code": "active"}]}) == fault
    assert condition({"text": "active"}) == fault


def test_value_sets_without_a_list_are_checked_by_rule() -> None:
    def money(currency: str) -> list[tuple[str, str]]:
        return outcome(
            "Account",
            status="active",
            name="x",
            extension=[{"url": "http://e.org/x", "valueMoney": {"value": 1, "currency": currency}}],
        )

    assert money("CHF") == []
    assert money("XYZ") == [("code-invalid", "Account.extension[0].value.currency")]
    assert outcome("Binary", contentType="application/fhir+json; charset=utf-8") == []
    assert outcome("Binary", contentType="plain text") == [("code-invalid", "Binary.contentType")]


def test_relative_canonicals_and_systems_are_warnings() -> None:
    measure = {
        "resourceType": "Measure",
        "status": "draft",
        "library": ["Library/1"],
        "topic": [{"coding": [{"system": "local", "code": "x"}]}],
    }
    assert not VALIDATOR.validate(measure)
    issues = Validator(load(), Policy(warnings=True)).validate(measure)
    places = {issue.expression for issue in issues if issue.severity == "warning"}
    assert {"Measure.library[0]", "Measure.topic[0].coding[0].system"} <= places


def test_tags_in_text_are_refused_when_the_policy_says_so() -> None:
    patient = {"resourceType": "Patient", "name": [{"text": "a <b onclick='x'>b</b>"}]}
    assert not VALIDATOR.validate(patient)
    issues = Validator(load(), Policy(markup_in_text=False)).validate(patient)
    assert [(issue.code, issue.expression) for issue in issues] == [("business-rule", "Patient.name[0].text")]


def test_ids_of_elements_are_unique_and_hold_no_space() -> None:
    assert outcome("Patient", name=[{"id": "a", "text": "x"}], address=[{"id": "a", "text": "x"}]) == [
        ("invariant", "Patient.address[0].id")
    ]
    assert outcome("Patient", name=[{"id": "a b", "text": "x"}]) == [("value", "Patient.name[0].id")]


def test_contained_resources_are_used_and_plain() -> None:
    def container(inner: dict[str, Any], reference: str = "#a", **content: Any) -> list[tuple[str, str]]:
        contained = {"resourceType": "Practitioner", "id": "a", **inner}
        practitioner = [{"reference": reference}]
        return outcome("Patient", contained=[contained], generalPractitioner=practitioner, **content)

    fault = [("invariant", "Patient.contained[0]")]
    assert container({}) == []
    assert container({}, "Practitioner/1") == fault
    assert container({"meta": {"versionId": "1"}}) == fault
    assert container({"meta": {"security": [{"code": "R"}]}}) == fault
    assert container({"contained": [{"resourceType": "Patient", "id": "b"}]}) == fault
    link = {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'><a href='#a'>x</a></div>"}
    assert container({}, "Practitioner/1", text=link) == []
    location = {"resourceType": "Location", "id": "a"}
    assert ("invariant", "Patient.generalPractitioner[0]") in container(location)


def test_a_contained_resource_may_point_at_its_container_instead() -> None:
    inner = {"resourceType": "RelatedPerson", "id": "a", "patient": {"reference": "#"}}
    assert outcome("Patient", contained=[inner]) == []
    stranger = {"resourceType": "RelatedPerson", "id": "a", "patient": {"reference": "#b"}}
    assert ("invariant", "Patient.contained[0].patient") in outcome("Patient", contained=[stranger])
