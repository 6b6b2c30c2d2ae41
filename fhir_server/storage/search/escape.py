r"""Splits search values at commas, bars and dollars, minding the escapes `\,` `\|` `\$` `\\`.

https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\([\\,|$])")


def split(text: str, separator: str) -> list[str]:
    """Return the parts of `text` between unescaped separators; escapes stay in the parts."""
    parts: list[str] = []
    start = position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    """Return `text` with its escapes taken away; a backslash before anything else stands for itself."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
