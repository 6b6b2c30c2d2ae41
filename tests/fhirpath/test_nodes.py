"""A Node says where in the resource it stands, so that it can be found and changed there.

https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.fhirpath import Node, compile  # noqa: A004
from tests.fhirpath.documents import PATIENT, examples
from tests.paths import needs_r4_package


def nodes(source: str, focus: Any = PATIENT) -> list[Node]:
    items = compile(source, lenient=True).evaluate(focus)
    assert all(type(item) is Node for item in items)
    return items


def stored(node: Node) -> Any:
    """What stands in the document where the node says it stands."""
    assert node.parent is not None
    holder = node.parent.value if isinstance(node.parent.value, dict) else node.parent.extra
    assert isinstance(holder, dict)
    value = holder.get(node.key)
    return value if node.index is None or value is None else value[node.index]


def test_a_node_knows_parent_key_and_index() -> None:
    (node,) = nodes("Patient.name[0].given[2]")
    assert (node.value, node.type, node.key, node.index) == ("Maria", "string", "given", 2)
    assert node.parent is not None and node.parent.parent is not None
    assert (node.parent.type, node.parent.key, node.parent.index) == ("HumanName", "name", 0)
    assert node.parent.value is PATIENT["name"][0]
    assert node.parent.parent.value is PATIENT
    assert node.parent.parent.parent is None
    assert node.path == "Patient.name[0].given[2]"


def test_the_property_of_a_choice_names_the_type() -> None:
    (node,) = nodes("Patient.multipleBirth")
    assert (node.value, node.type, node.key, node.name) == (2, "integer", "multipleBirthInteger", "multipleBirth")
    assert node.path == "Patient.multipleBirth"


def test_a_primitive_carries_its_extensions() -> None:
    (node,) = nodes("Patient.birthDate")
    assert node.extra is PATIENT["_birthDate"]
    (value,) = nodes("Patient.birthDate.extension.value")
    assert (value.type, value.path) == ("dateTime", "Patient.birthDate.extension[0].value")


def test_a_place_without_a_value_is_a_node_where_it_has_extensions() -> None:
    given = nodes("Patient.name[0].given")
    assert [(node.value, node.index) for node in given] == [("Anna", 0), (None, 1), ("Maria", 2)]
    assert [node.extra is not None for node in given] == [False, True, False]
    assert compile("Patient.name[0].given.select(hasValue())").evaluate(PATIENT) == [True, False, True]


def test_a_contained_resource_has_its_own_type() -> None:
    (node,) = nodes("Patient.contained")
    assert node.type == "Organization"
    assert nodes("Patient.contained.name")[0].path == "Patient.contained[0].name"


def test_an_evaluation_can_begin_at_an_element() -> None:
    name = Node(PATIENT["name"][1], "HumanName")
    assert compile("given.first()").evaluate(name)[0].value == "Ania"
    assert compile("use = 'nickname'").evaluate_boolean(name) is True
    assert compile("%context.given = given and %resource.id = 'p1'").evaluate_boolean(name, resource=PATIENT) is True


def test_a_node_shows_no_data() -> None:
    (node,) = nodes("Patient.name[0].family")
    assert repr(node) == "Node(string at Patient.name[0].family)"


def test_an_evaluation_leaves_the_resource_alone() -> None:
    before = repr(PATIENT)
    for source in ("descendants()", "name.given | name.family", "name.sort(family)", "name.given.distinct()"):
        compile(source).evaluate(PATIENT).clear()
    assert repr(PATIENT) == before


def test_a_result_may_be_changed_by_its_owner() -> None:
    expression = compile("'a' | 'b'")
    expression.evaluate(None).clear()
    assert expression.evaluate(None) == ["a", "b"]


@needs_r4_package
def test_every_descendant_of_every_example_stands_where_it_says() -> None:
    for document in examples()[::5]:
        found = nodes("descendants()", document)
        assert found
        for node in found:
            assert stored(node) is node.value


def properties(value: Any) -> int:
    """How many values stand below a JSON value, those of arrays one by one."""
    if not isinstance(value, dict):
        return 0
    rows = [row for key, row in value.items() if key != "resourceType"]
    return sum(1 + properties(item) for row in rows for item in (row if isinstance(row, list) else [row]))


@needs_r4_package
def test_every_property_of_every_example_is_reached_once() -> None:
    plain = [document for document in examples()[::4] if "'_" not in repr(document)]
    assert len(plain) > 50
    for document in plain:
        assert len(nodes("descendants()", document)) == properties(document)


@pytest.mark.parametrize("source", ["Patient", "Resource", "DomainResource", "$this", "%resource", "%context"])
def test_the_context_is_the_resource_itself(source: str) -> None:
    (node,) = nodes(source)
    assert node.value is PATIENT
    assert node.path == "Patient"
