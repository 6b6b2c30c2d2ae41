"""Every expression R4 publishes compiles, and runs on every official example.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import pytest

from fhir_server.definitions import load
from fhir_server.fhirpath import Node, compile  # noqa: A004
from fhir_server.fhirpath.regex import contains
from fhir_server.fhirpath.tree import Call, Literal, walk
from tests.fhirpath.documents import examples
from tests.paths import needs_r4_package

INVARIANTS = [rule for rules in load().invariants.values() for rule in rules if rule.expression]
PARAMETERS = [parameter for parameter in load().search_parameters if parameter.expression]


def test_every_invariant_compiles() -> None:
    assert len(INVARIANTS) > 230
    for rule in INVARIANTS:
        assert compile(rule.expression, lenient=True).source == rule.expression


def test_every_search_parameter_compiles() -> None:
    assert len(PARAMETERS) > 1_370
    for parameter in PARAMETERS:
        compile(parameter.expression, lenient=True)
        for component in parameter.components:
            compile(component.expression, lenient=True)


def test_every_pattern_of_an_invariant_is_one_for_re2() -> None:
    patterns = {
        argument.value
        for rule in INVARIANTS
        for part in walk(compile(rule.expression, lenient=True).ast)
        if isinstance(part, Call) and part.name in ("matches", "replaceMatches")
        for argument in part.arguments[:1]
        if isinstance(argument, Literal)
    }
    assert len(patterns) >= 8
    environment = compile("%context")._environment(Node({}, ""), None, None, {}, None, None, 10_000)
    for pattern in patterns:
        contains("Patient.name", pattern, environment)


@needs_r4_package
def test_every_search_parameter_runs_on_every_example_of_its_type() -> None:
    found = 0
    for document in examples():
        for parameter in load().search_parameters_of(document["resourceType"]).values():
            if parameter.expression:
                found += len(compile(parameter.expression, lenient=True).evaluate(document))
    assert found > 10_000


@needs_r4_package
@pytest.mark.parametrize("key", ["dom-2", "dom-3", "dom-4", "dom-5"])
def test_every_example_keeps_the_rules_of_contained_resources(key: str) -> None:
    (rule,) = load().invariants[key]
    expression = compile(rule.expression, lenient=True)
    broken = [
        document["id"]
        for document in examples()
        if "contained" in document and expression.evaluate_boolean(document) is not True
    ]
    assert broken == []
