"""How an answer looks on the wire: JSON or XML, pretty or not, whole or in part.

https://hl7.org/fhir/R4/http.html#mime-type
https://hl7.org/fhir/R4/search.html#summary
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Protocol, cast

from fhir_server.errors import BadRequest
from fhir_server.formats import json, subset, xml
from fhir_server.formats.negotiate import Format, choose

JSON: Final = "application/fhir+json"
XML: Final = "application/fhir+xml"
_MIME: Final[dict[Format, str]] = {"json": JSON, "xml": XML}
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

    format    "json" or "xml"
    pretty    indented for people
    summary   value of _summary; "false" for the whole resource
    generic   the client asked for application/json or application/xml, so it is answered with that name
    content   the bytes of a Binary are asked for, not the resource
    elements  names in _elements, () for all
    """

    format: Format = "json"
    pretty: bool = False
    summary: SummaryMode = "false"
    elements: tuple[str, ...] = ()
    generic: bool = False
    content: bool = False

    @property
    def mime(self) -> str:
        """The media type of the answer."""
        return f"application/{self.format}" if self.generic else _MIME[self.format]

    @property
    def plain(self) -> bool:
        """Whether stored text can be sent as it is."""
        return self.format == "json" and not self.pretty

    @property
    def whole(self) -> bool:
        """Whether resources are returned with all their elements."""
        return self.summary == "false" and not self.elements


PLAIN = Representation()
_WHOLE: Final[dict[tuple[Format, bool], Representation]] = {
    ("json", False): PLAIN,
    ("json", True): Representation("json", generic=True),
    ("xml", False): Representation("xml"),
    ("xml", True): Representation("xml", generic=True),
}
CONTENT: Final = Representation(content=True)


def negotiate(query: Sequence[tuple[str, str]], headers: HeaderFields) -> Representation:
    """Return the form a request asks for; `_format` overrules Accept.

    Raises NotAcceptable for formats the server does not have, BadRequest for values outside FHIR's.
    """
    given = {name: value for name, value in query if name in _PARAMETERS} if query else {}
    accept = headers.get("accept")
    form = choose(accept, given.get("_format"))
    generic = accept is not None and not given.get("_format") and _is_generic(accept, form)
    if not given:
        return _WHOLE[form, generic]
    return Representation(form, _flag(given.get("_pretty", "")), *_part(given), generic)


@lru_cache(maxsize=256)
def _is_generic(accept: str, form: Format) -> bool:
    """Tell whether an Accept header names the format in general, and FHIR's own name for it not."""
    names = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return f"application/{form}" in names and _MIME[form] not in names


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
    if form.format == "xml":
        return xml.encode(document, pretty=form.pretty)
    return json.encode_pretty(document)
