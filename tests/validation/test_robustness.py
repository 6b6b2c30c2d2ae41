"""Whatever is sent, validation answers; what it refuses it can place.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import copy
import re
import threading
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.definitions import load
from fhir_server.validation import Policy, Validator
from tests.paths import needs_r4_package
from tests.validation.documents import CORE_TYPES, example, example_paths, spoiled

VALIDATOR = Validator(load())
WARNING = Validator(load(), Policy(warnings=True))
STRICT = Validator(load(), Policy(warnings=True, unknown_extensions=False, markup_in_text=False))
NAMES = tuple(path.name for path in example_paths() if path.stat().st_size < 20_000)
_PLACE = re.compile(r"([A-Za-z]+(\[\d+\])*(\.[A-Za-z]+(\[\d+\])*)*)?")

HOSTILE = (
    "a" * 1_000_000,
    "a " * 500_000,
    "/a" * 500_000,
    "http://" + "a/" * 500_000,
    "<" * 1_000_000,
    "<a " * 300_000,
    "href= " * 150_000,
    "urn:uuid:" + "0" * 900_000,
    "#" * 1_000_000,
    "9" * 1_000_000,
    "2024-01-01T" * 90_000,
    "=" * 1_000_000,
    "urn:oid:1" + ".1" * 450_000,
    "\u00a0" * 500_000,
    "<div xmlns='http://www.w3.org/1999/xhtml'>" + "<b style='/*'>x</b>" * 20_000 + "</div>",
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@needs_r4_package
@given(spoiled(NAMES))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_example_changed_in_one_place_gets_an_answer_with_a_place(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    for validator in (VALIDATOR, STRICT):
        for issue in validator.validate(document):
            assert issue.diagnostics
            assert _PLACE.fullmatch(issue.expression)
    assert document == before


@needs_r4_package
@given(spoiled(NAMES))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_asking_for_warnings_hides_no_error_and_adds_none(document: dict[str, Any]) -> None:
    told = [issue for issue in WARNING.validate(document) if issue.severity == "error"]
    assert told == VALIDATOR.validate(document)


@given(st.sampled_from(load().resource_types), st.data())
@settings(max_examples=200, deadline=None)
def test_any_value_under_any_element_of_any_type_gets_an_answer(name: str, data: st.DataObject) -> None:
    keys = [key for element in load().type(name).elements for key, _ in element.json_keys()]
    chosen = data.draw(st.lists(st.sampled_from([*keys, *("_" + key for key in keys)]), max_size=4))
    document = {"resourceType": name, **{key: data.draw(JSON) for key in chosen}}
    assert isinstance(STRICT.validate(document), list)


def test_every_type_that_can_hold_itself_is_bounded() -> None:
    definitions = load()
    for name in definitions.type_names:
        definition = definitions.type(name)
        for element in definition.elements:
            code = element.types[0].code
            if definition.kind == "backbone" and (name == code or name.startswith(code + ".")):
                steps = [*name.removeprefix(code).strip(".").split("."), element.name]
                _assert_bounded(code, [step for step in steps if step])


def _assert_bounded(code: str, steps: list[str]) -> None:
    """Nest a backbone `code` in itself along `steps` 5,000 times and expect an answer."""
    definitions = load()
    value: dict[str, Any] = {"id": "x"}
    for _ in range(5_000):
        owner = code
        path = []
        for step in steps:
            element = definitions.type(owner).element(step)
            assert element is not None
            path.append((step, element.max != 1))
            owner = element.types[0].code
        for step, repeats in reversed(path):
            value = {step: [value] if repeats else value}
    resource, *outer = code.split(".")
    places, owner = [], resource
    for step in outer:
        element = definitions.type(owner).element(step)
        assert element is not None
        places.append((step, element.max != 1))
        owner = element.types[0].code
    for step, repeats in reversed(places):
        value = {step: [value] if repeats else value}
    issues = VALIDATOR.validate({"resourceType": resource, **value})
    assert any("nested" in issue.diagnostics for issue in issues), code


def test_identifiers_that_assign_each_other_are_bounded() -> None:
    value: dict[str, Any] = {"value": "x"}
    for _ in range(5_000):
        value = {"value": "x", "assigner": {"identifier": value}}
    assert [i.code for i in VALIDATOR.validate({"resourceType": "Patient", "identifier": [value]})] == ["structure"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:9])
def test_long_hostile_texts_take_no_long_time(text: str) -> None:
    documents = [
        {"resourceType": "Patient", "id": text, "language": text, "birthDate": text, "implicitRules": text},
        {"resourceType": "Patient", "deceasedDateTime": text, "generalPractitioner": [{"reference": text}]},
        {"resourceType": "Patient", "text": {"status": "generated", "div": text}, "name": [{"text": text}]},
        {"resourceType": "Patient", "photo": [{"data": text, "contentType": text}], "extension": [{"url": text}]},
        {"resourceType": "Patient", "identifier": [{"system": text, "value": text}]},
    ]
    start = time.process_time()
    for document in documents:
        STRICT.validate(document)
    assert time.process_time() - start < 1.0


def test_a_list_of_a_million_items_is_answered() -> None:
    issues = VALIDATOR.validate({"resourceType": "Patient", "name": [{"given": ["x"] * 1_000_000}]})
    assert not issues


@needs_r4_package
def test_threads_share_a_validator() -> None:
    shared, failures = Validator(load()), []
    documents = [example(name) for name in NAMES if name.partition("-")[0] in CORE_TYPES]

    def work() -> None:
        try:
            failures.extend(document["id"] for document in documents if shared.validate(document))
        except Exception as error:  # noqa: BLE001 - a thread has no one to raise to
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(failures) <= {"medrx0301"}
