"""The fixed statements in PostgreSQL's words: arrays go over in one parameter, rows are locked in key order.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fhir_server.storage.dialects.commands import Commands, Lock, Ref, State
from fhir_server.storage.session import Row, Session, quoted

_MANY = 256  # conditional criteria in one transaction above which it locks all criteria of everybody at once
_EVERY_CRITERION = 7_310_226_105

# The content is read by a statement of its own: after waiting for a lock PostgreSQL looks again at the locked row
# only, so a join to the version that was current before would lose the row.
_LOCATE = """
SELECT r.type, r.id, r.key, r.version, r.settled, r.last_updated, r.deleted
FROM unnest(%s::text[], %s::text[]) AS wanted (type, id)
JOIN resource r ON r.type = wanted.type COLLATE "C" AND r.id = wanted.id COLLATE "C"
ORDER BY r.key
"""
_LOCATE_BY_LOCK = {lock: _LOCATE + (f"{lock.value} OF r" if lock.value else "") for lock in Lock}


class PostgresCommands(Commands):
    """Commands for PostgreSQL."""

    read = (
        "SELECT r.key, r.version, r.last_updated, v.method, v.content FROM resource r "
        "JOIN resource_version v ON v.key = r.key AND v.version = r.version WHERE r.type = %s AND r.id = %s"
    )
    vread = (
        "SELECT r.key, v.version, v.last_updated, v.method, v.content FROM resource r "
        "JOIN resource_version v ON v.key = r.key WHERE r.type = %s AND r.id = %s AND v.version = %s"
    )

    def moment(self, value: datetime) -> datetime:
        return value

    def allocate(self, session: Session, count: int) -> Sequence[int]:
        rows = session.fetch("SELECT nextval('resource_key') FROM generate_series(1, %s)", (count,))
        return sorted(row[0] for row in rows)

    def locate(self, session: Session, refs: Iterable[Ref], lock: Lock) -> list[State]:
        wanted = list(refs)
        if not wanted:
            return []
        types, ids = [ref[0] for ref in wanted], [ref[1] for ref in wanted]
        return [State._make(row) for row in session.fetch(_LOCATE_BY_LOCK[lock], (types, ids))]

    def contents(self, session: Session, versions: Iterable[tuple[int, int]]) -> dict[int, tuple[str, str]]:
        wanted = list(versions)
        if not wanted:
            return {}
        rows = session.fetch(
            "SELECT v.key, v.method, v.content FROM unnest(%s::bigint[], %s::integer[]) AS wanted (key, version) "
            "JOIN resource_version v ON v.key = wanted.key AND v.version = wanted.version",
            ([key for key, _ in wanted], [version for _, version in wanted]),
        )
        return {key: (method, content) for key, method, content in rows}

    def promise(self, session: Session, rows: Sequence[Row]) -> None:
        keys, types, ids, _, _, moments, _ = zip(*rows, strict=True)
        session.fetch(
            "INSERT INTO resource (key, type, id, version, settled, last_updated, deleted) "
            "SELECT key, type, id, 0, 0, %s::timestamptz, true "
            "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t (key, type, id) ON CONFLICT (type, id) DO NOTHING",
            (moments[0], list(keys), list(types), list(ids)),
        )

    def advance(self, session: Session, rows: Sequence[tuple[int, int, int, datetime, bool]]) -> None:
        session.fetch(
            "UPDATE resource r SET version = t.version, settled = t.settled, last_updated = t.last_updated, "
            "deleted = t.deleted FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[], "
            "%s::boolean[]) AS t (key, version, settled, last_updated, deleted) WHERE r.key = t.key",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def remove(self, session: Session, keys: Mapping[str, Sequence[int]]) -> None:
        if not keys:
            return
        # One statement for all tables: each CTE deletes from one of them.
        tables = sorted(keys)
        parts = [
            f"d{number} AS (DELETE FROM {quoted(table)} WHERE key = ANY(%s::bigint[]))"  # noqa: S608 - our own names
            for number, table in enumerate(tables)
        ]
        session.raw.execute(f"WITH {', '.join(parts)} SELECT 1", [list(keys[table]) for table in tables])

    def unlink(self, session: Session, pairs: Sequence[tuple[int, int]]) -> None:
        session.fetch(
            "DELETE FROM resource_reference r USING unnest(%s::bigint[], %s::bigint[]) AS t (target, source) "
            "WHERE r.target = t.target AND r.source = t.source",
            ([target for target, _ in pairs], [source for _, source in pairs]),
        )

    def linked(self, session: Session, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        rows = session.fetch(
            "SELECT r.target, r.source FROM unnest(%s::bigint[], %s::bigint[]) AS t (target, source) "
            "JOIN resource_reference r ON r.target = t.target AND r.source = t.source",
            ([target for target, _ in pairs], [source for _, source in pairs]),
        )
        return {(target, source) for target, source in rows}

    def referrers(self, session: Session, targets: Sequence[int]) -> list[tuple[int, str]]:
        rows = session.fetch(
            "SELECT DISTINCT t.target, s.type FROM unnest(%s::bigint[]) AS t (target) "
            "JOIN resource_reference x ON x.target = t.target AND x.source <> t.target "
            "JOIN resource s ON s.key = x.source ORDER BY 1, 2",
            (list(targets),),
        )
        return [(target, kind) for target, kind in rows]

    def guard(self, session: Session, numbers: Sequence[int]) -> None:
        # Advisory locks live in shared memory (6,400 by default). A transaction that needs very many takes one that
        # everybody else shares instead.
        if len(numbers) > _MANY:
            session.fetch("SELECT pg_advisory_xact_lock(%s)", (_EVERY_CRITERION,))
            return
        session.fetch("SELECT pg_advisory_xact_lock_shared(%s)", (_EVERY_CRITERION,))
        session.fetch("SELECT pg_advisory_xact_lock(n) FROM unnest(%s::bigint[]) AS n", (list(numbers),))
