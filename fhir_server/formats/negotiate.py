"""Which format a client wants, and which it sent: media types, `_format`, q-values, fhirVersion.

https://hl7.org/fhir/R4/http.html#mime-type
https://www.rfc-editor.org/rfc/rfc9110#field.accept
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fhir_server.errors import NotAcceptable, UnsupportedMediaType

Format = Literal["json", "xml"]
BodyFormat = Literal["json", "xml", "json-patch", "xml-patch", "form"]

_FORMATS: dict[str, Format] = {
    "application/fhir+json": "json",
    "application/json": "json",
    "text/json": "json",
    "application/fhir+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_SHORT: dict[str, Format] = {"json": "json", "xml": "xml"}
_BODIES: dict[str, BodyFormat] = {
    **_FORMATS,
    "application/json-patch+json": "json-patch",
    "application/xml-patch+xml": "xml-patch",
    "application/x-www-form-urlencoded": "form",
}
_PAGE = "text/html"
_WILD = ("application/*", "text/*", "*/*")  # from the most specific
_VERSIONS = ("4.0", "4.0.1")
_CHARSETS = ("utf-8", "utf8", "us-ascii")
_OFFER = "application/fhir+json and application/fhir+xml, FHIR version 4.0"


@dataclass(frozen=True, slots=True)
class _MediaType:
    name: str
    parameters: dict[str, str]

    @property
    def is_our_version(self) -> bool:
        return self.parameters.get("fhirversion", "4.0") in _VERSIONS

    @property
    def quality(self) -> float:
        """The q-value, 0 to 1; one that is no number wants nothing."""
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 0.0


def _media_type(text: str) -> _MediaType:
    name, *rest = text.lower().split(";")
    parameters = {}
    for item in rest:
        key, _, value = item.partition("=")
        parameters[key.strip()] = value.strip().strip('"')
    # An unescaped + in a URL, and sometimes in a header, arrives as a space.
    return _MediaType(name.strip().replace(" ", "+"), parameters)


def choose(accept: str | None, format_parameter: str | None) -> Format:
    """Return the format of the answer.

    accept            the Accept header, None without one
    format_parameter  the value of `_format`, which overrules the header; None or "" without one
    Raises NotAcceptable where the client takes neither JSON nor XML of FHIR 4.0.
    """
    if format_parameter:
        return _named(format_parameter)
    return _accepted(accept) if accept and not accept.isspace() else "json"


def _named(text: str) -> Format:
    wanted = _media_type(text)
    found = _SHORT.get(wanted.name) or _FORMATS.get(wanted.name)
    if found is None or not wanted.is_our_version:
        raise NotAcceptable(
            f"_format names a format this server does not have; it has {_OFFER} (json and xml for short)."
        )
    return found


@lru_cache(maxsize=256)
def _accepted(accept: str) -> Format:
    ranges = [found for part in accept.split(",") if (found := _media_type(part)).is_our_version]
    named: dict[Format, float] = {}
    wild: dict[str, float] = {}
    for wanted in ranges:
        format_name = _FORMATS.get(wanted.name)
        if format_name is not None:
            named[format_name] = max(named.get(format_name, 0.0), wanted.quality)
        elif wanted.name in _WILD:
            wild[wanted.name] = max(wild.get(wanted.name, 0.0), wanted.quality)
    # What a client says of a format by name outranks what it says of all.
    for_others = next((wild[name] for name in _WILD if name in wild), 0.0)
    json, xml = named.get("json", for_others), named.get("xml", for_others)
    if not json and not xml:
        raise NotAcceptable(f"The Accept header allows none of the formats this server has: {_OFFER}.")
    if json and any(wanted.name == _PAGE and wanted.quality > xml for wanted in ranges):
        return "json"  # a browser: of XML it would show the narrative and hide the record
    return "json" if json >= xml else "xml"


@lru_cache(maxsize=256)
def body_format(content_type: str | None) -> BodyFormat:
    """Return what a body with this Content-Type holds: a resource, a patch, or form parameters (of `_search`).

    Raises UnsupportedMediaType for anything else, for no Content-Type, for another charset than UTF-8 and for another
    FHIR version than 4.0.
    """
    if not content_type or content_type.isspace():
        raise UnsupportedMediaType("The body has no Content-Type; send application/fhir+json or application/fhir+xml.")
    sent = _media_type(content_type)
    found = _BODIES.get(sent.name)
    if found is None:
        raise UnsupportedMediaType(f"The Content-Type is none of those this server reads: {', '.join(_BODIES)}.")
    if sent.parameters.get("charset", "utf-8") not in _CHARSETS:
        raise UnsupportedMediaType("FHIR is UTF-8; the Content-Type names another charset.")
    if not sent.is_our_version:
        raise UnsupportedMediaType("This server speaks FHIR 4.0; the Content-Type names another fhirVersion.")
    return found
