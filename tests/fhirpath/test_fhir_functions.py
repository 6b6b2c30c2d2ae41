"""The functions and variables FHIR adds, the clock, and silence.

https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from fhir_server.fhirpath import FhirPathError, Node, compile  # noqa: A004
from tests.fhirpath.documents import PATIENT

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "http://example.org/fhir/Patient/1", "resource": {"resourceType": "Patient", "id": "1"}},
        {
            "fullUrl": "urn:uuid:f6d5ac0e-9a3c-4b44-a0a3-19a50e8b3a2f",
            "resource": {"resourceType": "Organization", "id": "2"},
        },
        {
            "fullUrl": "http://example.org/fhir/Observation/3",
            "resource": {
                "resourceType": "Observation",
                "id": "3",
                "subject": {"reference": "Patient/1"},
                "performer": [
                    {"reference": "urn:uuid:f6d5ac0e-9a3c-4b44-a0a3-19a50e8b3a2f"},
                    {"reference": "Practitioner/9"},
                ],
            },
        },
    ],
}


def run(source: str, focus: Any = PATIENT, **arguments: Any) -> list[Any]:
    return compile(source).evaluate(focus, **arguments)


def types(items: list[Any]) -> list[str]:
    return [item.type for item in items if isinstance(item, Node)]


def test_a_contained_resource_is_resolved() -> None:
    assert types(run("managingOrganization.resolve()")) == ["Organization"]
    assert run("managingOrganization.resolve().name = 'Ward'") == [True]


def test_a_lone_hash_is_the_container() -> None:
    contained = {"resourceType": "Provenance", "id": "x", "target": [{"reference": "#"}]}
    holder = {"resourceType": "Patient", "id": "p", "contained": [contained]}
    assert types(run("target.resolve()", contained, root=holder)) == ["Patient"]


def test_references_within_a_bundle_are_resolved() -> None:
    assert types(run("entry[2].resource.subject.resolve()", BUNDLE)) == ["Patient"]
    assert types(run("entry[2].resource.performer.resolve()", BUNDLE)) == ["Organization"]
    observation = BUNDLE["entry"][2]["resource"]
    assert types(run("subject.resolve()", observation, root=BUNDLE)) == ["Patient"]


def test_other_references_are_asked_of_the_caller() -> None:
    asked: list[str] = []

    def resolver(text: str) -> dict[str, Any] | None:
        asked.append(text)
        return {"resourceType": "Practitioner", "id": "9"} if text == "Practitioner/9" else None

    found = run("entry.resource.performer.resolve()", BUNDLE, resolver=resolver)
    assert types(found) == ["Organization", "Practitioner"]
    assert asked == ["Practitioner/9"]
    assert types(run("'Practitioner/9'.resolve()", BUNDLE, resolver=resolver)) == ["Practitioner"]


def test_resource_and_root_are_told_apart() -> None:
    contained = PATIENT["contained"][0]
    arguments = {"resource": contained, "root": PATIENT}
    name = Node(contained["name"], "string")
    assert run("%resource.id", name, **arguments)[0].value == "o1"
    assert run("%rootResource.id", name, **arguments)[0].value == "p1"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("%ucum", "http://unitsofmeasure.org"),
        ("%sct", "http://snomed.info/sct"),
        ("%loinc", "http://loinc.org"),
        ("%`vs-x`", "http://hl7.org/fhir/ValueSet/x"),
        ("%`ext-x`", "http://hl7.org/fhir/StructureDefinition/x"),
        ("%mine", 5),
        ("%many.count()", 3),
        ("%patient.name.count()", 2),
        ("%nothing.empty()", True),
    ],
)
def test_variables(source: str, wanted: object) -> None:
    variables = {"mine": 5, "many": [1, 2, 3], "patient": PATIENT, "nothing": None}
    assert run(source, variables=variables) == [wanted]


def test_an_unknown_variable_is_an_error() -> None:
    with pytest.raises(FhirPathError, match="no variable %other"):
        run("%other")


def test_the_clock_is_the_callers_and_stands_still() -> None:
    ticks = iter(range(100))

    def clock() -> datetime.datetime:
        return datetime.datetime(2026, 3, 4, 5, 6, next(ticks), 789_000, tzinfo=datetime.UTC)

    assert [str(item) for item in run("now()", clock=clock)] == ["2026-03-04T05:06:00.789Z"]
    assert [str(item) for item in run("today()", clock=clock)] == ["2026-03-04"]
    assert [str(item) for item in run("timeOfDay()", clock=clock)] == ["05:06:02.789"]
    assert run("(1 | 2 | 3).select(now()).distinct().count()", clock=clock) == [1]


def test_trace_is_silent(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        assert len(run("name.trace('names', given).given.trace('x')")) == 4
    assert capsys.readouterr() == ("", "")
    assert caplog.records == []


def test_extensions_are_found_by_url() -> None:
    assert run("birthDate.extension('urn:time').value.exists()") == [True]
    assert run("birthDate.hasExtension('urn:time')") == [True]
    assert run("birthDate.hasExtension('urn:other')") == [False]
    assert run("birthDate.extension({})") == []


@pytest.mark.parametrize(
    ("div", "wanted"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml">text</div>', True),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><img src="#a" alt="b"/></div>', True),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p> <b>x</b></p></div>', True),
        ('<div xmlns="http://www.w3.org/1999/xhtml"> <p/></div>', False),
        ("<div>text</div>", False),
        ('<div xmlns="http://www.w3.org/1999/xhtml">a<script>x</script></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><a href=" JavaScript:x">a</a></div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml" onclick="x">a</div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml">a', False),
        ('<!DOCTYPE div><div xmlns="http://www.w3.org/1999/xhtml">a</div>', False),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><?php x?>a</div>', False),
    ],
)
def test_narrative_is_checked(div: str, wanted: bool) -> None:
    document = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert run("text.div.htmlChecks()", document) == [wanted]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("name[0].use.memberOf('http://hl7.org/fhir/ValueSet/name-use')", True),
        ("'fox'.memberOf('http://hl7.org/fhir/ValueSet/name-use|4.0.1')", False),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", True),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", True),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')", False),
    ],
)
def test_membership_and_types_are_what_the_definitions_know(source: str, wanted: bool) -> None:
    assert run(source) == [wanted]


def test_codings_are_members_with_their_system() -> None:
    url = "http://hl7.org/fhir/ValueSet/link-type"
    right = {"system": "http://hl7.org/fhir/link-type", "code": "seealso"}
    assert run(f"memberOf('{url}')", Node(right, "Coding")) == [True]
    assert run(f"memberOf('{url}')", Node({**right, "system": "urn:x"}, "Coding")) == [False]
    assert run(f"memberOf('{url}')", Node({"coding": [{"code": "y"}, right]}, "CodeableConcept")) == [True]


@pytest.mark.parametrize(
    "source",
    [
        "name[0].use.memberOf('http://example.org/ValueSet/x')",
        "conformsTo('http://example.org/StructureDefinition/x')",
        "name[0].use.subsumes('x')",
        "name.slice('http://x', 'y')",
        "name.elementDefinition()",
    ],
)
def test_what_is_not_known_here_is_said_so(source: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        run(source)
    assert len(caught.value.diagnostics) > 50


def test_a_quantity_of_a_resource_is_a_quantity() -> None:
    observation = {
        "resourceType": "Observation",
        "valueQuantity": {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
    }
    assert run("value = 5 'mg' and value < 1 'g' and value ~ 0.005 'g'", observation) == [True]
    observation["valueQuantity"] = {"value": 5, "comparator": "<", "system": "http://unitsofmeasure.org", "code": "mg"}
    assert run("value = 5 'mg'", observation) == []
    observation["valueQuantity"] = {"value": 5, "system": "http://example.org", "code": "mg"}
    assert run("value = 5 'mg'", observation) == []


def test_types_can_be_asked_for() -> None:
    assert run("name.first().type().select(namespace & '.' & name)") == ["FHIR.HumanName"]
    assert run("'x'.type().name") == ["String"]
    assert run("contained.type().name") == ["Organization"]
