"""Proves that what is derived equals what it is derived from: projection(document) == rows, references, versions.

https://hl7.org/fhir/R4/http.html#versions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select

from fhir_server.storage.added import MOST_VALUES
from fhir_server.storage.check_references import check_references
from fhir_server.storage.common import LOOSE_REFERENCE
from fhir_server.storage.database import open_database
from fhir_server.storage.layout import Table
from fhir_server.storage.naming import own_table
from fhir_server.storage.parts import Parts
from fhir_server.storage.rebuild import Progress, project, projection_tables
from fhir_server.storage.session import Session, quoted
from fhir_server.storage.tables import resource, resource_reference, resource_version
from fhir_server.storage.text.check import text_differences
from fhir_server.storage.text.tables import text_search

_BATCH = 500
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

    progress(type, done, total) is called after every batch. Reads in batches, each of one state of the database. The
    time a statement may take is not limited.
    """
    with _unhurried(parts) as calm:
        return _differences(calm, progress)


@contextmanager
def _unhurried(parts: Parts) -> Iterator[Parts]:
    """Give a connection of its own whose statements may take their time: whole tables are read, and nobody waits."""
    database = open_database(parts.database.url.render_as_string(hide_password=False), statement_timeout=0)
    try:
        yield replace(parts, database=database)
    finally:
        database.close()


def _differences(parts: Parts, progress: Progress) -> list[Difference]:
    found: list[Difference] = []
    kinds = parts.database.read(lambda session: session.select(select(resource.c.type).distinct()))
    for resource_type in sorted(row.type for row in kinds):
        found += _type(parts, resource_type, progress)
    found += _orphans(parts)
    for mismatch in check_references(parts):
        place = (mismatch.type, mismatch.id, resource_reference.name)
        found.append(Difference(*place, mismatch.missing, mismatch.extra))
    found += _versions(parts)
    found += [Difference(type_, id_, text_search.name, *counts) for type_, id_, *counts in text_differences(parts)]
    return found


def _type(parts: Parts, resource_type: str, progress: Progress) -> Iterator[Difference]:
    count = select(func.count()).where(resource.c.type == resource_type, ~resource.c.deleted)
    total = parts.database.read(lambda session: session.select(count))[0][0]
    position = done = 0
    unbuilt = {own_table(entry.type, entry.name) for entry in parts.custom.building()}
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
                if table.name in unbuilt:
                    continue
                there = _rows(session, table, position, last) if table.type else _common(session, table, [*ids])
                there = [parts.projector.comparable(row) for row in there]
                meant = wanted.get(table.name, [])
                if table.name == LOOSE_REFERENCE:
                    meant, there = _complete(parts, meant), _complete(parts, there)
                yield from _compare(resource_type, ids, table.name, meant, there)
        position, done = last, done + len(rows)
        progress(resource_type, done, total)


def _complete(parts: Parts, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the loose references without those of custom parameters that are being built or dropped."""
    kept = {entry.number for entry in parts.custom.entries.values() if entry.state == "active"}
    return [row for row in rows if row[1] < MOST_VALUES or row[1] // MOST_VALUES in kept]


def _rows(session: Session, table: Table, low: int, high: int) -> list[tuple[Any, ...]]:
    """Return the rows of a type's own table with keys in (low, high]: those of deleted resources would show too."""
    mark = session.placeholder
    text = f"{_select(table)} WHERE key > {mark} AND key <= {mark}"
    found: list[tuple[Any, ...]] = session.raw.execute(text, (low, high)).fetchall()
    return found


def _common(session: Session, table: Table, keys: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the rows that a table of all types has for some resources."""
    if not keys:
        return []
    text = f"{_select(table)} WHERE key IN ({', '.join([session.placeholder] * len(keys))})"
    found: list[tuple[Any, ...]] = session.raw.execute(text, keys).fetchall()
    return found


def _select(table: Table) -> str:
    names = ", ".join(quoted(column.name) for column in table.columns)
    return f"SELECT {names} FROM {quoted(table.name)}"  # noqa: S608 - names of our own tables


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
