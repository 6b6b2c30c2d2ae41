"""Compares `resource_reference` with the references in the documents, in one pass over each of them.

https://hl7.org/fhir/R4/references.html

The table is kept by target and has no index by source, so that what a document refers to cannot be read from it by
document. Instead every pair that a document asks for is looked up by its key, and pairs are counted by slices of their
sources. A slice that holds more pairs than were looked up has pairs too many: those are found by a second pass over
the table, which reads the documents of such slices again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select

from fhir_server.formats import json
from fhir_server.storage.dialects import Lock
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.integrity import Reader
from fhir_server.storage.parts import Parts
from fhir_server.storage.references import Kind
from fhir_server.storage.session import Session
from fhir_server.storage.tables import resource, resource_reference, resource_version

_BATCH = 2_000  # documents, or pairs, that are read at once
_SLICE = 20_000  # keys in a slice
_MANY = 500  # slices that a statement can name
_END = 2**63 - 1
_row = resource_reference.c

Pair = tuple[int, int]  # target, source


class Mismatch(NamedTuple):
    """A resource whose references are not those of its document; type and id are "" where there is no resource."""

    type: str
    id: str
    missing: int
    extra: int


def check_references(parts: Parts) -> Iterator[Mismatch]:
    """Yield the resources whose rows in `resource_reference` are not those of their documents.

    Every batch sees one state of the database, and what changes meanwhile is no mismatch.
    """
    statement = select((_row.source // _SLICE).label("slice"), func.count().label("pairs")).group_by("slice")
    held = {row.slice: row.pairs for row in parts.database.read(lambda session: session.select(statement))}
    names: dict[int, Ref] = {}
    missing: Counter[int] = Counter()
    found: Counter[int] = Counter()
    position = 0
    while position < _END:
        with parts.database.snapshot() as session:
            documents = _documents(session, resource.c.key > position)
            wanted = _wanted(parts, session, documents)
            pairs = [(target, source) for source, targets in wanted.items() for target in targets]
            there = parts.commands.linked(session, pairs)
        found.update(source // _SLICE for _, source in there)
        for _, source in set(pairs) - there:
            names[source] = (documents[source].type, documents[source].id)
            missing[source] += 1
        position = max(documents) if len(documents) == _BATCH else _END
    extra = _extra(parts, [each for each, pairs in held.items() if pairs != found[each]], names)
    for source in sorted({*missing, *extra}):
        yield Mismatch(*names.get(source, ("", "")), missing[source], extra[source])


def _extra(parts: Parts, slices: Sequence[int], names: dict[int, Ref]) -> Counter[int]:
    """Return how many pairs too many each source has that lies in one of `slices`; enter their names."""
    extra: Counter[int] = Counter()
    if not slices:
        return extra
    within = (_row.source // _SLICE).in_(slices) if len(slices) <= _MANY else _row.source > 0
    position: Pair | None = (0, 0)
    while position is not None:
        with parts.database.snapshot() as session:
            behind = or_(_row.target > position[0], and_(_row.target == position[0], _row.source > position[1]))
            # Said twice, for the planner: what a primary key can begin with.
            chosen = select(_row.target, _row.source).where(_row.target >= position[0], behind, within)
            rows = session.select(chosen.order_by(_row.target, _row.source).limit(_BATCH))
            documents = _documents(session, resource.c.key.in_({row.source for row in rows}))
            wanted = _wanted(parts, session, documents)
        for row in rows:
            if row.target not in wanted.get(row.source, ()):
                extra[row.source] += 1
                if row.source in documents:
                    names[row.source] = (documents[row.source].type, documents[row.source].id)
        position = (rows[-1].target, rows[-1].source) if len(rows) == _BATCH else None
    return extra


def _documents(session: Session, condition: ColumnElement[bool]) -> dict[int, Any]:
    """Return key -> row (key, type, id, content) of the first living resources, by key, that meet a condition."""
    chosen = select(resource.c.key, resource.c.type, resource.c.id, resource_version.c.content).join_from(
        resource,
        resource_version,
        (resource_version.c.key == resource.c.key) & (resource_version.c.version == resource.c.version),
    )
    chosen = chosen.where(~resource.c.deleted, condition).order_by(resource.c.key).limit(_BATCH)
    return {row.key: row for row in session.select(chosen)}


def _wanted(parts: Parts, session: Session, documents: Mapping[int, Any]) -> dict[int, set[int]]:
    """Return key -> keys of the resources that the document refers to, as far as they are known."""
    reader = Reader(parts.base_url)
    refs: dict[int, set[Ref]] = {}
    for key, row in documents.items():
        read = reader.read(json.decode_trusted(row.content), row.content)
        refs[key] = {(each.type, each.id) for each in read if each.kind is Kind.LOCAL}
    states = parts.commands.locate(session, sorted(set().union(*refs.values())), Lock.NONE)
    keys = {(state.type, state.id): state.key for state in states}
    return {key: {keys[ref] for ref in named if ref in keys} for key, named in refs.items()}
