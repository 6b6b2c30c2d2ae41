"""Cases 41-43, 45: work that a small request can cause is bounded.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]
JSON_PATCH = {"Content-Type": "application/json-patch+json"}


def patched(wire: Wire, id_: str, operations: Any) -> Answer:
    body = json.dumps(operations).encode()
    return wire.send("PATCH", f"/Patient/{id_}", body, JSON_PATCH)


def by_path(wire: Wire, id_: str, path: str) -> Answer:
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    document = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    return wire.send("PATCH", f"/Patient/{id_}", json.dumps(document).encode())


@pytest.fixture
def record(wire: Wire) -> str:
    answer = wire.post("/Patient", {"resourceType": "Patient", "name": [{"family": "a" * 60 + "!"}]})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*)*$", "(a{1,30}){1,30}b"])
def test_case_41_an_evil_expression_ends_at_once(wire: Wire, record: str, refused: Refused, pattern: str) -> None:
    started = time.monotonic()
    answer = by_path(wire, record, f"Patient.name.where(family.matches('{pattern}'))")
    assert answer.status in {200, 400, 422}, answer.body
    assert time.monotonic() - started < 5


def test_case_42_endless_work_of_a_path_is_refused(wire: Wire, record: str, refused: Refused) -> None:
    for path in (
        "Patient.name.repeat(($this.family & 'a').repeat($this & 'a'))",
        "1.repeat($this + 1)",
        "Patient" + ".name" * 5000,
    ):
        refused(by_path(wire, record, path), {400, 422}, {"too-costly", "invalid", "value", "processing"})


def test_case_43_a_hundred_thousand_keys_are_refused(wire: Wire, refused: Refused) -> None:
    started = time.monotonic()
    document = {"resourceType": "Patient", **{f"key{number}": number for number in range(100_000)}}
    refused(wire.post("/Patient", document), {400, 413, 422}, {"structure", "too-long", "too-costly"})
    assert time.monotonic() - started < 20


def test_case_43_a_million_elements_are_refused(wire: Wire, refused: Refused) -> None:
    started = time.monotonic()
    document = b'{"resourceType":"Patient","photo":[' + b"{}," * 1_000_000 + b"{}]}"
    refused(
        wire.post("/Patient", document),
        {400, 413, 422},
        {"structure", "too-long", "too-costly", "invariant", "value", "required"},
    )
    assert time.monotonic() - started < 20


def test_case_45_a_hundred_thousand_operations_are_refused(wire: Wire, record: str, refused: Refused) -> None:
    operations = [{"op": "add", "path": "/active", "value": True}] * 100_000
    refused(patched(wire, record, operations), {400, 413, 422}, {"too-costly", "too-long"})


def test_case_45_an_index_beyond_everything_is_refused(wire: Wire, record: str, refused: Refused) -> None:
    for index in (10**9, 10**30, "-", "1e9", "01"):
        operations = [{"op": "replace", "path": f"/name/{index}", "value": {}}]
        refused(patched(wire, record, operations), {400, 422}, {"invalid", "value", "structure", "processing"})


def test_case_45_a_test_that_compares_a_large_value_is_cheap(wire: Wire, record: str, refused: Refused) -> None:
    value: Any = "x"
    for _ in range(40):
        value = [value, value] if len(json.dumps(value)) < 100_000 else [value]
    started = time.monotonic()
    operations = [{"op": "test", "path": "/name", "value": value}] * 10
    refused(
        patched(wire, record, operations),
        {400, 409, 412, 422},
        {"invalid", "value", "processing", "conflict", "structure"},
    )
    assert time.monotonic() - started < 10
