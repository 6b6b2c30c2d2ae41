"""What every text body has in common: it is UTF-8, and says so by being readable as UTF-8.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from fhir_server.errors import MalformedContent, UnsupportedMediaType

_BOM = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def plain_utf8(raw: bytes, language: str) -> bytes:
    """Return the body without a UTF-8 byte order mark.

    language  "JSON" or "XML", for the messages
    Raises MalformedContent for an empty body, UnsupportedMediaType for UTF-16 and UTF-32.
    """
    if raw.startswith(_BOM):
        raw = raw[len(_BOM) :]
    if raw.startswith(_WIDE_MARKS) or b"\0" in raw[:4]:
        raise UnsupportedMediaType(f"FHIR {language} is UTF-8; this body looks like UTF-16 or UTF-32.")
    if not raw or raw.isspace():
        raise MalformedContent(f"The body is empty; a {language} document was expected.")
    return raw
