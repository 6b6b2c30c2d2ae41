"""String parameters: the beginning of a text, without case and accents; `:exact` and `:contains`.

https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, false, func

from fhir_server.storage.fold import PREFIX_LENGTH, fold
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.escape import unescape
from fhir_server.storage.search.kind import Context, column, wrong
from fhir_server.storage.targets import SearchTarget

MODIFIERS = frozenset({"exact", "contains"})
_SHORTEST_CONTAINS = 2
_SURROGATES = (0xD800, 0xE000)
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Text:
    """A text to look for: as it was written, and folded as the index holds it."""

    written: str
    folded: str


def parse(text: str, modifier: str, context: Context) -> Text:  # noqa: ARG001
    """Return the text of a string value."""
    written = unescape(text)
    found = Text(written, fold(written))
    if modifier == "contains" and len(found.folded) < _SHORTEST_CONTAINS:
        raise wrong("A text for :contains needs two characters at least.")
    return found


def condition(value: Text, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    """Return when a row matches the text."""
    if "folded" not in target.columns:
        return column(target, table, "value") == value.written
    folded = column(target, table, "folded")
    if modifier == "contains":
        return folded.contains(value.folded, autoescape=True)
    if modifier == "exact":
        whole = column(target, table, "value") == value.written
        return and_(prefix_of(folded) == value.folded[:PREFIX_LENGTH], whole) if target.prefix else whole
    return starts_with(folded, value.folded)


def starts_with(folded: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return when a folded column begins with `text`, as a range of the index."""
    if not text:
        return false()  # nothing is left of the value: it names no text
    head = text[:PREFIX_LENGTH]
    part = prefix_of(folded)
    conditions = [part >= head]
    above = following(head)
    if above is not None:
        conditions.append(part < above)
    if len(text) > PREFIX_LENGTH:
        conditions.append(func.substr(folded, 1, len(text)) == text)
    return and_(*conditions)


def following(text: str) -> str | None:
    """Return the least text that is greater than every text that begins with `text`; None when there is none."""
    for position in range(len(text) - 1, -1, -1):
        code = ord(text[position]) + 1
        if _SURROGATES[0] <= code < _SURROGATES[1]:
            code = _SURROGATES[1]
        if code <= _LAST:
            return text[:position] + chr(code)
    return None
