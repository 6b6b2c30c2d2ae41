"""Resources that break every rule give an answer or a FhirPathError, never anything else.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import load
from fhir_server.fhirpath import FhirPathError, Node, compile  # noqa: A004

LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.decimals(-5, 5, places=2) | st.text("aé1-:T#/", max_size=6)
NAMES = """
    name given _given family use telecom value valueQuantity valueString _valueString code system unit reference
    contained extension url coding start end period birthDate _birthDate entry resource fullUrl resourceType id text
    div status identifier active subject
"""
KEYS = st.sampled_from(NAMES.split())
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
TYPES = [
    "Patient",
    "Observation",
    "Bundle",
    "Period",
    "Quantity",
    "Reference",
    "Extension",
    "CodeableConcept",
    "string",
]
SOURCES = [
    "name.given.first() & name.family",
    "descendants().distinct().count()",
    "descendants().where($this is string).isDistinct()",
    "descendants().resolve()",
    "children() ~ children()",
    "$this = %resource",
    "start <= end",
    "value < 5 'mg'",
    "value = value",
    "(value + value) | value",
    "text.div.htmlChecks()",
    "extension('a').value",
    "identifier.period.start > birthDate",
    "entry.resource.subject.resolve().name",
    "memberOf('http://hl7.org/fhir/ValueSet/name-use')",
    "active and name.exists()",
    "name.sort(family)",
    "code.coding.where(system = 'a').code in ('a' | 'b')",
    "birthDate + 1 day",
    "name.given.lower().toChars().join('-')",
    "hasValue() or (children().count() > id.count())",
    "value.as(Quantity).value.toString()",
    "value.lowBoundary()",
    "descendants().path.empty()",
]


@given(JUNK, st.sampled_from(TYPES), st.sampled_from(SOURCES), st.booleans())
def test_junk_is_answered_or_refused(junk: Any, type_name: str, source: str, lenient: bool) -> None:
    expression = compile(source, lenient=lenient)
    with contextlib.suppress(FhirPathError):
        items = expression.evaluate(Node(junk, type_name))
        for item in items:
            if isinstance(item, Node):
                assert item.path


@given(st.dictionaries(KEYS, JUNK, max_size=5), st.sampled_from(["Patient", "Bundle", "Observation", "Claim"]))
def test_junk_resources_are_answered_or_refused(junk: dict[str, Any], type_name: str) -> None:
    resource = {**junk, "resourceType": type_name}
    for source in SOURCES:
        with contextlib.suppress(FhirPathError):
            compile(source, lenient=True).evaluate(resource)
    for rule in load().invariants["dom-3"] + load().invariants["ref-1"] + load().invariants["bdl-7"]:
        with contextlib.suppress(FhirPathError):
            compile(rule.expression, lenient=True).evaluate_boolean(resource)


@pytest.mark.parametrize("source", ["name.exists()", "name.empty().not()", "(name).exists()"])
@given(junk=JUNK, type_name=st.sampled_from(TYPES))
def test_existence_is_what_the_path_finds(source: str, junk: Any, type_name: str) -> None:
    node = Node(junk, type_name)
    found = compile("name", lenient=True).evaluate(node)
    assert compile(source, lenient=True).evaluate_boolean(node) is bool(found)


def outcome(source: str, node: Node) -> Any:
    """The truth value, or that it is an error."""
    try:
        return compile(source, lenient=True).evaluate_boolean(node, variables={"x": "a", "many": ["a", "b"]})
    except FhirPathError:
        return "error"


SHORT = st.sampled_from(["a", "b", "A", "", "1980", "1"])
TEXTS = SHORT | st.lists(SHORT | st.none(), max_size=3) | JUNK


@pytest.mark.parametrize(
    ("quick", "general"),
    [
        ("{0} = 'a'", "({}) = %x"),
        ("{0} != 'a'", "({}) != %x"),
        ("{0} in ('a' | 'b')", "({}) in %many"),
        ("{0}.exists().not()", "({}).count() = 0"),
        ("{0}.empty() != (1 = 1)", "({}).exists()"),
    ],
)
@given(
    path=st.sampled_from(["use", "family", "given", "$this.use", "period.start", "id", "value", "text.status"]),
    junk=st.dictionaries(KEYS, TEXTS, max_size=5),
    type_name=st.sampled_from(["HumanName", "Identifier", "Extension", "Patient"]),
)
def test_a_shortcut_says_what_the_general_form_says(
    quick: str, general: str, path: str, junk: dict[str, Any], type_name: str
) -> None:
    node = Node(junk, type_name)
    assert outcome(quick.format(path), node) == outcome(general.format(path), node)
