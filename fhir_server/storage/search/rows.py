"""Reads the columns every search statement begins with.

https://hl7.org/fhir/R4/resource.html#metadata
"""

from __future__ import annotations

from fhir_server.storage.model import Version
from fhir_server.storage.session import Row, moment

FIXED = 7
"""type, id, version, last_updated, key, method, content; sort values follow."""


def version_of(row: Row) -> Version:
    """Return the version in the first columns of a row."""
    type_, id_, version, last_updated, key, method, content = row[:FIXED]
    return Version(type_, id_, version, moment(last_updated), False, content, key, method)
