"""Uri parameters: equality of the whole URI; a canonical may name its version behind "|".

https://hl7.org/fhir/R4/search.html#uri
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, false

from fhir_server.storage.search.escape import unescape
from fhir_server.storage.search.kind import Context, column, equals
from fhir_server.storage.targets import SearchTarget

MODIFIERS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri value: the whole text, and the same taken apart at its last "|"."""

    whole: str
    url: str
    version: str


def parse(text: str, modifier: str, context: Context) -> Uri:  # noqa: ARG001
    """Return the URI of a value."""
    whole = unescape(text)
    url, _, version = whole.rpartition("|")
    return Uri(whole, url or whole, version if url else "")


def condition(value: Uri, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:  # noqa: ARG001
    """Return when a row holds the URI."""
    if "version" not in target.columns:
        return equals(target, table, "value", value.whole) if "value" in target.columns else false()
    found = equals(target, table, "value", value.url)
    return and_(found, column(target, table, "version") == value.version) if value.version else found
