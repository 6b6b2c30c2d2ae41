"""The hand-written mappings say what R4 says: https://hl7.org/fhir/R4/searchparameter-registry.html"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir_server.definitions import load
from fhir_server.definitions.model import Element as OfficialElement
from fhir_server.mappings import CORE
from fhir_server.mappings.datatypes import Backbone, Choice, Computed, Element, Extension, Position, Reference
from fhir_server.mappings.derive import derive, official_parameters
from fhir_server.mappings.lookup import fhir_type, find
from fhir_server.mappings.model import Mapping, Parameter

TYPES = sorted(CORE)


def _official(owner: str, element: Element) -> OfficialElement:
    found = load().type(owner).element(element.name)
    assert found is not None, f"{owner} has no element {element.name}"
    return found


def _described(owner: str, elements: tuple[Element, ...]) -> Iterator[tuple[str, Element, OfficialElement]]:
    """Yield (path, element of the mapping, element of the StructureDefinition) at every depth."""
    for element in elements:
        if isinstance(element, Extension | Computed):
            continue
        official = _official(owner, element)
        yield f"{owner}.{element.name}", element, official
        if isinstance(element, Backbone):
            yield from _described(official.types[0].code, element.children)


@pytest.mark.parametrize("resource_type", TYPES)
def test_cardinality_is_that_of_the_structure_definition(resource_type: str) -> None:
    for path, element, official in _described(resource_type, CORE[resource_type].elements):
        high = "*" if official.max is None else str(official.max)
        assert element.cardinality == f"{official.min}..{high}", path


@pytest.mark.parametrize("resource_type", TYPES)
def test_datatypes_and_reference_targets_are_those_of_the_structure_definition(resource_type: str) -> None:
    for path, element, official in _described(resource_type, CORE[resource_type].elements):
        children = element.children if isinstance(element, Choice) else (element,)
        by_type = {ref.code: ref for ref in official.types}
        for child in children:
            code = fhir_type(child)
            if isinstance(child, Backbone) and not child.of:
                assert official.types[0].code == path
                continue
            assert code in by_type or isinstance(child, Position), f"{path}: {code}"
            if isinstance(element, Choice):
                assert child.name == official.name + code[0].upper() + code[1:]
            if isinstance(child, Reference):
                assert set(child.to) == set(by_type[code].targets), path


@pytest.mark.parametrize("resource_type", TYPES)
def test_every_official_search_parameter_is_declared_once(resource_type: str) -> None:
    declared = [parameter.code for parameter in CORE[resource_type].search]
    assert declared == sorted(declared)
    assert set(declared) == {official.code for official in official_parameters(load(), resource_type)}


def _elements(mapping: Mapping, parameter: Parameter) -> set[tuple[object, ...]]:
    """Return what a parameter looks at: (path, part, where, limited to types), expressions and URLs for the others."""
    seen: set[tuple[object, ...]] = set()
    for path in parameter.paths:
        for found in find(mapping, path.steps):
            name: object = found.path
            if isinstance(found.element, Computed):
                name = found.element.expression
            seen.add((name, found.part, path.where, path.to))
    return seen


def _extension_urls(mapping: Mapping, parameter: Parameter) -> set[str]:
    names = {path.steps for path in parameter.paths}
    return {
        url
        for element in mapping.elements
        if isinstance(element, Extension) and element.name in names
        for url in element.urls
    }


@pytest.mark.parametrize("resource_type", TYPES)
def test_search_parameters_have_the_official_type_path_and_targets(resource_type: str) -> None:
    mapping, derived = CORE[resource_type], derive(load(), resource_type)
    for parameter in mapping.search:
        official = derived.parameter(parameter.code)
        assert official is not None
        assert parameter.type == official.type, parameter.code
        urls = _extension_urls(derived, official)
        if urls:
            assert urls <= _extension_urls(mapping, parameter)
            continue
        assert _elements(mapping, parameter) == _elements(derived, official), parameter.code
        assert set(parameter.to) == set(official.to), parameter.code


@pytest.mark.parametrize("resource_type", TYPES)
def test_the_main_date_is_an_element_of_the_mapping(resource_type: str) -> None:
    mapping = CORE[resource_type]
    assert mapping.main_date == "" or find(mapping, mapping.main_date)
