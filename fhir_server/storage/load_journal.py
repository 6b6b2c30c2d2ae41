"""What the loader has stored of which files: written with the records themselves, so that both are there or none.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select

from fhir_server.storage.database import Database
from fhir_server.storage.session import Session
from fhir_server.storage.tables import load_journal


def left(database: Database, digest: str, part: int) -> tuple[int, ...] | None:
    """Return the places of what is not stored of a part; None when the part was never loaded.

    digest  SHA-256 of the file
    part    number of the part, -1 for the whole file
    """
    statement = select(load_journal.c.left).where(load_journal.c.digest == digest, load_journal.c.part == part)
    rows = database.read(lambda session: session.select(statement))
    return tuple(int(place) for place in rows[0].left.split(",") if place) if rows else None


def note(session: Session, digest: str, part: int, places: Sequence[int], now: datetime) -> None:
    """Enter in the open transaction that a part is stored, but for what stands at `places`."""
    session.execute(delete(load_journal).where(load_journal.c.digest == digest, load_journal.c.part == part))
    text = ",".join(map(str, places))
    session.execute(insert(load_journal).values(digest=digest, part=part, left=text, loaded=now))
