"""Proves that what is derived equals what it is derived from: projection(document) == rows, references, versions.

https://hl7.org/fhir/R4/http.html#versions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from fhir_server.formats import json
from fhir_server.storage.dialects import Lock
from fhir_server.storage.integrity import Reader
from fhir_server.storage.layout import Table
from fhir_server.storage.parts import Parts
from fhir_server.storage.rebuild import Progress, project, projection_tables
from fhir_server.storage.references import Kind
from fhir_server.storage.session import Session, quoted
from fhir_server.storage.tables import resource, resource_reference, resource_version

_BATCH = 500
_LINKS_BATCH = 20_000
_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the database contradicts itself; names the place, never the values.

    type, id  the resource, "" where there is none any more
    table     the table
    missing   rows that should be there and are not
    extra     rows that are there and should not be
    """

    type: str
    id: str
    table: str
    missing: int
    extra: int


def check(parts: Parts, progress: Progress) -> list[Difference]:
    """Compare everything that is derived with what it is derived from; return the differences, [] when there are none.

    progress(type, done, total) is called after every batch. Reads in batches, each of one state of the database.
    """
    found: list[Difference] = []
    kinds = parts.database.read(lambda session: session.select(select(resource.c.type).distinct()))
    for resource_type in sorted(row.type for row in kinds):
        found += _type(parts, resource_type, progress)
    found += _orphans(parts)
    found += _links(parts)
    found += _versions(parts)
    return found


def _type(parts: Parts, resource_type: str, progress: Progress) -> Iterator[Difference]:
    count = select(func.count()).where(resource.c.type == resource_type, ~resource.c.deleted)
    total = parts.database.read(lambda session: session.select(count))[0][0]
    position = done = 0
    while position < _END:
        with parts.database.snapshot() as session:
            chosen = select(resource.c.key, resource.c.version, resource.c.id).where(
                resource.c.type == resource_type, ~resource.c.deleted, resource.c.key > position
            )
            rows = session.select(chosen.order_by(resource.c.key).limit(_BATCH))
            last = rows[-1].key if len(rows) == _BATCH else _END
            ids = {row.key: row.id for row in rows}
            contents = parts.commands.contents(session, [(row.key, row.version) for row in rows])
            documents = {key: content for key, (_, content) in contents.items()}
            wanted = project(parts, session, resource_type, documents)
            for table in projection_tables(parts, resource_type):
                there = _rows(parts, session, table, position, last, ids if not table.type else None)
                yield from _compare(resource_type, ids, table.name, wanted.get(table.name, ()), there)
        position, done = last, done + len(rows)
        progress(resource_type, done, total)


def _rows(
    parts: Parts, session: Session, table: Table, low: int, high: int, keys: Mapping[int, str] | None
) -> list[tuple[Any, ...]]:
    """Return the rows of a table with keys in (low, high], as the projection makes them; only those of `keys`."""
    names = ", ".join(quoted(column.name) for column in table.columns)
    mark = session.placeholder
    text = f"SELECT {names} FROM {quoted(table.name)} WHERE key > {mark} AND key <= {mark}"  # noqa: S608 - our own
    found = session.raw.execute(text, (low, high)).fetchall()
    comparable = parts.projector.comparable
    return [comparable(row) for row in found if keys is None or row[0] in keys]


def _compare(
    resource_type: str,
    ids: Mapping[int, str],
    table: str,
    wanted: Sequence[tuple[Any, ...]],
    there: Sequence[tuple[Any, ...]],
) -> Iterator[Difference]:
    missing, extra = Counter(wanted), Counter(there)
    missing, extra = missing - extra, extra - missing
    lost, odd = Counter(row[0] for row in missing.elements()), Counter(row[0] for row in extra.elements())
    for key in sorted({*lost, *odd}):
        yield Difference(resource_type, ids.get(key, ""), table, lost[key], odd[key])


def _orphans(parts: Parts) -> Iterator[Difference]:
    """Find rows of the tables of all types that belong to no current resource."""
    for plain in parts.common_tables:
        table = parts.table(None, plain.name)
        living = select(resource.c.key).where(resource.c.key == table.c.key, ~resource.c.deleted)
        count = select(func.count()).select_from(table).where(~living.exists())
        ((extra,),) = parts.database.read(lambda session, count=count: session.select(count))  # type: ignore[misc]
        if extra:
            yield Difference("", "", table.name, 0, extra)


def _links(parts: Parts) -> Iterator[Difference]:
    """Compare `resource_reference` with the references in the documents."""
    reader = Reader(parts.base_url)
    position = 0
    while position < _END:
        with parts.database.snapshot() as session:
            chosen = select(resource.c.key, resource.c.type, resource.c.id, resource_version.c.content)
            chosen = chosen.join_from(
                resource,
                resource_version,
                (resource_version.c.key == resource.c.key) & (resource_version.c.version == resource.c.version),
            )
            chosen = chosen.where(~resource.c.deleted, resource.c.key > position)
            rows = session.select(chosen.order_by(resource.c.key).limit(_LINKS_BATCH))
            last = rows[-1].key if len(rows) == _LINKS_BATCH else _END
            wanted: dict[int, set[tuple[str, str]]] = {}
            for row in rows:
                read = reader.read(json.decode_trusted(row.content), row.content)
                wanted[row.key] = {(each.type, each.id) for each in read if each.kind is Kind.LOCAL}
            states = parts.commands.locate(session, sorted(set().union(*wanted.values())), Lock.NONE)
            keys = {(state.type, state.id): state.key for state in states}
            source = resource_reference.c.source
            stored = session.select(
                select(source, resource_reference.c.target).where(source > position, source <= last)
            )
        there: dict[int, set[int]] = {}
        for row in stored:
            there.setdefault(row.source, set()).add(row.target)
        names = {row.key: (row.type, row.id) for row in rows}
        for key in sorted({*wanted, *there}):
            expected = {keys[ref] for ref in wanted.get(key, ()) if ref in keys}
            found = there.get(key, set())
            if expected != found:
                place = names.get(key, ("", ""))
                yield Difference(*place, resource_reference.name, len(expected - found), len(found - expected))
        position = last


def _versions(parts: Parts) -> Iterator[Difference]:
    """Find resources whose versions are not 1, 2, 3 ... up to the current one."""
    made = (
        select(resource_version.c.key, func.count().label("count"), func.max(resource_version.c.version).label("last"))
        .group_by(resource_version.c.key)
        .subquery()
    )
    statement = (
        select(resource.c.type, resource.c.id, resource.c.version, func.coalesce(made.c.count, 0).label("count"))
        .join_from(resource, made, made.c.key == resource.c.key, isouter=True)
        .where(
            or_(
                func.coalesce(made.c.count, 0) != resource.c.version,
                func.coalesce(made.c.last, 0) != resource.c.version,
            )
        )
    )
    for row in parts.database.read(lambda session: session.select(statement)):
        missing = max(0, row.version - row.count)
        yield Difference(row.type, row.id, resource_version.name, missing, max(0, row.count - row.version))
