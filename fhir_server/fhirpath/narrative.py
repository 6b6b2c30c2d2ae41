"""The rules of XHTML narrative that htmlChecks() stands for.

https://hl7.org/fhir/R4/narrative.html#rules
"""

from __future__ import annotations

import re

from lxml import etree

XHTML = "{http://www.w3.org/1999/xhtml}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_ELEMENT_NAMES = """
    a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4
    h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
_ATTRIBUTE_NAMES = """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset
    cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel
    rev rowspan rules scope shape span src start style summary tabindex title type usemap valign value vspace width
"""
# Names in lxml's notation. The validation of narratives uses the same lists.
ELEMENTS = frozenset(XHTML + name for name in _ELEMENT_NAMES.split())
ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split()) | {_XML + "lang", _XML + "space", _XML + "id"}
_ACTIVE = re.compile(r"\s*(?:javascript|vbscript|data(?!:image/(?!svg)))\s*:", re.IGNORECASE)
_MAX_LENGTH = 2_000_000


def is_allowed(div: str) -> bool:
    """Return whether `div` is well-formed XHTML of the elements FHIR allows, with a text or an image in it."""
    if len(div) > _MAX_LENGTH or "<!DOCTYPE" in div:
        return False
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(div.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return False
    if root.tag != f"{XHTML}div":
        return False
    content = False
    for element in root.iter():
        if element.tag is etree.Comment:
            content = content or bool((element.tail or "").strip())
            continue
        if element.tag not in ELEMENTS or not _attributes_allowed(element):
            return False
        within = (element.text or "") if element is root else (element.text or "") + (element.tail or "")
        content = content or element.tag == f"{XHTML}img" or bool(within.strip())
    return content


def _attributes_allowed(element: etree._Element) -> bool:
    return all(name in ATTRIBUTES and not _ACTIVE.match(str(value)) for name, value in element.attrib.items())
