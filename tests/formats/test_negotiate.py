"""Content negotiation: what Accept, `_format` and Content-Type mean."""

from __future__ import annotations

import pytest

from fhir_server.errors import NotAcceptable, UnsupportedMediaType
from fhir_server.formats.negotiate import body_format, choose


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "json"),
        ("", "json"),
        (" ", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("application/fhir+json", "json"),
        ("application/json", "json"),
        ("text/json", "json"),
        ("application/fhir json", "json"),
        ("application/fhir+xml", "xml"),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("APPLICATION/FHIR+XML", "xml"),
        ("application/fhir+xml; charset=utf-8", "xml"),
        ("application/fhir+xml, application/fhir+json", "json"),
        ("application/fhir+xml;q=0.9, application/fhir+json;q=0.8", "xml"),
        ("application/fhir+json;q=0.1, */*;q=0.9", "xml"),
        ("application/fhir+json;q=0, */*", "xml"),
        ("application/fhir+xml;q=0.5, */*;q=0.1", "xml"),
        ("application/pdf, text/xml;q=0.1", "xml"),
        ("application/fhir+json;fhirVersion=3.0, application/fhir+xml;fhirVersion=4.0", "xml"),
        ("application/fhir+json; fhirVersion=4.0.1", "json"),
        ('application/fhir+json; fhirVersion="4.0"', "json"),
        ("application/fhir+json;q=high, application/fhir+xml;q=0.1", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),  # a browser
        ("text/html,application/xml;q=0.9", "xml"),
        ("application/fhir+xml,text/html;q=0.5,*/*;q=0.1", "xml"),
    ],
)
def test_accept_chooses_the_format_with_the_highest_quality(accept: str | None, expected: str) -> None:
    assert choose(accept, None) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "application/pdf",
        "text/html",
        "application/fhir+json;q=0",
        "application/fhir+json;fhirVersion=3.0",
        "*/*;fhirVersion=5.0",
        "*/*;q=0",
        ",;,",
        "json",
    ],
)
def test_an_accept_header_that_allows_neither_is_406(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        choose(accept, None)
    assert (caught.value.status, caught.value.all_issues()[0].code) == (406, "not-supported")


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("json", "json"),
        ("xml", "xml"),
        ("XML", "xml"),
        ("application/fhir+xml", "xml"),
        ("application/fhir xml", "xml"),
        ("text/xml", "xml"),
        ("application/fhir+json;fhirVersion=4.0", "json"),
    ],
)
def test_format_overrules_accept(parameter: str, expected: str) -> None:
    assert choose("application/pdf", parameter) == expected


@pytest.mark.parametrize("parameter", ["html", "text/html", "ttl", "*/*", "application/fhir+json;fhirVersion=3.0", "+"])
def test_an_unknown_format_is_406(parameter: str) -> None:
    with pytest.raises(NotAcceptable):
        choose("application/fhir+json", parameter)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/fhir+json", "json"),
        ("application/json; charset=UTF-8", "json"),
        ("text/json", "json"),
        ("application/fhir+xml;fhirVersion=4.0", "xml"),
        ('text/xml; charset="utf-8"', "xml"),
        ("application/json-patch+json", "json-patch"),
        ("application/xml-patch+xml", "xml-patch"),
        ("application/x-www-form-urlencoded", "form"),
    ],
)
def test_content_type_tells_what_a_body_holds(content_type: str, expected: str) -> None:
    assert body_format(content_type) == expected


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/fhir+turtle",
        "*/*",
        "json",
        "application/fhir+json; charset=utf-16",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+xml; fhirVersion=4.3",
    ],
)
def test_any_other_content_type_is_415(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        body_format(content_type)
    assert (caught.value.status, caught.value.all_issues()[0].code) == (415, "not-supported")
