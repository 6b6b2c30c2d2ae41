"""How a search is answered: the plan in words, the SQL, the indexes the database chooses, the rows it reads.

https://www.postgresql.org/docs/current/using-explain.html and https://www.sqlite.org/eqp.html

Nothing here holds a value, neither of the request nor of a record: what the databases say of conditions is dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.storage.access import Access
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.parts import Parts
from fhir_server.storage.search.included import Included
from fhir_server.storage.search.kind import unsupported_parameter
from fhir_server.storage.search.plan import Plan
from fhir_server.storage.search.run import SEARCHING, Run, planned, reading
from fhir_server.storage.search.statement import Statement
from fhir_server.storage.search.text import settled
from fhir_server.storage.session import Row, Session

_MOST_STATEMENTS = 20
# SQLite: "SEARCH t USING COVERING INDEX i (key=?)", "SCAN t", "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)".
_STEP = re.compile(
    r"(?P<node>SCAN|SEARCH) (?P<name>\S+)(?: USING (?P<kind>[A-Z ]*?)(?:INDEX (?P<index>\S+))?(?: \(|$))?"
)
_NAMED = re.compile(r'(?:FROM|JOIN|,)\s+"?(?P<table>\w+)"? AS "?(?P<alias>\w+)"?')


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the database.

    depth      how deep it lies in the tree of steps, 0 for the outermost
    node       what it does, in the database's words
    table      the table it reads, "" for none
    index      the index it uses, "" for none
    rows_read  rows it looked at, all repetitions together; None where the database does not count
    rows       rows it passed on; None where the database does not count
    """

    depth: int
    node: str
    table: str = ""
    index: str = ""
    rows_read: int | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement.

    purpose       what it is for
    sql           its text, with placeholders for all values
    steps         what the database does, outermost step first
    rows          rows it returned
    rows_read     rows the steps that read tables and indexes looked at, None where the database does not count
    blocks        8 kB blocks that were touched, None where the database does not count
    milliseconds  time it took, None where the database does not measure
    """

    purpose: str
    sql: str
    steps: tuple[Step, ...]
    rows: int
    rows_read: int | None = None
    blocks: int | None = None
    milliseconds: float | None = None

    @property
    def indexes(self) -> list[str]:
        """The indexes it uses, each once."""
        return list(dict.fromkeys(step.index for step in self.steps if step.index))


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a search was answered.

    words       the plan, a sentence each
    statements  what was asked of the database, in order
    left_out    how many further statements were run without being explained
    """

    words: tuple[str, ...]
    statements: tuple[Explained, ...]
    left_out: int = 0


def explain(parts: Parts, access: Access, request: SearchRequest) -> Explanation:
    """Carry out a search and return how that was done. Errors as `search` raises them."""
    if request.contained != "false":
        raise unsupported_parameter("A search with _contained cannot be explained: it is not answered by SQL alone.")
    with settled(parts.texts, (name for name, _ in request.parameters)):
        return _Explainer(parts, access, planned(parts, access, request, SEARCHING, reading(parts))).explanation()


class _Explainer:
    def __init__(self, parts: Parts, access: Access, plan: Plan) -> None:
        self._parts = parts
        self._plan = plan
        self._read = reading(parts)
        self._purpose = ""
        self._found: list[Explained] = []
        self._left_out = 0
        self._run = Run(parts, access, plan, SEARCHING, self._fetch)
        self._included = Included(parts, access, plan.includes, SEARCHING, self._fetch)

    def explanation(self) -> Explanation:
        plan, run = self._plan, self._run
        if plan.total or not plan.count:
            self._purpose = "total"
            run.total()
        if plan.count:
            self._purpose = "page"
            rows = run.rows(plan.position, plan.count + 1)[: plan.count]
            if plan.includes and rows:
                self._purpose = "included resources"
                behind = plan.position.includes if plan.position is not None else -1
                self._included.of([row.version for row in rows], behind)
        return Explanation(tuple(self._words()), tuple(self._found), self._left_out)

    def _words(self) -> Iterator[str]:
        plan, scope = self._plan, self._run.compiler.scope
        what = plan.type or " or ".join(kind for kind in plan.types if kind) or "every type"
        yield f"Resources of {what} are searched."
        for node in plan.nodes:
            yield f"Condition: {node.words()}."
        if not plan.nodes:
            yield "There is no condition."
        yield f"The statement starts from the table {scope.driver.table.element.name}."  # type: ignore[attr-defined]
        keys = [f"{key.code} {'descending' if key.descending else 'ascending'}" for key in plan.sort]
        yield f"Order: {', then '.join(keys)}." if keys else "Order: whatever the first index gives, then by key."
        yield f"A page has {plan.count} matches at most." if plan.count else "Only the total is wanted."
        if plan.position is not None:
            yield "It is a later page: the order is entered where the page before ended, nothing is skipped over."
        for include in plan.includes:
            yield f"Included: {include.words()}."
        if self._parts.database.dialect == "sqlite":
            yield "SQLite tells which indexes it uses, and not how many rows it reads: only rows returned are counted."

    def _fetch(self, made: Statement, values: dict[str, Any]) -> list[Row]:
        if len(self._found) == _MOST_STATEMENTS:
            self._left_out += 1
            return self._read(made, values)
        bound = made.bound(values)
        postgres = self._parts.database.dialect == "postgresql"
        found = self._parts.database.read(lambda session: _asked(session, made.sql, bound, postgres=postgres))
        rows = self._read(made, values)
        self._found.append(
            _of_postgres(self._purpose, made.sql, found[0][0], len(rows))
            if postgres
            else Explained(self._purpose, made.sql, tuple(_of_sqlite(made.sql, found)), len(rows))
        )
        return rows


def _asked(session: Session, sql: str, bound: Any, *, postgres: bool) -> list[Row]:
    return session.run(
        f"{'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)' if postgres else 'EXPLAIN QUERY PLAN'} {sql}", bound
    )


def _of_postgres(purpose: str, sql: str, answer: Any, rows: int) -> Explained:
    (whole,) = json.loads(answer) if isinstance(answer, str) else answer
    plan = whole["Plan"]
    steps = tuple(_steps(plan, 0))
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    read = sum(step.rows_read or 0 for step in steps)
    return Explained(purpose, sql, steps, rows, read, blocks, whole.get("Execution Time"))


def _steps(plan: Mapping[str, Any], depth: int) -> Iterator[Step]:
    """Yield the steps of a plan; its conditions are left out because they hold values."""
    loops = plan.get("Actual Loops", 1)
    given = round(plan.get("Actual Rows", 0) * loops)
    table, index = plan.get("Relation Name", ""), plan.get("Index Name", "")
    dropped = sum(plan.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Index Recheck"))
    read = round((plan.get("Actual Rows", 0) + dropped) * loops) if table or index else None
    yield Step(depth, plan["Node Type"], table, index, read, given)
    for below in plan.get("Plans", ()):
        yield from _steps(below, depth + 1)


def _of_sqlite(sql: str, rows: list[Row]) -> Iterator[Step]:
    """Yield the steps of EXPLAIN QUERY PLAN: (id, parent, unused, text); it names tables by their aliases."""
    tables = {found["alias"]: found["table"] for found in _NAMED.finditer(sql)}
    depths = {0: -1}
    for number, parent, _, text in rows:
        depths[number] = depth = depths.get(parent, -1) + 1
        found = _STEP.match(text)
        if found is None:
            yield Step(depth, re.sub(r"\(.*\)", "", text).strip())
            continue
        kind = (found["kind"] or "").strip()
        index = found["index"] or ("primary key" if "PRIMARY KEY" in kind else "")
        yield Step(depth, f"{found['node']} {kind}".strip(), tables.get(found["name"], found["name"]), index)
