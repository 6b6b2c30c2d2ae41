"""How an answer looks on the wire: JSON or XML, pretty or not, whole or in part.

https://hl7.org/fhir/R4/http.html#mime-type
https://hl7.org/fhir/R4/search.html#summary
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, cast

from fhir_server.errors import BadRequest, NotAcceptable
from fhir_server.formats import json, subset, xml

JSON = "application/fhir+json"
XML = "application/fhir+xml"
# What a client may call the two formats, in a header or in _format.
_NAMES = {
    "json": JSON,
    "application/json": JSON,
    "application/fhir+json": JSON,
    "text/json": JSON,
    "xml": XML,
    "application/xml": XML,
    "application/fhir+xml": XML,
    "text/xml": XML,
}
_WILD = frozenset(("*/*", "application/*"))
_SUMMARIES = frozenset(("true", "text", "data", "count", "false"))
_PARAMETERS = frozenset(("_format", "_pretty", "_summary", "_elements"))


class HeaderFields(Protocol):
    """The headers of a request by lower-case name."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""


SummaryMode = Literal["true", "text", "data", "count", "false"]


@dataclass(frozen=True, slots=True)
class Representation:
    """The form of one answer.

    mime      JSON or XML
    pretty    indented for people
    summary   value of _summary; "false" for the whole resource
    elements  names in _elements, () for all
    """

    mime: str = JSON
    pretty: bool = False
    summary: SummaryMode = "false"
    elements: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether stored text can be sent as it is."""
        return self.mime == JSON and not self.pretty

    @property
    def whole(self) -> bool:
        """Whether resources are returned with all their elements."""
        return self.summary == "false" and not self.elements


PLAIN = Representation()


@lru_cache(maxsize=256)
def accepted(accept: str) -> str:
    """Return the best format for an Accept header: q-values first, then JSON before XML.

    Raises NotAcceptable where the client takes neither.
    """
    best, quality = "", 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        mime = JSON if name in _WILD else _NAMES.get(name) if "/" in name else None
        weight = _quality(parameters)
        if mime and (weight > quality or (weight == quality and mime == JSON and weight)):
            best, quality = mime, weight
    if not best:
        raise NotAcceptable(f"The server answers in {JSON} and {XML}; the Accept header allows neither.")
    return best


def _quality(parameters: Sequence[str]) -> float:
    """Return the q-value among a media range's parameters; 0 also where it asks for another FHIR version."""
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
        elif name == "fhirversion" and value.strip('"') not in ("4.0", "4.0.1"):
            return 0.0
    return quality


def named_format(text: str) -> str:
    """Return the format a `_format` parameter names. Raises NotAcceptable for an unknown one."""
    name = text.partition(";")[0].strip().lower().replace(" ", "+")  # an unescaped + arrives as a space
    found = _NAMES.get(name)
    if found is None:
        raise NotAcceptable(f"_format must name {JSON} or {XML} (json or xml for short).")
    return found


def negotiate(query: Sequence[tuple[str, str]], headers: HeaderFields) -> Representation:
    """Return the form a request asks for; `_format` overrules Accept.

    Raises NotAcceptable for formats the server does not have, BadRequest for values outside FHIR's.
    """
    given = {name: value for name, value in query if name in _PARAMETERS} if query else {}
    if given.get("_format"):
        mime = named_format(given["_format"])
    else:
        accept = headers.get("accept")
        mime = accepted(accept) if accept else JSON
    if not given:
        return PLAIN if mime == JSON else Representation(mime)
    return Representation(mime, _flag(given.get("_pretty", "")), *_part(given))


def _flag(text: str) -> bool:
    if text not in ("", "true", "false"):
        raise BadRequest("_pretty must be true or false.", code="value")
    return text == "true"


def _part(given: Mapping[str, str]) -> tuple[SummaryMode, tuple[str, ...]]:
    summary = given.get("_summary") or "false"
    if summary not in _SUMMARIES:
        raise BadRequest("_summary must be true, text, data, count or false.", code="value")
    elements = tuple(name.strip() for name in given.get("_elements", "").split(",") if name.strip())
    if elements and summary != "false":
        raise BadRequest("_summary and _elements cannot be used together.")
    return cast(SummaryMode, summary), elements


def part(text: str, form: Representation) -> str:
    """Return the JSON text of the part of a resource that `form` asks for; `text` is the whole, "" for none."""
    if form.whole or not text:
        return text
    document = json.decode_trusted(text)
    if form.elements:
        names = [name.rpartition(".")[2] for name in form.elements if _concerns(name, document["resourceType"])]
        return json.encode(subset.elements(document, names)).decode() if names else text
    return json.encode(subset.summary(document, form.summary)).decode()


def _concerns(name: str, resource_type: str) -> bool:
    head, dot, _ = name.rpartition(".")
    return not dot or head == resource_type


def render(text: str, form: Representation) -> bytes:
    """Return the body for the JSON text of a resource, in `form`."""
    if form.plain:
        return text.encode()
    document = json.decode_trusted(text)
    if form.mime == XML:
        return xml.encode(document, pretty=form.pretty)
    return json.encode_pretty(document)
