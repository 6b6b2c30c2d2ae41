"""`_summary` and `_elements`: what stays, what goes, and the tag that says so."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.errors import BadRequest
from fhir_server.formats import json
from fhir_server.formats.subset import SUBSETTED, Mode, elements, summary
from tests.formats.examples import example_paths
from tests.paths import needs_r4_package

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"versionId": "3", "tag": [{"system": "http://x", "code": "y"}]},
    "implicitRules": "http://rules",
    "text": {"status": "generated", "div": "<div/>"},
    "contained": [
        {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "#org"}},
        {"resourceType": "Device", "id": "d"},
        {"resourceType": "Organization", "id": "org"},
    ],
    "extension": [{"url": "http://x", "valueCode": "y"}],
    "modifierExtension": [{"url": "http://x", "valueCode": "y"}],
    "status": "final",
    "_status": {"id": "s"},
    "code": {"text": "weight", "extension": [{"url": "http://x", "valueCode": "y"}]},
    "subject": {"reference": "#p"},
    "valueQuantity": {"value": 1},
    "note": [{"text": "n"}],
    "device": {"reference": "#d"},
    "component": [{"code": {"text": "c"}, "interpretation": [{"text": "high"}], "valueInteger": 1}],
}


def keys(document: dict[str, Any]) -> set[str]:
    return set(document)


def test_true_keeps_what_is_marked_summary_at_every_level() -> None:
    part = summary(OBSERVATION, "true")
    assert {"status", "_status", "code", "subject", "component", "meta", "id", "implicitRules"} <= keys(part)
    assert not {"text", "note", "extension", "device"} & keys(part)
    assert part["code"] == {"text": "weight"}
    assert part["component"] == [{"code": {"text": "c"}, "valueInteger": 1}]
    assert part["modifierExtension"] == OBSERVATION["modifierExtension"]


def test_contained_resources_stay_as_long_as_something_points_to_them() -> None:
    ids = {item["id"] for item in summary(OBSERVATION, "true")["contained"]}
    assert ids == {"p", "org"}
    assert [item["id"] for item in elements(OBSERVATION, ["device"])["contained"]] == ["d"]
    assert "contained" not in elements(OBSERVATION, ["status"])


def test_text_keeps_narrative_id_meta_and_mandatory_elements() -> None:
    part = summary(OBSERVATION, "text")
    assert keys(part) == {
        "resourceType", "id", "meta", "implicitRules", "modifierExtension", "text", "status", "_status", "code",
    }  # fmt: skip
    assert part["code"] == OBSERVATION["code"]


def test_data_removes_the_narrative_only() -> None:
    assert keys(summary(OBSERVATION, "data")) == keys(OBSERVATION) - {"text"}


def test_false_returns_the_resource_itself() -> None:
    assert summary(OBSERVATION, "false") is OBSERVATION


def test_count_leaves_a_bundle_without_entries_and_is_refused_elsewhere() -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 7, "entry": [{"fullUrl": "x"}]}
    part = summary(bundle, "count")
    assert (part["total"], part["type"]) == (7, "searchset")
    assert "entry" not in part
    with pytest.raises(BadRequest, match="searches only"):
        summary(OBSERVATION, "count")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["subject"], {"subject", "contained"}),
        (["value"], {"valueQuantity"}),
        (["valueQuantity"], {"valueQuantity"}),
        (["note", "text"], {"note", "text"}),
        (["nonsense", ""], set()),
        ([], set()),
    ],
)
def test_elements_keeps_named_and_mandatory_ones(names: list[str], expected: set[str]) -> None:
    always = {"resourceType", "id", "meta", "implicitRules", "modifierExtension", "status", "_status", "code"}
    assert keys(elements(OBSERVATION, names)) == always | expected


def test_a_part_is_tagged_once_and_other_tags_stay() -> None:
    for part in (summary(OBSERVATION, "true"), elements(OBSERVATION, ["status"])):
        assert part["meta"] == {"versionId": "3", "tag": [{"system": "http://x", "code": "y"}, SUBSETTED]}
        assert summary(part, "data")["meta"] == part["meta"]
    assert summary({"resourceType": "Patient"}, "data") == {"resourceType": "Patient", "meta": {"tag": [SUBSETTED]}}


def test_the_resource_is_never_changed() -> None:
    before = json.encode(OBSERVATION)
    for mode in ("true", "text", "data"):
        summary(OBSERVATION, mode)  # type: ignore[arg-type]
    elements(OBSERVATION, ["code"])["meta"]["tag"].clear()
    assert json.encode(OBSERVATION) == before


@needs_r4_package
def test_parts_of_official_examples_hold_nothing_new_and_everything_mandatory() -> None:
    modes: list[Mode] = ["true", "text", "data"]
    for path in example_paths():
        document = json.decode(path.read_bytes())
        mandatory = {e.name for e in load().type(document["resourceType"]).elements if e.min and not e.choice}
        for part in [*(summary(document, mode) for mode in modes), elements(document, ["identifier"])]:
            assert keys(part) <= keys(document) | {"meta"}, path.name
            assert mandatory & keys(document) <= keys(part), path.name
            assert not [key for key, value in part.items() if value in ({}, [])], path.name
