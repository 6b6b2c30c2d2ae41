"""XML Patch: the published cases, selectors, and what a patch may leave behind."""

from __future__ import annotations

import time
from typing import Any

import pytest
from lxml import etree

from fhir_server.errors import BadRequest, FhirError, Invalid, TooCostly
from fhir_server.formats import json
from fhir_server.formats.xml_parse import parse
from fhir_server.rest.patch.xml_patch import apply, apply_to_tree
from tests.paths import CASES, needs_shared

XHTML = "http://www.w3.org/1999/xhtml"
DIV = f'<div xmlns="{XHTML}">one<br  /><p class="a">two</p>three</div>'
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "text": {"status": "generated", "div": DIV},
    "identifier": [{"id": "i", "system": "http://a", "value": "1"}, {"system": "http://b", "value": "2"}],
    "active": True,
    "name": [{"family": "A", "given": ["B", "C"]}, {"given": ["D"]}],
    "birthDate": "1970-01-01",
}


def patched(operations: str, declarations: str = 'xmlns="http://hl7.org/fhir"') -> dict[str, Any]:
    before = json.encode(PATIENT)
    try:
        return apply(PATIENT, f"<diff {declarations}>{operations}</diff>".encode())
    finally:
        assert json.encode(PATIENT) == before


def published() -> list[Any]:
    path = CASES / "xml-patch" / "xml-patch-tests.xml"
    if not path.is_file():
        return []
    return [pytest.param(case, id=str(case.get("name"))) for case in etree.parse(path).getroot().iter("case")]


def bare(element: etree._Element) -> bytes:
    """Return canonical XML without the white space that lays a document out."""
    root = etree.fromstring(etree.tostring(element, with_tail=False))
    for node in root.iter():
        node.text = None if (node.text or "").isspace() else node.text
        node.tail = None if (node.tail or "").isspace() else node.tail
    return etree.tostring(root, method="c14n")


def content(case: etree._Element, name: str) -> bytes:
    children = [child for child in case.find(name) if isinstance(child.tag, str)]
    return etree.tostring(children[0], with_tail=False) if children else b""


@needs_shared
@pytest.mark.parametrize("case", published())
def test_published_case(case: etree._Element) -> None:
    patch = parse(etree.tostring(case.find("{*}patch"), with_tail=False))
    if case.find("error") is not None:
        with pytest.raises(FhirError) as caught:
            apply_to_tree(parse(content(case, "target")), patch)
        assert caught.value.status in (400, 422)
        return
    result = apply_to_tree(parse(content(case, "target")), patch)
    assert bare(result) == bare(etree.fromstring(content(case, "patched")))


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ('<replace sel="Patient/birthDate/@value">1971-02-03</replace>', {"birthDate": "1971-02-03"}),
        ('<replace sel="/f:Patient/f:active/@value">false</replace>', {"active": False}),
        ('<remove sel="*/active"/>', {"active": None}),
        ('<replace sel="Patient/active"><active value="false"/></replace>', {"active": False}),
        ('<add sel="Patient/active" pos="after"><name><family value="Z"/></name></add>',
         {"name": [{"family": "Z"}, *PATIENT["name"]]}),
        ('<add sel="Patient/name[1]" pos="before"> <name><family value="Z"/></name> </add>',
         {"name": [{"family": "Z"}, *PATIENT["name"]]}),
        ('<add sel="Patient/name[last()]/given" pos="after"><given value="E"/></add>',
         {"name": [PATIENT["name"][0], {"given": ["D", "E"]}]}),
        ('<add sel="Patient/name[2]" pos="prepend"><family value="Z"/></add>',
         {"name": [PATIENT["name"][0], {"family": "Z", "given": ["D"]}]}),
        ('<remove sel="Patient/name[family/@value=\'A\']/given[@value=&quot;B&quot;]"/>',
         {"name": [{"family": "A", "given": ["C"]}, {"given": ["D"]}]}),
        ('<remove sel="Patient/name[given/@value=\'D\']"/>', {"name": [PATIENT["name"][0]]}),
        ('<remove sel="Patient/identifier[@id=\'i\' and system/@value=\'http://a\']"/>',
         {"identifier": [PATIENT["identifier"][1]]}),
        ('<remove sel="Patient/identifier[not-there][1]"/><remove sel="Patient/birthDate"/>', ValueError),
        ('<add sel="Patient/birthDate" type="@id">b</add>', {"_birthDate": {"id": "b"}}),
        ('<add sel="Patient"><maritalStatus><text value="m"/></maritalStatus></add>', {"maritalStatus": {"text": "m"}}),
        ('<remove sel="Patient/identifier[1]/@id"/>',
         {"identifier": [{"system": "http://a", "value": "1"}, PATIENT["identifier"][1]]}),
    ],
)  # fmt: skip
def test_a_patch_changes_what_its_selector_names(operation: str, changes: Any) -> None:
    if changes is ValueError:
        with pytest.raises(Invalid, match=r"Operation 0 .* matches nothing"):
            patched(operation)
        return
    expected = {key: value for key, value in {**PATIENT, **changes}.items() if value is not None}
    assert patched(operation) == expected


def test_operations_see_what_earlier_ones_did() -> None:
    result = patched(
        '<remove sel="Patient/name[1]"/><replace sel="Patient/name[1]/given/@value">X</replace>'
        '<add sel="Patient/name[1]" pos="after"><name><text value="n"/></name></add><!-- done -->'
    )
    assert result["name"] == [{"given": ["X"]}, {"text": "n"}]


def test_prefixes_come_from_the_patch_and_f_and_h_are_known() -> None:
    declarations = 'xmlns:x="http://hl7.org/fhir"'
    assert patched('<replace sel="x:Patient/f:active/@value">false</replace>', declarations)["active"] is False
    assert patched('<remove sel="Patient/active"/>', declarations).get("active") is None
    root = '<p:patch xmlns:p="urn:ietf:rfc:7351" xmlns="http://hl7.org/fhir"><p:remove sel="Patient/active"/></p:patch>'
    assert "active" not in apply(PATIENT, root.encode())


@pytest.mark.parametrize(
    ("operation", "div"),
    [
        ('<remove sel="Patient/active"/>', DIV),
        ('<replace sel="Patient/text/h:div/h:p/text()">2</replace>', '>one<br/><p class="a">2</p>three</div>'),
        ('<replace sel="Patient/text/h:div/h:p[.=\'two\']/@class">b</replace>', '<p class="b">two</p>'),
        ('<add sel="Patient/text/h:div/h:p" pos="after">X<b xmlns="http://www.w3.org/1999/xhtml">Y</b>Z</add>',
         '</p>X<b>Y</b>Zthree</div>'),
        ('<add sel="Patient/text/h:div/h:p" pos="before">X</add>', '>one<br/>X<p class="a">'),
        ('<add sel="Patient/text/h:div" pos="prepend">X</add>', '>Xone<br/>'),
        ('<add sel="Patient/text/h:div">X</add>', '</p>threeX</div>'),
        ('<remove sel="Patient/text/h:div/h:p"/>', '>one<br/>three</div>'),
        ('<remove sel="Patient/text/h:div/text()[2]"/>', '<p class="a">two</p></div>'),
        ('<replace sel="Patient/text/h:div"><h:div xmlns:h="http://www.w3.org/1999/xhtml">n<h:i/></h:div></replace>',
         '<div xmlns="http://www.w3.org/1999/xhtml">n<i/></div>'),
    ],
)  # fmt: skip
def test_narratives_are_patched_like_any_xml_and_otherwise_stay_as_they_were(operation: str, div: str) -> None:
    assert div in patched(operation)["text"]["div"]


@pytest.mark.parametrize(
    "operation",
    [
        "",
        "<!-- nothing -->",
        "<delete sel='Patient'/>",
        "<remove/>",
        "<remove sel=''/>",
        "<remove sel='/'/>",
        "<remove sel='//active'/>",
        "<remove sel='Patient/..'/>",
        "<remove sel='Patient/active | Patient/name'/>",
        "<remove sel='count(Patient)'/>",
        "<remove sel='document(\"file:///etc/passwd\")'/>",
        "<remove sel='child::Patient'/>",
        "<remove sel='Patient[position()=1]'/>",
        "<remove sel='Patient/@id/active'/>",
        "<remove sel='Patient/active['/>",
        "<remove sel='Patient/active[@value=true]'/>",
        "<remove sel='Patient/unknown:active'/>",
        "<remove sel='Patient/id()'/>",
        f"<remove sel='{'a/' * 2000}a'/>",
        "<remove sel='Patient/active' ws='some'/>",
        "<add sel='Patient' pos='inside'><active/></add>",
        "<add sel='Patient' type='id'>x</add>",
        "<add sel='Patient' type='@x:id'>x</add>",
        "<add sel='Patient' type='@1'>x</add>",
        "<add sel='Patient' type='@id'><x/></add>",
        "<add sel='Patient' type='namespace::1'>x</add>",
        "<replace sel='Patient/active'/>",
        "<replace sel='Patient/active'><a/><b/></replace>",
        "<replace sel='Patient/active'>text<a/></replace>",
        "<replace sel='Patient/active'><!-- x --></replace>",
        "<replace sel='Patient/active/@value'><a/></replace>",
    ],
)
def test_what_is_no_xml_patch_is_400(operation: str) -> None:
    with pytest.raises(BadRequest) as caught:
        patched(operation)
    assert caught.value.status == 400


@pytest.mark.parametrize("raw", [b"", b"{}", b"<diff", b"<!DOCTYPE diff><diff/>", b"<diff><?pi x?></diff>", b"<a/>"])
def test_a_body_that_is_no_patch_document_is_400(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        apply(PATIENT, raw)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("<remove sel='Patient/gender'/>", "matches nothing"),
        ("<remove sel='Patient/name'/>", "matches 2 nodes"),
        ("<remove sel='Patient/name[3]'/>", "matches nothing"),
        ("<remove sel='Patient'/>", "whole resource"),
        ("<remove sel='Observation'/>", "matches nothing"),
        ("<remove sel='text()'/>", "matches nothing"),
        ("<remove sel='.'/>", "matches nothing"),
        ("<add sel='Patient' pos='before'><active/></add>", "inside the resource"),
        ("<add sel='Patient/id/@value'><active/></add>", "to an element"),
        ("<add sel='Patient/id/@value' type='@id'>x</add>", "to an element"),
        ("<add sel='Patient/id' type='@value'>x</add>", "already"),
    ],
)
def test_what_does_not_fit_the_resource_is_422_and_names_the_operation(operation: str, words: str) -> None:
    with pytest.raises(Invalid, match="Operation 1 of the XML Patch") as caught:
        patched(f"<replace sel='Patient/id/@value'>q</replace>{operation}")
    assert words in caught.value.diagnostics


@pytest.mark.parametrize(
    ("operation", "expression"),
    [
        ("<add sel='Patient'><gender value='male'/></add>", "Patient.gender"),
        ("<add sel='Patient'><foo value='male'/></add>", "Patient"),
        ("<add sel='Patient'>text</add>", "Patient"),
        ("<add sel='Patient/active' pos='after'><active value='false'/></add>", "Patient.active"),
        ("<add sel='Patient/name[1]'><family value='Z'/></add>", "Patient.name[0].family"),
        ("<remove sel='Patient/birthDate/@value'/>", "Patient.birthDate"),
        ("<add sel='Patient/id' type='@foo'>x</add>", "Patient.id"),
    ],
)
def test_a_patch_may_not_leave_what_is_no_fhir_xml(operation: str, expression: str) -> None:
    with pytest.raises(Invalid, match="After the XML Patch") as caught:
        patched(operation)
    assert caught.value.all_issues()[0].expression == expression


def test_a_replaced_root_is_another_resource_for_the_caller_to_judge() -> None:
    assert patched('<replace sel="Patient"><Basic><id value="b"/></Basic></replace>') == {
        "resourceType": "Basic",
        "id": "b",
    }
    with pytest.raises(Invalid, match="root element"):
        patched('<replace sel="Patient"><p/></replace>')


def test_patches_without_measure_are_too_costly() -> None:
    with pytest.raises(TooCostly):
        patched("<remove sel='Patient/active'/>" * 10_001)
    document = {"resourceType": "Patient", "name": [{"family": "A"}] * 10_000}
    patch = "<diff>" + "<replace sel='f:Patient/f:name[f:family/@value=\"B\"]/@id'>1</replace>" * 1000 + "</diff>"
    started = time.process_time()
    with pytest.raises(FhirError):
        apply(document, patch.encode())
    heavy = {"resourceType": "Patient", "name": [{"family": "A"}] * 5000 + [{"family": "B"}]}
    patch = (
        "<diff>"
        + "<replace sel='f:Patient/f:name[f:family/@value=\"B\"]/f:family/@value'>B</replace>" * 2000
        + "</diff>"
    )
    with pytest.raises(TooCostly):
        apply(heavy, patch.encode())
    assert time.process_time() - started < 10


def test_depth_cannot_be_piled_up() -> None:
    deep = "<x>" * 100 + "</x>" * 100
    first = f"<add sel='Patient/id'>{deep}</add>"
    second = f"<add sel='Patient/id{'/x' * 100}'>{deep}</add>"
    third = f"<add sel='Patient/id{'/x' * 200}'>{deep}</add>"
    with pytest.raises(Invalid, match=r"Operation 2 .* too deep"):
        patched(first + second + third)
    with pytest.raises(Invalid, match="deeper than 64"):
        patched(first.replace("<x>", '<extension url="u">').replace("</x>", "</extension>"))
