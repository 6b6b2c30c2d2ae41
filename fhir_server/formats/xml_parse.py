"""The only place that parses XML: no entities, no network, no DTD, bounded depth.

https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import re

from lxml import etree

from fhir_server.errors import MalformedContent, UnsupportedMediaType
from fhir_server.formats.encoding import plain_utf8

_ENCODING = re.compile(rb"""<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']""")
_DEEP = "Excessive depth"


def _parser() -> etree.XMLParser:
    # libxml2 itself stops at 256 levels and at 10 MB of text in one node unless it is told to be huge.
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
    )


def parse(raw: bytes) -> etree._Element:
    """Return the root element of an XML body.

    Raises MalformedContent (structure) with line and column, also for any DOCTYPE or CDATA section and beyond 256
    levels; UnsupportedMediaType for an encoding other than UTF-8.
    """
    raw = plain_utf8(raw, "XML")
    declared = _ENCODING.match(raw)
    if declared and declared[1].upper() not in (b"UTF-8", b"UTF8", b"US-ASCII"):
        raise UnsupportedMediaType("FHIR XML is UTF-8; this body declares another encoding.")
    # `<` stands for itself only in markup: outside comments no document can mention a DOCTYPE without having one.
    if b"<!DOCTYPE" in raw:
        raise MalformedContent("A FHIR document has no DOCTYPE: document types and entities are refused.")
    if b"<![CDATA[" in raw:
        raise MalformedContent("A FHIR document has no CDATA sections.")
    try:
        return etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError as error:
        raise _malformed(error) from None
    except ValueError:
        raise MalformedContent("The body is not XML.") from None


def _malformed(error: etree.XMLSyntaxError) -> MalformedContent:
    line, column = error.position
    message = error.msg or ""
    if _DEEP in message:
        return MalformedContent("The document nests elements too deep.")
    # The parser's sentences quote names of elements and entities; the kind of mistake is enough beside the place.
    detail = "it is not well-formed"
    if "Entity" in message:
        detail = "it uses an entity that XML does not define"
    elif "encoding" in message or "UTF-8" in message:
        detail = "it is not UTF-8"
    elif "mismatch" in message:
        detail = "a closing tag does not match the open element"
    elif "Premature end" in message or "EndTag" in message:
        detail = "the text ends before the document does"
    elif "redefined" in message:
        detail = "an attribute stands twice"
    return MalformedContent(f"The body is not XML: {detail} (line {line}, column {column}).")
