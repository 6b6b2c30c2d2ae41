"""Checks the XHTML of a Narrative: well-formed, allowed elements and attributes only, nothing that runs, some content.

https://hl7.org/fhir/R4/narrative.html
"""

from __future__ import annotations

import re
import threading
from typing import Any

from lxml import etree

from fhir_server.fhirpath.narrative import ATTRIBUTES, ELEMENTS, XHTML
from fhir_server.validation.findings import Findings, Found, Scope
from fhir_server.validation.primitives import FAULTS

_DIV = XHTML + "div"
_LINKS = frozenset(("href", "src", "cite", "longdesc"))
_NOISE = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]|/\*.*?\*/|\\", re.DOTALL)
_ACTIVE_LINK = re.compile(
    r"(?:javascript|vbscript|livescript|data(?!:image/(?!svg))|file|about|blob|view-source):", re.IGNORECASE
)
_ACTIVE_STYLE = re.compile(
    r"expression\(|behaviou?r:|-moz-binding|@import|javascript:|vbscript:|data:text", re.IGNORECASE
)
_UUID_LINK = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _invalid(text: str) -> Findings:
    return [Found("", "invariant", text)]


class Narratives:
    """Checks `Narrative.div`; one XML parser a thread, because a parser is not shared well."""

    def __init__(self) -> None:
        self._local = threading.local()

    def _parser(self) -> etree.XMLParser:
        parser: etree.XMLParser | None = getattr(self._local, "parser", None)
        if parser is None:
            parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
            self._local.parser = parser
        return parser

    def check(self, value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
        """Check the text of `div` (txt-1, txt-2, and no DTD, processing instruction or script)."""
        if type(value) is not str or not value:
            return [Found("", *(FAULTS["xhtml"](value) or ("value", "The narrative is empty.")))]
        if "<!DOCTYPE" in value:
            return _invalid("A narrative must not hold a document type declaration (txt-1).")
        try:
            root = etree.fromstring(value, self._parser())
        except (etree.XMLSyntaxError, ValueError):
            return _invalid("The narrative is not well-formed XHTML; only XML's own five named entities exist (txt-1).")
        if root.tag != _DIV:
            return _invalid("The narrative must be one div element in the XHTML namespace (txt-1).")
        return self._walk(root)

    def _walk(self, root: Any) -> Findings:
        content = False
        for element in root.iter():
            tag = element.tag
            if tag not in ELEMENTS:
                fault = _element_fault(element)
                if fault:
                    return _invalid(fault)
                content = content or _visible(element.tail)
                continue
            if not content:
                content = _visible(element.text) or _visible(element.tail) or tag == XHTML + "img"
            attributes = element.items()
            if attributes:
                fault = _attribute_fault(attributes)
                if fault:
                    return _invalid(fault)
        return None if content else _invalid("The narrative holds no text and no image (txt-2).")


def _visible(text: str | None) -> bool:
    return text is not None and not text.isspace() and text != ""


def _element_fault(element: Any) -> str:
    """Say what is wrong with a node that is not an allowed element; "" for a comment."""
    if element.tag is etree.Comment:
        return ""
    if isinstance(element.tag, str):
        return "The narrative holds an element outside the basic formatting elements of XHTML (txt-1)."
    return "The narrative holds a processing instruction or an entity; neither may stand there (txt-1)."


def _attribute_fault(attributes: list[tuple[str, str]]) -> str:
    for name, value in attributes:
        if name not in ATTRIBUTES:
            return "The narrative holds an attribute outside the list that FHIR allows (txt-1)."
        if name in _LINKS:
            link = _NOISE.sub("", value)
            if _ACTIVE_LINK.match(link):
                return "The narrative holds a link that runs code or opens a local file (txt-1)."
            if link.startswith("urn:uuid:") and _UUID_LINK.fullmatch(link) is None:
                return "The narrative holds a link whose UUID is not complete (txt-1)."
        elif name == "style" and _ACTIVE_STYLE.search(_NOISE.sub("", value)):
            return "The narrative holds a style that runs code or loads a style sheet (txt-1)."
    return ""
