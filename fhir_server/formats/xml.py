"""FHIR XML to dictionaries and back; the dictionary is the one FHIR JSON has.

https://hl7.org/fhir/R4/xml.html

Comments outside narratives are lost, everything else is kept: decimals as written, order, ids, extensions of
primitives, the source text of narratives.
"""

from __future__ import annotations

from typing import Any

from fhir_server.errors import MalformedContent
from fhir_server.formats.xml_narrative import sources
from fhir_server.formats.xml_parse import parse
from fhir_server.formats.xml_read import read
from fhir_server.formats.xml_write import write


def decode(raw: bytes, *, max_depth: int = 64) -> dict[str, Any]:
    """Return the resource in an XML document as the dictionary its JSON would give.

    max_depth  deepest nesting of FHIR elements; a narrative's own elements are bounded by 256 in all
    Numbers and booleans that are none stay text, for the validator to report.
    Raises MalformedContent (structure) for anything that is not FHIR XML, UnsupportedMediaType for other encodings.
    """
    try:
        return read(parse(raw), sources(raw), max_depth)
    except RecursionError:
        raise MalformedContent("The document nests elements too deep.") from None


def encode(resource: dict[str, Any], *, pretty: bool = False) -> bytes:
    """Return the resource as an XML document in UTF-8.

    Raises Invalid for content that R4 does not define, which has no XML form.
    """
    return write(resource, pretty=pretty).encode()
