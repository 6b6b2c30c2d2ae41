"""The compiled code systems and value sets are those of the official package.

https://hl7.org/fhir/R4/terminologies-systems.html and https://hl7.org/fhir/R4/terminologies-valuesets.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fhir_server.definitions import load
from fhir_server.definitions.compile import read_all
from fhir_server.definitions.compile_terminology import compile_code_system, compile_value_set
from tests.paths import R4_PACKAGE, needs_r4_package

DATA = Path(__file__).parents[2] / "fhir_server" / "definitions" / "data"
PROSE = frozenset({"display", "definition", "designation", "description", "text", "title", "publisher", "copyright"})


@needs_r4_package
def test_the_code_systems_are_those_of_the_package() -> None:
    made = {each["url"]: compile_code_system(each) for each in read_all(R4_PACKAGE, "CodeSystem")}
    assert made == load().code_systems


@needs_r4_package
def test_the_value_sets_are_those_of_the_package() -> None:
    made = {each["url"]: compile_value_set(each) for each in read_all(R4_PACKAGE, "ValueSet")}
    assert made == load().compositions


def test_nothing_but_facts_is_taken() -> None:
    def names(value: Any) -> set[str]:
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return {*(value if isinstance(value, dict) else ()), *(name for child in children for name in names(child))}

    for file in ("code_systems.json", "compositions.json"):
        facts = json.loads((DATA / file).read_text(encoding="utf-8"))
        assert not PROSE & {name for entry in facts.values() for name in names(entry)}


def test_a_system_knows_the_value_set_of_all_its_codes() -> None:
    implicit = load().implicit_value_sets
    assert implicit["http://hl7.org/fhir/ValueSet/account-status"] == "http://hl7.org/fhir/account-status"
