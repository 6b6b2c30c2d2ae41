"""Rebuilds the projection of stored resources while the server works: type by type, batch by batch, from where it was.

https://hl7.org/fhir/R4/search.html

Each batch is one transaction that replaces the rows of its resources, so readers see old rows or new ones, never none.
Where tables are new or grew (see `migrations`), rows are missing until the type is done: its searches are refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from sqlalchemy import delete, func, insert, select, update

from fhir_server.errors import UnknownType
from fhir_server.formats import json
from fhir_server.storage.conflicts import DRIVER_ERRORS, meaning, translated
from fhir_server.storage.database import Database
from fhir_server.storage.dialects import Lock
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.integrity import Reader
from fhir_server.storage.longest import note_spans
from fhir_server.storage.parts import Parts, projected
from fhir_server.storage.references import Kind
from fhir_server.storage.session import Session
from fhir_server.storage.tables import projection_build, resource
from fhir_server.storage.text.index import rewrite

Progress = Callable[[str, int, int], None]
_BATCH = 500
_TRIES = 5


class Source(Protocol):
    """Gives the parts of the store as they are."""

    parts: Parts

    def within(self, session: Session) -> Parts:
        """Return the parts as a session sees them."""


def unfinished(database: Database) -> list[str]:
    """Return the types that an earlier run or a migration left unfinished."""
    statement = select(projection_build.c.type).order_by(projection_build.c.type)
    return [row.type for row in database.read(lambda session: session.select(statement))]


def reproject(source: Source, types: Collection[str] | None, progress: Progress) -> int:
    """Rebuild the projection of `types`, by default of those left unfinished, or of all when there are none.

    progress(type, done, total) is called after every batch. Can be stopped at any moment and started again: it goes on
    behind the last finished batch. Returns the number of resources. Raises UnknownType.
    """
    parts = source.parts
    for resource_type in types or ():
        if resource_type not in parts.schema.types:
            raise UnknownType("There is no such resource type.")
    pending = _enter(parts, types)
    return sum(_rebuild(source, resource_type, progress) for resource_type in pending)


def _enter(parts: Parts, types: Collection[str] | None) -> list[str]:
    with parts.database.transaction() as session:
        rows = session.select(select(projection_build.c.type).order_by(projection_build.c.type))
        pending = [row.type for row in rows]
        wanted: Iterable[str] = types if types is not None else (() if pending else parts.schema.types)
        for resource_type in wanted:
            if resource_type not in pending:
                session.execute(insert(projection_build).values(type=resource_type, position=0, gaps=False))
                pending.append(resource_type)
        return pending if types is None else sorted(types)


def _rebuild(source: Source, resource_type: str, progress: Progress) -> int:
    count = select(func.count()).select_from(resource)
    count = count.where(resource.c.type == resource_type, ~resource.c.deleted)
    total = source.parts.database.read(lambda session: session.select(count))[0][0]
    done = 0
    while True:
        made = _batch(source, resource_type)
        if not made:
            return done
        done += made
        progress(resource_type, done, total)


def _batch(source: Source, resource_type: str) -> int:
    """Rebuild the next batch in a transaction and return its size; 0 when the type is finished."""
    tried = 0
    while True:
        tried += 1
        try:
            with source.parts.database.transaction() as session:
                return _rebuild_next(source.within(session), session, resource_type)
        except DRIVER_ERRORS as error:
            if not meaning(error).again or tried == _TRIES:
                raise translated(error) from None
        time.sleep(0.1 * tried)


def _rebuild_next(parts: Parts, session: Session, resource_type: str) -> int:
    here = projection_build.c.type == resource_type
    rows = session.select(select(projection_build.c.position).where(here).with_for_update())
    if not rows:
        return 0
    chosen = select(resource.c.key, resource.c.version).where(
        resource.c.type == resource_type, resource.c.key > rows[0].position, ~resource.c.deleted
    )
    chosen = chosen.order_by(resource.c.key).limit(_BATCH).with_for_update(key_share=True)
    versions = [(row.key, row.version) for row in session.select(chosen)]
    if not versions:
        session.execute(delete(projection_build).where(here))
        return 0
    contents = parts.commands.contents(session, versions)
    documents = {key: contents[key][1] for key, _ in versions}
    replace_rows(parts, session, resource_type, documents)
    rewrite(parts, session, resource_type, {key: (version, documents[key]) for key, version in versions})
    session.execute(update(projection_build).where(here).values(position=versions[-1][0]))
    return len(versions)


def replace_rows(parts: Parts, session: Session, resource_type: str, documents: dict[int, str]) -> None:
    """Delete the projected rows of resources and write them anew. `documents` is key -> JSON text."""
    tables = [table.name for table in projection_tables(parts, resource_type)]
    parts.commands.remove(session, {table: list(documents) for table in tables})
    made = project(parts, session, resource_type, documents)
    note_spans(parts, session, [resource_type], made)
    for table in sorted(made):
        session.insert(table, parts.columns(resource_type, table), made[table])


def projection_tables(parts: Parts, resource_type: str) -> Sequence[Any]:
    """Return the plain descriptions of the tables that can hold rows of a type."""
    return (*parts.common_tables, *parts.schema.layout(resource_type).tables)


def project(
    parts: Parts, session: Session, resource_type: str, documents: dict[int, str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return table -> rows for stored documents, references resolved with the keys that exist."""
    reader = Reader(parts.base_url)
    decoded = {key: json.decode_trusted(content) for key, content in documents.items()}
    targets: dict[int, set[Ref]] = {}
    for key, document in decoded.items():
        read = reader.read(document, documents[key])
        targets[key] = {(each.type, each.id) for each in read if each.kind is Kind.LOCAL}
    states = parts.commands.locate(session, sorted(set().union(*targets.values())), Lock.NONE)
    keys = {(state.type, state.id): state.key for state in states}
    made: dict[str, list[tuple[Any, ...]]] = {}
    for key, document in decoded.items():
        for table, rows in projected(parts, resource_type, key, document, targets[key], keys).items():
            made.setdefault(table, []).extend(rows)
    return made
