"""JSON Patch: the published cases, FHIR's habits, and bounds."""

from __future__ import annotations

import json as standard_json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, FhirError, Invalid, TooCostly
from fhir_server.formats import json
from fhir_server.rest.patch.json_patch import apply, apply_to_value
from tests.paths import CASES, needs_shared

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"family": "A", "given": ["B", "C"]}],
    "birthDate": "1970-01-01",
    "_birthDate": {"id": "x"},
}


REFUSED_BY_THE_DECODER = {
    "spec_tests.json-13": "two op members in one object: the second one is gone once a parser has made a mapping of it",
    "tests.json-85": "two op members in one object: the second one is gone once a parser has made a mapping of it",
}
"""Case that never reaches the patch, because the decoder refuses its text -> why."""


def published() -> list[Any]:
    if not CASES.is_dir():
        return []
    cases = []
    for name in ("spec_tests.json", "tests.json", "fhir-json-patch-tests.json"):
        for number, case in enumerate(standard_json.loads((CASES / "json-patch" / name).read_text())):
            if "doc" in case and f"{name}-{number}" not in REFUSED_BY_THE_DECODER:
                cases.append(pytest.param(case, id=f"{name}-{number}"))
    return cases


@needs_shared
@pytest.mark.parametrize("case", published())
def test_published_case(case: dict[str, Any]) -> None:
    before = standard_json.dumps([case["doc"], case["patch"]])
    if "error" in case:
        with pytest.raises(FhirError) as caught:
            apply_to_value(case["doc"], case["patch"])
        assert caught.value.status in (400, 422)
    else:
        result = apply_to_value(case["doc"], case["patch"])
        if "expected" in case:
            assert result == case["expected"]
            assert standard_json.dumps(result, sort_keys=True) == standard_json.dumps(case["expected"], sort_keys=True)
    assert standard_json.dumps([case["doc"], case["patch"]]) == before


class Doubled(str):
    """The text of an object with a name twice."""


def doubled(pairs: list[tuple[str, Any]]) -> Any:
    if len(dict(pairs)) == len(pairs):
        return dict(pairs)
    return Doubled("{" + ",".join(f"{standard_json.dumps(key)}:{standard_json.dumps(one)}" for key, one in pairs) + "}")


@needs_shared
@pytest.mark.parametrize("place", REFUSED_BY_THE_DECODER)
def test_a_case_that_never_reaches_the_patch_is_refused_by_the_decoder(place: str) -> None:
    name, _, number = place.rpartition("-")
    text = (CASES / "json-patch" / name).read_text()
    case = standard_json.loads(text, object_pairs_hook=doubled)[int(number)]
    (operation,) = case["patch"]
    assert isinstance(operation, Doubled), REFUSED_BY_THE_DECODER[place]
    with pytest.raises(BadRequest, match="property op twice"):
        json.decode_array(f"[{operation}]".encode())


def test_an_operation_with_two_op_members_is_refused_by_the_decoder() -> None:
    with pytest.raises(BadRequest, match="property op twice"):
        json.decode_array(b'[{"op":"remove","path":"/a","op":"add"}]')


@pytest.mark.parametrize(
    ("operation", "expression", "words"),
    [
        ({"op": "remove", "path": "/name/0/given/2"}, "Patient.name[0].given[2]", "nothing there"),
        (
            {"op": "replace", "path": "/_birthDate/extension", "value": 1},
            "Patient.birthDate.extension",
            "nothing there",
        ),
        ({"op": "add", "path": "/name/1000000000", "value": {}}, "Patient.name", "has 1 items"),
        ({"op": "add", "path": "/name/" + "9" * 5000, "value": {}}, "Patient.name", "has 1 items"),
        ({"op": "remove", "path": "/name/1000000000"}, "Patient.name[1000000000]", "nothing there"),
        ({"op": "test", "path": "/birthDate", "value": "1970-01-02"}, "Patient.birthDate", "test fails"),
        ({"op": "add", "path": "/birthDate/x", "value": 1}, "Patient.birthDate", "single value"),
        ({"op": "copy", "from": "/contact/0", "path": "/x"}, "Patient.contact", "nothing there"),
        ({"op": "move", "from": "/Smith-Jones", "path": "/x"}, "Patient", "nothing there"),
    ],
)
def test_what_does_not_fit_is_422_and_names_operation_and_place(
    operation: dict[str, Any], expression: str, words: str
) -> None:
    with pytest.raises(Invalid, match="Operation 1 of the JSON Patch") as caught:
        apply(PATIENT, [{"op": "test", "path": "/resourceType", "value": "Patient"}, operation])
    assert caught.value.expression == expression
    assert words in caught.value.diagnostics
    assert "Smith" not in caught.value.diagnostics


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "remove", "path": "/name"},
        ["remove"],
        [{"op": "remove"}],
        [{"op": "remove", "path": "name"}],
        [{"op": "remove", "path": "/na~me"}],
        [{"op": "remove", "path": ""}],
        [{"op": ["add"], "path": "/name"}],
        [{"op": "add", "path": "/name"}],
        [{"op": "move", "path": "/name/0/x", "from": "/name"}],
    ],
)
def test_what_is_no_json_patch_is_400(patch: Any) -> None:
    with pytest.raises(BadRequest):
        apply(PATIENT, patch)


def test_the_resource_may_be_replaced_by_an_object_only() -> None:
    assert apply(PATIENT, [{"op": "replace", "path": "", "value": {"a": 1}}]) == {"a": 1}
    with pytest.raises(Invalid, match="no object"):
        apply(PATIENT, [{"op": "replace", "path": "", "value": [1]}])


@pytest.mark.parametrize(
    ("there", "value", "same"),
    [
        (Decimal("1.00"), 1, True),
        (Decimal("1.00"), Decimal("1.0"), True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        ("1", 1, False),
        ([1, {"a": True}], [1, {"a": True}], True),
        ([1, {"a": True}], [1, {"a": 1}], False),
        ({}, [], False),
    ],
)
def test_a_test_compares_numbers_by_value_and_nothing_across_types(there: Any, value: Any, *, same: bool) -> None:
    patch = [{"op": "test", "path": "/x", "value": value}]
    if same:
        assert apply({"x": there}, patch) == {"x": there}
    else:
        with pytest.raises(Invalid):
            apply({"x": there}, patch)


def test_neither_document_nor_patch_share_anything_with_the_result() -> None:
    patch = [
        {"op": "add", "path": "/contact", "value": [{"gender": "male"}]},
        {"op": "copy", "from": "/name/0", "path": "/name/-"},
    ]
    before = json.encode([PATIENT, patch])
    result = apply(PATIENT, patch)
    result["contact"][0]["gender"] = "female"
    result["name"][0]["given"].append("D")
    assert result["name"][1]["given"] == ["B", "C"]
    assert json.encode([PATIENT, patch]) == before


def test_a_hundred_thousand_operations_are_too_costly() -> None:
    with pytest.raises(TooCostly):
        apply(PATIENT, [{"op": "test", "path": "/birthDate", "value": "x"}] * 100_000)


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "copy", "from": "/name", "path": "/name/-"}] * 100,
        [{"op": "copy", "from": "", "path": "/x"}] * 200,
        [{"op": "copy", "from": "/name/0", "path": "/name/0/x"}] * 200,
        [{"op": "add", "path": "/x" * 5000, "value": 1}],
        [{"op": "add", "path": "/big", "value": [0] * 900_000}, *[{"op": "add", "path": "/big/0", "value": 0}] * 9000],
    ],
)
def test_growth_without_measure_is_too_costly(patch: list[Any]) -> None:
    started = time.process_time()
    with pytest.raises(TooCostly):
        apply(PATIENT, patch)
    assert time.process_time() - started < 3


names = st.sampled_from(["a", "b", "~", "/", "", "0"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(), lambda c: st.lists(c, max_size=3) | st.dictionaries(names, c, max_size=3)
)


def pointers(value: Any, at: str = "") -> list[tuple[str, Any]]:
    found = [(at, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += pointers(item, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")
    return found


@settings(max_examples=100, deadline=None)
@given(st.data(), st.dictionaries(names, values, min_size=1, max_size=4))
def test_every_pointer_finds_its_value_and_replace_can_be_undone(data: st.DataObject, document: dict[str, Any]) -> None:
    where, value = data.draw(st.sampled_from(pointers(document)))
    assert apply(document, [{"op": "test", "path": where, "value": value}]) == document
    changed = apply_to_value(document, [{"op": "replace", "path": where, "value": "new"}])
    assert apply_to_value(changed, [{"op": "replace", "path": where, "value": value}]) == document
    if where:
        removed = apply_to_value(document, [{"op": "remove", "path": where}])
        assert apply_to_value(removed, [{"op": "add", "path": where, "value": value}]) == document
