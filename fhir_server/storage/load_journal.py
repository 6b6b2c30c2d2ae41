"""What the loader has stored of which files: written with the records themselves, so that both are there or none.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select

from fhir_server.errors import Conflict
from fhir_server.storage.database import Database
from fhir_server.storage.session import Session
from fhir_server.storage.tables import load_journal


class AlreadyLoaded(Conflict):
    """Someone else has loaded the same part of the same file."""


def left(database: Database, digest: str, part: int) -> tuple[int, ...] | None:
    """Return the places of what is not stored of a part; None when the part was never loaded.

    digest  SHA-256 of the file
    part    number of the part, -1 for the whole file
    """
    statement = select(load_journal.c.left).where(load_journal.c.digest == digest, load_journal.c.part == part)
    rows = database.read(lambda session: session.select(statement))
    return tuple(int(place) for place in rows[0].left.split(",") if place) if rows else None


def note(session: Session, digest: str, part: int, places: Sequence[int], now: datetime, *, once: bool) -> None:
    """Enter in the open transaction that a part is stored, but for what stands at `places`.

    once  raise AlreadyLoaded when the journal says exactly that already
    """
    here = (load_journal.c.digest == digest, load_journal.c.part == part)
    text = ",".join(map(str, places))
    rows = session.select(select(load_journal.c.left).where(*here))
    if once and rows and rows[0].left == text:
        raise AlreadyLoaded("This part of the file has been loaded already.", code="duplicate")
    if rows:
        session.execute(delete(load_journal).where(*here))
    # Of two loaders at once the second one waits here for the first, fails on the key, and finds the line on its retry.
    session.execute(insert(load_journal).values(digest=digest, part=part, left=text, loaded=now))
