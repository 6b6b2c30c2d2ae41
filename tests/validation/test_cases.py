"""The validator cases that HL7 publishes (github.com/FHIR/fhir-test-cases), base tier.

A case is right when we and the cases agree on valid or invalid. The place is counted apart: an invalid
document may be refused for another reason than the expected one.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.errors import FhirError, Issue
from fhir_server.formats import json as fhir_json
from fhir_server.formats import xml as fhir_xml
from fhir_server.validation import Policy, Validator
from tests.paths import CASES, needs_shared

pytestmark = needs_shared

EXCEPTIONS = {
    "json-comments-1-yes": "asks for comments in JSON (option allow-comments); R4's JSON has none",
    "json-comments-2-yes": "as json-comments-1-yes",
    "mr-m-simple-nossystem": "a relative canonical: 37 official examples have one, so it is a warning here;"
    " the second fault is about the content of CQL libraries",
    "nested-questionnaire-nested-valueset": "an extension that R4 does not define: allowed by the standard,"
    " refused only by the policy unknown_extensions=False",
}
"""Case -> why our answer differs. A case that begins to agree must leave this list."""


@cache
def cases() -> tuple[dict[str, Any], ...]:
    """Return the base tier."""
    path = CASES / "validator" / "cases.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return tuple(case for case in found if case["tier"] == "base")


@cache
def validator(markup: bool, closed: bool = False) -> Validator:
    """Return the validator for the options a case asks for."""
    return Validator(load(), Policy(markup_in_text=markup, unknown_extensions=not closed))


def issues_of(case: dict[str, Any], closed: bool = False) -> list[Issue]:
    """Return the errors our server finds in a case's file, from decoding on."""
    raw = (CASES / "validator" / case["file"]).read_bytes()
    plain_text = case["options"].get("security-checks") or case["options"].get("noHtmlInMarkdown")
    try:
        document = (fhir_xml if case["format"] == "xml" else fhir_json).decode(raw)
    except FhirError as error:
        return list(error.all_issues())
    return validator(not plain_text, closed).validate(document)


def agrees(case: dict[str, Any]) -> bool:
    """Return whether we and the case have the same answer."""
    return bool(issues_of(case)) is (case["expected"] == "invalid")


def _place(expression: str) -> str:
    return re.sub(r"/\*.*?\*/|\[url='.*?'\]|\.ofType\(\w+\)", "", expression).rstrip(".")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_a_case_is_judged_as_expected_or_listed_with_the_reason(case: dict[str, Any]) -> None:
    assert agrees(case) is (case["name"] not in EXCEPTIONS)


def test_at_least_64_of_the_69_base_cases_are_right() -> None:
    assert len(cases()) == 69
    assert sum(agrees(case) for case in cases()) >= 64


def test_what_is_refused_is_refused_for_the_expected_place_in_three_of_four_cases(
    record_property: pytest.FixtureRequest,
) -> None:
    same = hits = 0
    for case in cases():
        issues = issues_of(case) if case["expected"] == "invalid" else []
        theirs = {_place(place) for error in case["errors"] for place in error["expression"] or ()}
        hits += bool(issues)
        same += any(_place(issue.expression) in theirs for issue in issues)
    record_property("same_place", f"{same} of {hits}")  # type: ignore[operator]
    assert same / hits >= 0.75


def test_unknown_extensions_are_refused_when_the_policy_says_so() -> None:
    case = next(case for case in cases() if case["name"] == "nested-questionnaire-nested-valueset")
    places = {issue.expression for issue in issues_of(case, closed=True)}
    assert "QuestionnaireResponse.contained[0].extension[0]" in places
