"""The narrative's XHTML travels as its own source text: cut out of a document, put into another, never rewritten.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

import re
from html.entities import html5
from xml.sax.saxutils import escape

from lxml import etree

from fhir_server.errors import FhirError
from fhir_server.formats.xml_layout import XHTML
from fhir_server.formats.xml_parse import parse

DIV = f"{{{XHTML}}}div"

# In well-formed XML without CDATA and processing instructions, only comments can hold a `<` that opens no tag.
_DIV_TAG = re.compile(
    rb"""<(?:!--.*?--|(?P<close>/)?(?:[\w.-]+:)?div(?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(?P<empty>/)?)>""",
    re.DOTALL,
)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = {"amp;", "lt;", "gt;", "quot;", "apos;"}
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def sources(raw: bytes) -> list[str]:
    """Return the source text of every outermost div of a well-formed document, in document order."""
    found: list[str] = []
    depth = start = 0
    for tag in _DIV_TAG.finditer(raw):
        if tag[0].startswith(b"<!--"):
            continue
        if tag["close"]:
            depth -= 1
        else:
            start = start if depth else tag.start()
            depth += not tag["empty"]
        if not depth:
            found.append(raw[start : tag.end()].decode())
    return found


def text_of(div: etree._Element, source: str) -> str:
    """Return the narrative for JSON: the source, or the same XHTML written anew where it leans on its document.

    div     the element `source` was parsed to
    """
    if div.nsmap == {None: XHTML}:
        return source
    # Prefixes declared further up would be undefined in the cut text.
    copy = _copied(div, None)
    return etree.tostring(copy, encoding="unicode")


def _copied(element: etree._Element, parent: etree._Element | None) -> etree._Element:
    made = etree.fromstring(f'<div xmlns="{XHTML}"/>') if parent is None else etree.SubElement(parent, element.tag)
    for name, value in element.attrib.items():
        made.set(name, value)
    made.text = element.text
    for child in element:
        if isinstance(child, etree._Comment):
            part: etree._Element | etree._Comment = etree.Comment(child.text or "")
            made.append(part)
        else:
            part = _copied(child, made)
        part.tail = child.tail
    return made


def markup_of(narrative: str) -> str:
    """Return XHTML that can stand in an XML document for a narrative that came as a JSON string.

    Named HTML entities, which XML does not define, become characters; a text that is no XHTML div is shown as text.
    """
    text = narrative.strip()
    for candidate in (text, _ENTITY.sub(_character, text)):
        if candidate.startswith("<div") and candidate.endswith(">") and _is_div(candidate):
            return candidate
    shown = escape(_NOT_XML.sub("\ufffd", text))
    return f'<div xmlns="{XHTML}">{shown}</div>'


def _character(entity: re.Match[str]) -> str:
    return entity[0] if entity[1] in _XML_ENTITIES else html5.get(entity[1], entity[0])


def _is_div(text: str) -> bool:
    try:
        root = parse(text.encode())
    except (FhirError, UnicodeEncodeError):
        return False
    return root.tag == DIV and root.getnext() is None
