"""The fixed statements in SQLite's words: no round trip costs anything, and the one writer needs no locks.

https://www.sqlite.org/lang_transaction.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fhir_server.storage.columns import instant_text, read_instant
from fhir_server.storage.dialects.commands import Commands, Lock, Ref, State
from fhir_server.storage.session import Row, Session, quoted


class SqliteCommands(Commands):
    """Commands for SQLite."""

    read = (
        "SELECT r.key, r.version, r.last_updated, v.method, v.content FROM resource r "
        "JOIN resource_version v ON v.key = r.key AND v.version = r.version WHERE r.type = ? AND r.id = ?"
    )
    vread = (
        "SELECT r.key, v.version, v.last_updated, v.method, v.content FROM resource r "
        "JOIN resource_version v ON v.key = r.key WHERE r.type = ? AND r.id = ? AND v.version = ?"
    )

    def moment(self, value: datetime) -> str:
        return instant_text(value)

    def allocate(self, session: Session, count: int) -> Sequence[int]:
        ((after,),) = session.fetch("UPDATE resource_key SET next = next + ? RETURNING next", (count,))
        return range(after - count, after)

    def locate(self, session: Session, refs: Iterable[Ref], lock: Lock) -> list[State]:  # noqa: ARG002
        execute = session.raw.execute
        found: list[State] = []
        for ref in refs:
            row = execute(
                "SELECT type, id, key, version, settled, last_updated, deleted FROM resource WHERE type = ? AND id = ?",
                ref,
            ).fetchone()
            if row is not None:
                found.append(State._make((*row[:5], read_instant(row[5]), bool(row[6]))))
        found.sort(key=lambda state: state.key)
        return found

    def contents(self, session: Session, versions: Iterable[tuple[int, int]]) -> dict[int, tuple[str, str]]:
        execute = session.raw.execute
        found: dict[int, tuple[str, str]] = {}
        for pair in versions:
            row = execute("SELECT method, content FROM resource_version WHERE key = ? AND version = ?", pair).fetchone()
            if row is not None:
                found[pair[0]] = row
        return found

    def promise(self, session: Session, rows: Sequence[Row]) -> None:
        session.raw.executemany(
            "INSERT INTO resource (key, type, id, version, settled, last_updated, deleted) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (type, id) DO NOTHING",
            [(*row[:5], instant_text(row[5]), row[6]) for row in rows],
        )

    def advance(self, session: Session, rows: Sequence[tuple[int, int, int, datetime, bool]]) -> None:
        session.raw.executemany(
            "UPDATE resource SET version = ?, settled = ?, last_updated = ?, deleted = ? WHERE key = ?",
            [(version, settled, instant_text(moment), deleted, key) for key, version, settled, moment, deleted in rows],
        )

    def remove(self, session: Session, keys: Mapping[str, Sequence[int]]) -> None:
        for table in sorted(keys):
            statement = f"DELETE FROM {quoted(table)} WHERE key = ?"  # noqa: S608 - names of our own tables
            session.raw.executemany(statement, [(key,) for key in keys[table]])

    def unlink(self, session: Session, pairs: Sequence[tuple[int, int]]) -> None:
        session.raw.executemany("DELETE FROM resource_reference WHERE target = ? AND source = ?", pairs)

    def linked(self, session: Session, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        execute = session.raw.execute
        text = "SELECT 1 FROM resource_reference WHERE target = ? AND source = ?"
        return {pair for pair in pairs if execute(text, pair).fetchone() is not None}

    def referrers(self, session: Session, targets: Sequence[int]) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for target in targets:
            rows = session.fetch(
                "SELECT DISTINCT s.type FROM resource_reference x JOIN resource s ON s.key = x.source "
                "WHERE x.target = ? AND x.source <> x.target ORDER BY 1",
                (target,),
            )
            found += [(target, kind) for (kind,) in rows]
        return found

    def guard(self, session: Session, numbers: Sequence[int]) -> None:
        """BEGIN IMMEDIATE came before the search and is the whole guard: there is one writer."""
