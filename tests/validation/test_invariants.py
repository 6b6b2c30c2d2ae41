"""Invariants: https://hl7.org/fhir/R4/conformance-rules.html#constraints."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fhir_server.definitions import Element, TypeDef, load
from fhir_server.fhirpath import compile as compile_expression
from fhir_server.validation import Policy, Validator
from fhir_server.validation.errata import EXPRESSIONS
from fhir_server.validation.findings import Rule, Scope
from fhir_server.validation.invariants import BY_CONSTRUCTION, Invariants
from fhir_server.validation.predicates import PREDICATES
from fhir_server.validation.sentences import SENTENCES
from fhir_server.validation.structure import Compiler
from tests.paths import needs_r4_package
from tests.validation.documents import CORE_TYPES, example, example_paths, spoiled

FAST = Validator(load(), Policy(warnings=True))
SLOW = Validator(load(), Policy(warnings=True), shortcuts=False)
NAMES = tuple(path.name for path in example_paths() if path.stat().st_size < 20_000)


def broken(resource: dict[str, Any]) -> set[str]:
    """Return the keys that end the diagnostics of a resource's issues: "... (per-1)"."""
    return {
        issue.diagnostics.rpartition("(")[2].removesuffix(").")
        for issue in FAST.validate(resource)
        if issue.severity == "error"
    }


def encounter(start: str, end: str) -> set[str]:
    """Return the rules an Encounter over this period breaks."""
    status = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}}
    return broken({**status, "period": {"start": start, "end": end}})


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        ("2024-01-01", "2024-01-01", True),
        ("2024-01-02", "2024-01-01", False),
        ("2024-01", "2023-12-31", False),
        ("2024-01-01", "2024-01-01T10:00:00Z", True),  # cannot be ordered: nothing is broken
        ("2024", "2024-05", True),
        ("2024-01-01T10:00:00+02:00", "2024-01-01T09:00:00+01:00", True),
        ("2024-01-01T10:00:00+02:00", "2024-01-01T08:30:00+01:00", False),
        ("2024-01-01T10:00:00Z", "2024-01-01T09:59:59Z", False),
        ("2024-01-01T10:00:00.5Z", "2024-01-01T10:00:00.25Z", False),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", True),
    ],
)
def test_a_period_does_not_end_before_it_starts(start: str, end: str, right: bool) -> None:
    assert encounter(start, end) == (set() if right else {"per-1"})


@pytest.mark.parametrize(
    ("low", "high", "right"),
    [
        ({"value": 1, "unit": "mg"}, {"value": 2, "unit": "mg"}, True),
        ({"value": Decimal("2.0"), "unit": "mg"}, {"value": Decimal("1.99"), "unit": "mg"}, False),
        ({"value": 1}, {"unit": "mg"}, True),
    ],
)
def test_a_range_does_not_end_below_its_start(low: dict[str, Any], high: dict[str, Any], right: bool) -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert broken({**observation, "valueRange": {"low": low, "high": high}}) == (set() if right else {"rng-2"})


@pytest.mark.parametrize(
    ("appointment", "key"),
    [
        ({"status": "booked"}, "app-3"),
        ({"status": "proposed", "start": "2024-01-01T10:00:00Z"}, "app-2"),
        ({"status": "proposed", "cancelationReason": {"text": "x"}}, "app-4"),
        ({"status": "proposed", "participant": [{"status": "accepted"}]}, "app-1"),
    ],
)
def test_the_rules_of_an_appointment(appointment: dict[str, Any], key: str) -> None:
    participant = [{"status": "accepted", "actor": {"reference": "Patient/1"}}]
    assert key in broken({"resourceType": "Appointment", "participant": participant, **appointment})


def test_a_rule_that_the_standard_misprinted_means_what_it_says() -> None:
    condition = {"question": "1", "operator": "exists", "answerBoolean": True}
    items = [{"linkId": "1", "type": "string"}, {"linkId": "2", "type": "string", "enableWhen": [condition]}]
    questionnaire = {"resourceType": "Questionnaire", "status": "draft", "item": items}
    assert broken(questionnaire) == set()  # que-7
    items[1]["enableWhen"] = [condition, condition]
    assert broken(questionnaire) == {"que-12"}


def test_rules_of_severity_warning_are_told_only_when_wanted() -> None:
    quiet = Validator(load())
    assert not quiet.validate({"resourceType": "Patient"})
    assert [(i.severity, i.expression) for i in FAST.validate({"resourceType": "Patient"})] == [("warning", "Patient")]


def test_every_invariant_of_the_standard_compiles() -> None:
    for invariants in load().invariants.values():
        for invariant in invariants:
            compile_expression(invariant.expression, lenient=True)
    for expression in EXPRESSIONS.values():
        compile_expression(expression, lenient=True)


def test_every_key_in_our_tables_is_one_of_the_standard() -> None:
    assert {*PREDICATES, *SENTENCES, *EXPRESSIONS, *BY_CONSTRUCTION} <= set(load().invariants)


def test_every_rule_that_can_fire_on_the_core_types_has_a_sentence() -> None:
    definitions, seen, pending = load(), set[str](), [*CORE_TYPES, "Bundle"]
    while pending:
        name = pending.pop()
        if name not in seen and name not in ("Resource", "DomainResource"):
            seen.add(name)
            pending += [ref.code for element in definitions.type(name).elements for ref in element.types]
    keys = {key for name in seen for key in definitions.type(name).constraints}
    assert keys - BY_CONSTRUCTION <= set(SENTENCES)


@needs_r4_package
@given(spoiled(NAMES))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_predicates_and_guards_give_the_answers_of_the_fhirpath_engine(document: dict[str, Any]) -> None:
    assert FAST.validate(document) == SLOW.validate(document)


class EngineOnly:
    """A rule book in which the FHIRPath engine also decides what the validator checks by construction."""

    def __init__(self) -> None:
        unseen = frozenset(("txt-1", "txt-2"))  # htmlChecks() has its own tests
        self.invariants = Invariants(load(), warnings=False, shortcuts=False, skip=unseen)

    def of_type(self, definition: TypeDef, /) -> list[Rule]:
        return self.invariants.of_type(definition)

    def of_element(self, definition: TypeDef, element: Element, /) -> list[Rule]:
        return self.invariants.of_element(definition, element)


ENGINE = Compiler(load(), EngineOnly(), Policy())


@needs_r4_package
@given(spoiled(NAMES))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_rules_checked_by_construction_are_those_of_the_standard(document: dict[str, Any]) -> None:
    contained = document.get("contained")
    inner = contained if isinstance(contained, list) else ()
    # In what names no type of R4 the engine finds no elements, not even the id that a reference names.
    if any(ENGINE.resources.known(item) for item in (document, *inner)):
        return
    findings = ENGINE.resources.check(document, Scope(document)) or []
    engine = {found.text.rpartition("(")[2].removesuffix(").") for found in findings}
    # dom-3 is wider (links in the narrative) and stricter (a contained resource without id) than its expression
    same = BY_CONSTRUCTION - {"txt-1", "txt-2", "dom-3"}
    assert engine & same == broken(document) & same


@needs_r4_package
@pytest.mark.slow
def test_predicates_and_engine_agree_on_every_official_example() -> None:
    for name in NAMES:
        assert FAST.validate(example(name)) == SLOW.validate(example(name))
