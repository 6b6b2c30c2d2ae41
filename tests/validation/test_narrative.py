"""Narrative: https://hl7.org/fhir/R4/narrative.html."""

from __future__ import annotations

import pytest

from fhir_server.definitions import load
from fhir_server.validation import Validator

VALIDATOR = Validator(load())


def verdict(inner: str, start: str = '<div xmlns="http://www.w3.org/1999/xhtml">', end: str = "</div>") -> list[str]:
    """Return code and place of every issue of a Patient with this narrative."""
    text = {"status": "generated", "div": f"{start}{inner}{end}"}
    issues = VALIDATOR.validate({"resourceType": "Patient", "text": text})
    return [f"{issue.code} {issue.expression}" for issue in issues]


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p>a <b>b</b> <a href='https://example.org/'>c</a></p>",
        "<table class='grid'><tr><td colspan='2' style='color: red'>x</td></tr></table>",
        "<img src='#photo' alt='x'/>",
        "<img src='data:image/png;base64,AAAA' alt='x'/>",
        "<a name='x'>y</a><br/>&lt;script&gt; &amp; &#160;",
        "<!-- note -->text",
        "<p xml:lang='de' xml:space='preserve'>Text</p>",
        "<a href='urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7'>entry</a>",
    ],
)
def test_basic_formatting_is_allowed(inner: str) -> None:
    assert verdict(inner) == []


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "  \n ",
        "<p> </p><!-- only a note -->",
        "<script>alert(1)</script>",
        "<p onclick='x()'>a</p>",
        "<a href='javascript:x()'>a</a>",
        "<a href=' java\tscript:x()'>a</a>",
        "<a href='JaVaScRiPt:x()'>a</a>",
        "<a href='vbscript:x'>a</a>",
        "<a href='data:text/html;base64,AAAA'>a</a>",
        "<img src='data:image/svg+xml;base64,AAAA'/>",
        "<p style='width: expression(alert(1))'>a</p>",
        "<p style='width: expr/**/ession(alert(1))'>a</p>",
        "<p style='@import url(http://e.org/x.css)'>a</p>",
        "<svg xmlns='http://www.w3.org/2000/svg'><circle/></svg>",
        "<iframe src='https://example.org/'/>",
        "<form action='/'><input type='text'/></form>",
        "<object data='x'/>a",
        "<p>&nbsp;</p>",
        "<?php echo 1 ?>a",
        "<p>not closed",
        "<ins>a</ins>",
        "<a href='urn:uuid:1'>a</a>",
    ],
)
def test_everything_else_breaks_an_invariant(inner: str) -> None:
    assert verdict(inner) == ["invariant Patient.text.div"]


@pytest.mark.parametrize(
    "start",
    [
        "<div>",
        '<p xmlns="http://www.w3.org/1999/xhtml"/><div>',
        '<!DOCTYPE div [<!ENTITY a "b">]><div xmlns="http://www.w3.org/1999/xhtml">',
        '<?xml version="1.0" encoding="utf-8"?><div xmlns="http://www.w3.org/1999/xhtml">',
        "text",
    ],
)
def test_the_root_is_one_div_in_the_xhtml_namespace(start: str) -> None:
    assert verdict("text", start) == ["invariant Patient.text.div"]


def test_deep_markup_is_refused_and_not_followed() -> None:
    assert verdict("<b>" * 300 + "x" + "</b>" * 300) == ["invariant Patient.text.div"]
    assert verdict("<b>" * 100_000 + "x" + "</b>" * 100_000) == ["invariant Patient.text.div"]


def test_a_narrative_that_is_no_text_is_a_structure_or_value_issue() -> None:
    for div, code in ((None, "structure"), (1, "value"), ("", "value"), ([], "structure")):
        issues = VALIDATOR.validate({"resourceType": "Patient", "text": {"status": "generated", "div": div}})
        assert [issue.code for issue in issues] == [code]
