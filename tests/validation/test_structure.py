"""Structure, cardinality and formats: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.validation import Validator

VALIDATOR = Validator(load())


def outcome(**content: Any) -> list[tuple[str, str]]:
    """Return (code, expression) of every issue of a Patient with `content`."""
    return [(i.code, i.expression) for i in VALIDATOR.validate({"resourceType": "Patient", **content})]


def test_a_resource_with_every_part_in_order_is_clean() -> None:
    assert not outcome(
        id="p1",
        active=True,
        name=[
            {
                "family": "Test",
                "given": ["A", "B"],
                "_given": [None, {"extension": [{"url": "http://e.org/x", "valueBoolean": True}]}],
            }
        ],
        birthDate="1980-02-29",
        multipleBirthInteger=2,
        contact=[{"name": {"text": "x"}}],
        generalPractitioner=[{"reference": "Practitioner/1"}],
    )


@pytest.mark.parametrize(
    ("content", "code", "expression"),
    [
        ({"foo": 1}, "structure", "Patient"),
        ({"name": {"family": "x"}}, "structure", "Patient.name"),
        ({"name": []}, "structure", "Patient.name"),
        ({"name": [{}]}, "structure", "Patient.name[0]"),
        ({"name": [{"given": "x"}]}, "structure", "Patient.name[0].given"),
        ({"name": [{"given": ["x", {}]}]}, "structure", "Patient.name[0].given[1]"),
        ({"name": [{"given": ["x", None]}]}, "structure", "Patient.name[0].given[1]"),
        ({"name": [{"given": ["x"], "_given": [None, None]}]}, "structure", "Patient.name[0].given"),
        ({"name": [{"given": [None], "_given": [None]}]}, "structure", "Patient.name[0].given[0]"),
        ({"name": [{"given": [None], "_given": [{"id": "a"}]}]}, "invariant", "Patient.name[0].given[0]"),
        ({"_birthDate": {"id": "a"}}, "invariant", "Patient.birthDate"),
        ({"active": "true"}, "value", "Patient.active"),
        ({"active": None}, "structure", "Patient.active"),
        ({"birthDate": "2024-02-30"}, "value", "Patient.birthDate"),
        ({"birthDate": "0000-01-01"}, "value", "Patient.birthDate"),
        ({"birthDate": "99999-01-01"}, "value", "Patient.birthDate"),
        ({"birthDate": "1900-02-29"}, "value", "Patient.birthDate"),
        ({"birthDate": 1980}, "value", "Patient.birthDate"),
        ({"multipleBirthInteger": True}, "value", "Patient.multipleBirth"),
        ({"multipleBirthInteger": 2**31}, "value", "Patient.multipleBirth"),
        ({"multipleBirthInteger": 1, "multipleBirthBoolean": True}, "structure", "Patient.multipleBirth"),
        ({"deceasedString": "x"}, "structure", "Patient"),
        ({"id": "x" * 65}, "value", "Patient.id"),
        ({"id": "a_b"}, "value", "Patient.id"),
        ({"gender": "banana"}, "code-invalid", "Patient.gender"),
        ({"gender": ["male"]}, "structure", "Patient.gender"),
        ({"language": "de  CH"}, "value", "Patient.language"),
        ({"name": [{"text": "a\x00b"}]}, "value", "Patient.name[0].text"),
        ({"name": [{"text": ""}]}, "value", "Patient.name[0].text"),
        ({"name": [{"text": "\ud800"}]}, "value", "Patient.name[0].text"),
        ({"photo": [{"contentType": "image/png", "data": "a=b"}]}, "value", "Patient.photo[0].data"),
        ({"link": [{"type": "seealso"}]}, "required", "Patient.link[0]"),
        ({"generalPractitioner": [{"reference": "Patient/1"}]}, "invariant", "Patient.generalPractitioner[0]"),
        ({"generalPractitioner": [{"reference": "nonsense"}]}, "value", "Patient.generalPractitioner[0].reference"),
        ({"generalPractitioner": [{"reference": "#x"}]}, "invariant", "Patient.generalPractitioner[0]"),
        (
            {"modifierExtension": [{"url": "http://e.org/x", "valueCode": "y"}]},
            "extension",
            "Patient.modifierExtension[0]",
        ),
        ({"extension": [{"url": "x", "valueCode": "y"}]}, "extension", "Patient.extension[0].url"),
        ({"extension": [{"url": "http://e.org/x"}]}, "invariant", "Patient.extension[0]"),
        ({"implicitRules": "a b"}, "value", "Patient.implicitRules"),
        ({"identifier": [{"system": "urn:oid:x"}]}, "value", "Patient.identifier[0].system"),
    ],
)
def test_each_fault_has_its_code_and_place(content: dict[str, Any], code: str, expression: str) -> None:
    assert outcome(**content) == [(code, expression)]


@pytest.mark.parametrize(
    "value", ["2015-02-07T13:28:17-05:00", "2016-12-31T23:59:60Z", "2018", "1973-06", "1905-08-23"]
)
def test_dates_of_every_precision_and_the_leap_second_are_right(value: str) -> None:
    assert not outcome(deceasedDateTime=value)


@pytest.mark.parametrize(
    "value", ["2015-02-07T13:28", "2015-02-07T24:00:00Z", "2015-13", "2015-02-07T13:28:17", "15", "2015-2-7"]
)
def test_other_spellings_of_dates_are_refused(value: str) -> None:
    assert outcome(deceasedDateTime=value) == [("value", "Patient.deceased")]


def test_numbers_are_integers_or_decimals() -> None:
    def value(number: Any) -> list[str]:
        resource = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "valueQuantity": {"value": number},
        }
        return [issue.expression for issue in VALIDATOR.validate(resource)]

    assert value(Decimal("1.00")) == value(3) == []
    assert value("1.0") == value(True) == value(Decimal("NaN")) == ["Observation.value.value"]


@pytest.mark.parametrize("document", [None, 1, "x", [], {}, {"resourceType": "Foo"}, {"resourceType": ["Patient"]}])
def test_what_is_no_resource_is_a_structure_issue(document: Any) -> None:
    assert [issue.code for issue in VALIDATOR.validate(document)] == ["structure"]


def test_another_type_than_the_caller_expects_is_invalid() -> None:
    issues = VALIDATOR.validate({"resourceType": "Patient"}, resource_type="Practitioner")
    assert [issue.code for issue in issues] == ["invalid"]


def test_no_value_of_the_record_is_repeated_in_an_issue() -> None:
    secret = "Zaphod Beeblebrox"
    issues = VALIDATOR.validate(
        {
            "resourceType": "Patient",
            secret: 1,
            "gender": secret,
            "birthDate": secret,
            "generalPractitioner": [{"reference": secret}],
            "extension": [{"url": secret, "valueCode": secret}],
            "identifier": [{"system": secret}],
        }
    )
    assert len(issues) >= 6
    assert not any("Zaphod" in issue.diagnostics + issue.expression for issue in issues)
