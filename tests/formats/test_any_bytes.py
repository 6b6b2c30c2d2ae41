"""Whatever bytes come, the decoders answer with a document or with an error of ours, and nothing else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, FhirError
from fhir_server.formats import json, xml

DOCUMENT: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "a",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</p>&#160;</div>'},
    "contained": [{"resourceType": "Patient", "_birthDate": {"extension": [{"url": "u", "valueString": "\u00e9\n"}]}}],
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1-8"}]},
    "valueQuantity": {"value": 12, "unit": '"\\'},
}
JSON, XML = json.encode(DOCUMENT), xml.encode(DOCUMENT)
PIECES = [
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"\\u0000", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":",
    b"null", b"1e999", b"9" * 30, b"9" * 5000, b"NaN", b"<", b"</", b"/>", b">", b"<!--", b"-->", b"<?x?>",
    b"<!DOCTYPE a>",
    b"&x;", b"&#0;", b"]]>", b' xmlns="u"', b"<div/>", b"<value/>", b"=",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    raw = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        raw[start : start + draw(st.integers(0, 12))] = draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    return bytes(raw)


@settings(max_examples=400, deadline=None)
@given(damaged(JSON))
def test_damaged_json(raw: bytes) -> None:
    try:
        document = json.decode(raw)
    except FhirError as error:
        assert error.status in (400, 415)
        assert error.all_issues()[0].code in ("structure", "value", "not-supported")
    else:
        assert json.decode(json.encode(document)) == document


@settings(max_examples=400, deadline=None)
@given(damaged(XML))
def test_damaged_xml(raw: bytes) -> None:
    try:
        document = xml.decode(raw)
    except FhirError as error:
        assert error.status in (400, 415)
        assert error.all_issues()[0].code in ("structure", "not-supported")
    else:
        assert xml.decode(xml.encode(document)) == document


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes(raw: bytes) -> None:
    for decode in (json.decode, json.decode_array, xml.decode):
        with contextlib.suppress(FhirError):
            decode(raw)


@pytest.mark.parametrize("levels", [100, 200, 400, 1000])
def test_a_generous_depth_setting_never_ends_in_a_recursion_error(levels: int) -> None:
    deep = (
        b'{"resourceType":"Basic"'
        + b',"extension":[{"url":"u"' * levels
        + b',"x":%s' % (b"9" * 30)
        + b"}]" * levels
        + b"}"
    )
    for decode, raw in (
        (json.decode, deep),
        (
            xml.decode,
            b'<Basic xmlns="http://hl7.org/fhir">' + b"<extension>" * levels + b"</extension>" * levels + b"</Basic>",
        ),
    ):
        try:
            decode(raw, max_depth=2000)
        except BadRequest as error:
            assert "deep" in error.diagnostics
