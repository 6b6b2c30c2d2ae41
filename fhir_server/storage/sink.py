"""What one projection collects: rows by table, and the references that no key can stand for.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = list[Any]
Identity = tuple[int, ...]
Handler = Callable[[Any, Row, Identity, "Sink"], None]
"""handler(value, row, identity, sink): write `value` into `row`, or add rows to `sink`.

identity is (key, ordinals ...) of the row the value belongs to."""

Resolve = Callable[[str, str], int | None]


class Sink:
    """The rows of one document while they are made."""

    __slots__ = ("date", "document", "key", "loose", "resolve", "rows")

    def __init__(self, key: int, document: dict[str, Any], resolve: Resolve) -> None:
        self.key = key
        self.document = document
        self.resolve = resolve
        self.date: Any = None
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.loose: list[tuple[Any, ...]] = []

    def contained_type(self, resource_id: str) -> str | None:
        """Return the type of a contained resource, None where the document contains none with that id."""
        for resource in self.document.get("contained", ()):
            if resource.get("id") == resource_id:
                found: str = resource["resourceType"]
                return found
        return None

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        """Add a row to a table."""
        rows = self.rows.get(table)
        if rows is None:
            self.rows[table] = [row]
        else:
            rows.append(row)
