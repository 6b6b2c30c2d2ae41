"""Strict mode refuses what cannot make sense; lenient mode reads R4's own expressions as they are meant.

https://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation
"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhirpath import FhirPathError, Node, compile  # noqa: A004
from tests.fhirpath.documents import PATIENT


def strict(source: str, focus: Any = PATIENT) -> list[Any]:
    return compile(source).evaluate(focus)


def lenient(source: str, focus: Any = PATIENT) -> list[Any]:
    return compile(source, lenient=True).evaluate(focus)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("name.frist", "no element frist in HumanName"),
        ("Patient.name.given.given", "no element given in string"),
        ("Observation.status", "the context is Patient, never Observation"),
        ("name.where(famly = 'x')", "no element famly in HumanName"),
        ("name.select(given | famly)", "no element famly in HumanName"),
        ("(name as Period).start", "HumanName can never be Period"),
        ("name.ofType(Period)", "HumanName can never be Period"),
        ("multipleBirthInteger", "no element multipleBirthInteger in Patient"),
        ("name.startsWith('a')", "needs a string, not HumanName"),
        ("children().first()", "needs an order"),
        ("descendants()[0]", "needs an order"),
        ("iif(name.given.first(), 1, 2)", "iif() needs a boolean"),
        ("%context.nme", "no element nme in Patient"),
        ("name.first().nme", "no element nme in HumanName"),
        ("extension('x').valu", "no element valu in Extension"),
        ("name.iif(true, family, given).x", "no element x in string"),
        ("'a'.b", "no element b in System.String"),
    ],
)
def test_strict_refuses_before_it_runs(source: str, reason: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        strict(source)
    assert reason in caught.value.diagnostics
    assert caught.value.position >= 0


@pytest.mark.parametrize(
    "source",
    [
        "Resource.id",
        "contained.anything",
        "name.repeat($this)",
        "multipleBirth.ofType(integer) > 1",
        "multipleBirth as boolean",
        "gender.as(string)",
        "name.given.extension.value.code",
        "%resource.whatever",
        "children().where($this is HumanName).given",
        "name.aggregate($total + 1, 0)",
        "descendants().ofType(string).sort().first()",
    ],
)
def test_strict_lets_pass_what_may_be(source: str) -> None:
    strict(source)


def test_strict_knows_the_type_of_each_focus_it_meets() -> None:
    expression = compile("given")
    assert len(expression.evaluate(Node(PATIENT["name"][1], "HumanName"))) == 1
    with pytest.raises(FhirPathError, match="no element given in Patient"):
        expression.evaluate(PATIENT)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("name.frist", []),
        ("Observation.status", []),
        ("(name as HumanName).count()", [2]),
        ("name.as(HumanName).count()", [2]),
        ("active is Boolean", [True]),
        ("(multipleBirth as Integer).exists()", [True]),
        ("birthDate < 5", []),
        ("birthDate < 'x'", []),
        ("name.where(family).count()", [1]),
    ],
)
def test_lenient_reads_what_r4_means(source: str, wanted: list[Any]) -> None:
    assert lenient(source) == wanted
    if wanted:
        return
    with pytest.raises(FhirPathError):
        strict(source)


def test_a_reference_that_cannot_be_followed_names_its_type() -> None:
    document = {
        "resourceType": "Appointment",
        "participant": [{"actor": {"reference": text}} for text in ("Patient/1", "http://x/fhir/Location/2", "#c")],
        "contained": [{"resourceType": "Practitioner", "id": "c"}],
    }
    for wanted, index in (("Patient", 0), ("Location", 1), ("Practitioner", 2)):
        (node,) = lenient(f"Appointment.participant.actor.where(resolve() is {wanted})", document)
        assert node.value is document["participant"][index]["actor"]
    assert strict("Appointment.participant.actor.where(resolve() is Patient)", document) == []


@pytest.mark.parametrize("source", ["name.where(family)", "name.all(given)", "name.exists(family)", "'a'.iif('a', 1)"])
def test_a_strict_criterion_is_a_boolean(source: str) -> None:
    with pytest.raises(FhirPathError):
        strict(source)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("true and 'x'", True),
        ("name and true", "error"),
        ("{} and false", False),
        ("active.not()", False),
        ("name.exists() = active.exists()", True),
        ("name.exists() != active.exists()", False),
        ("name.first().family.exists() xor name.last().family.exists()", True),
        ("{} = true", None),
        ("name.given", "error"),
        ("name.last().given", True),
    ],
)
def test_a_single_item_is_true(source: str, wanted: bool | str | None) -> None:
    expression = compile(source)
    if wanted == "error":
        with pytest.raises(FhirPathError, match="needs a single item"):
            expression.evaluate_boolean(PATIENT)
    else:
        assert expression.evaluate_boolean(PATIENT) is wanted
