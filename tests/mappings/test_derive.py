"""Mappings are derived from the definitions: https://hl7.org/fhir/R4/searchparameter.html"""

from __future__ import annotations

import ast
import sys
from pathlib import Path as FilePath

import pytest

import fhir_server.mappings
from fhir_server.definitions import SearchParameter, load
from fhir_server.fhirpath import FhirPathError
from fhir_server.mappings import CORE, mappings_for
from fhir_server.mappings.custom import extended
from fhir_server.mappings.datatypes import Backbone, Choice, Computed, Extension, Reference
from fhir_server.mappings.derive import derive
from fhir_server.mappings.expressions import NotAPath, Route, Step, branches, route
from fhir_server.mappings.lookup import find
from fhir_server.mappings.model import Mapping, Path

DEFINITIONS = load()
MAPPINGS = mappings_for(DEFINITIONS)


def test_every_r4_type_has_a_mapping_and_the_core_ones_are_the_declared() -> None:
    assert list(MAPPINGS) == list(DEFINITIONS.resource_types)
    assert len(MAPPINGS) == 146
    assert all(MAPPINGS[name] is CORE[name] for name in CORE)
    assert MAPPINGS["Observation"] is MAPPINGS["Observation"]
    with pytest.raises(KeyError):
        MAPPINGS["Martian"]


@pytest.mark.parametrize("resource_type", DEFINITIONS.resource_types)
def test_every_path_of_a_mapping_finds_an_element(resource_type: str) -> None:
    mapping = MAPPINGS[resource_type]
    for parameter in mapping.search:
        for path in parameter.paths:
            assert find(mapping, path.steps) or parameter.type == "composite", f"{parameter.code}: {path.steps}"
        for component in parameter.components:
            roots = [""] if component.from_resource else [f"{p.steps}." if p.steps else "" for p in parameter.paths]
            for root in roots:
                assert any(find(mapping, root + path.steps) for path in component.paths), parameter.code


def test_single_valued_elements_are_kept_for_readers() -> None:
    names = {element.name for element in MAPPINGS["Observation"].elements}
    assert {"status", "subject", "encounter", "effective", "issued", "value", "bodySite", "specimen"} <= names
    assert names.isdisjoint({"id", "meta", "text", "implicitRules", "language", "note", "contained"})


def test_types_of_a_choice_that_the_same_parameters_look_at_share_an_interval() -> None:
    def columns(resource_type: str, name: str) -> dict[str, str]:
        (choice,) = (element for element in MAPPINGS[resource_type].elements if element.name == name)
        assert isinstance(choice, Choice)
        return {child.name: child.column for child in choice.children}

    assert set(columns("Observation", "effective").values()) == {"effective"}
    # Provenance-when looks at the dateTime alone: the Period must not answer it
    assert columns("Provenance", "occurred") == {"occurredPeriod": "", "occurredDateTime": "occurred"}


def test_a_reference_knows_its_targets_and_any_is_empty() -> None:
    (subject,) = (element for element in MAPPINGS["Observation"].elements if element.name == "subject")
    assert isinstance(subject, Reference)
    assert set(subject.to) == {"Patient", "Group", "Device", "Location"}
    focus = MAPPINGS["Observation"].parameter("focus")
    assert focus is not None and focus.to == ()


def test_extensions_and_computed_values_are_elements_too() -> None:
    extensions = [element for element in MAPPINGS["Observation"].elements if isinstance(element, Extension)]
    assert "http://hl7.org/fhir/StructureDefinition/observation-geneticsGene" in {u for e in extensions for u in e.urls}
    computed = {
        (name, element.name)
        for name, mapping in MAPPINGS.items()
        for element in mapping.elements
        if isinstance(element, Computed)
    }
    assert computed == {
        ("Bundle", "searchComposition"),
        ("Bundle", "searchMessage"),
        ("Device", "searchDeviceName"),
        ("Patient", "isDeceased"),
        ("QuestionnaireResponse", "searchItemSubject"),
    }


def test_a_datatype_is_taken_apart_where_a_parameter_looks_inside() -> None:
    (content,) = (element for element in MAPPINGS["DocumentReference"].elements if element.name == "content")
    assert isinstance(content, Backbone)
    attachment = next(child for child in content.children if child.name == "attachment")
    assert isinstance(attachment, Backbone) and attachment.of == "Attachment"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.name.family", Route("Patient", (Step("name"), Step("family")))),
        ("(Observation.value as Quantity)", Route("Observation", (Step("value", "Quantity"),))),
        ("Condition.onset.as(Age)", Route("Condition", (Step("onset", "Age"),))),
        ("A.value.ofType(Range)", Route("A", (Step("value", "Range"),))),
        ("A.telecom.where(system='phone')", Route("A", (Step("telecom"),), ("system", "phone"))),
        ("A.b.where(type='x').c", Route("A", (Step("b"), Step("c")), ("type", "x"))),
        ("A.b.where(resolve() is Patient)", Route("A", (Step("b"),), None, ("Patient",))),
        ("A.extension('urn:x')", Route("A", (Step("", extension="urn:x"),))),
        ("%resource.a.b", Route("%resource", (Step("a"), Step("b")))),
    ],
)
def test_an_expression_that_is_a_path_is_read_as_one(expression: str, expected: Route) -> None:
    ((tree,),) = branches(expression).values()
    assert route(tree, relative=False) == expected


@pytest.mark.parametrize(
    "expression",
    ["A.b[0]", "A.b.exists()", "A.b.where(c > 1)", "A.b.first()", "A.b and A.c", "A.b.where(resolve() is C).d", "'x'"],
)
def test_an_expression_that_computes_is_not_a_path(expression: str) -> None:
    ((tree,),) = branches(expression).values()
    with pytest.raises(NotAPath):
        route(tree, relative=False)


def test_alternatives_are_sorted_by_the_type_they_speak_of() -> None:
    found = branches("Patient.name | Person.name | Patient.contact.name")
    assert {root: len(trees) for root, trees in found.items()} == {"Patient": 2, "Person": 1}


def _parameter(code: str, kind: str, expression: str) -> SearchParameter:
    return SearchParameter(code, f"urn:sp:{code}", code, kind, ("Patient",), expression, (), ())


def test_a_parameter_added_at_run_time_gets_an_element_of_its_own() -> None:
    mapping = extended(CORE["Patient"], _parameter("nick-name", "string", "Patient.name.where(use='nickname').given"))
    parameter = mapping.parameter("nick-name")
    assert parameter is not None and parameter.paths == (Path("searchNickName"),)
    assert mapping.elements[:-1] == CORE["Patient"].elements
    again = extended(mapping, _parameter("nick-name", "string", "Patient.name.given"))
    assert len(again.elements) == len(mapping.elements) and len(again.search) == len(mapping.search)


def test_a_parameter_added_at_run_time_must_be_computable() -> None:
    with pytest.raises(ValueError, match="composite"):
        extended(CORE["Patient"], _parameter("x", "composite", "Patient"))
    with pytest.raises(FhirPathError):
        extended(CORE["Patient"], _parameter("x", "token", "Patient..name"))


def test_the_core_types_could_be_derived() -> None:
    for resource_type in CORE:
        derived: Mapping = derive(DEFINITIONS, resource_type)
        assert {p.code for p in derived.search} == {p.code for p in CORE[resource_type].search}


def test_mappings_import_no_third_party_library() -> None:
    folder = FilePath(fhir_server.mappings.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in {"fhir_server", *sys.stdlib_module_names}, f"{file.name}: {name}"
