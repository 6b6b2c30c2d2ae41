"""Knows which types cannot be searched because their projection has gaps: a search never answers with holes.

https://hl7.org/fhir/R4/search.html#errors
"""

from __future__ import annotations

import time

from sqlalchemy import select

from fhir_server.errors import Unavailable
from fhir_server.storage.database import Database
from fhir_server.storage.tables import projection_build


class Gaps:
    """Which types have gaps in their projection, read from the database every few seconds."""

    _FRESH = 2.0  # seconds

    def __init__(self, database: Database) -> None:
        self._database = database
        self._types: frozenset[str] = frozenset()
        self._until = 0.0

    def refuse(self, resource_type: str | None) -> None:
        """Raise Unavailable when a search over `resource_type` (None: all types) would miss resources."""
        if time.monotonic() > self._until:
            statement = select(projection_build.c.type).where(projection_build.c.gaps)
            rows = self._database.read(lambda session: session.select(statement))
            self._types = frozenset(row.type for row in rows)
            self._until = time.monotonic() + self._FRESH
        if self._types and (resource_type is None or resource_type in self._types):
            raise Unavailable(
                "The search tables are being rebuilt and would not show everything yet. Please try again later.",
                headers={"Retry-After": "60"},
            )
