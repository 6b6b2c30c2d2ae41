"""Writes the data dictionary: every table and column with the FHIR element it holds, and how the core types relate.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html

    python -m fhir_server.storage.dictionary docs/reference/data-dictionary.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from fhir_server.definitions import load
from fhir_server.mappings import CORE, mappings_for
from fhir_server.storage.common import COMMON_TABLES
from fhir_server.storage.ddl import TYPE_NAMES
from fhir_server.storage.layout import Column, Layout, Table
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.storage.tables import core_metadata, schema_version
from fhir_server.storage.text import tables as _text_tables  # noqa: F401 - they are among those of core_metadata

_INTRODUCTION = """\
# Data dictionary

Generated from the mappings (`python -m fhir_server.storage.dictionary FILE`); do not edit.

## How to read the tables

Each resource type has one main table with **one row per resource** and child tables with **one row per value** of a
repeating element. The document itself is in `resource_version.content`; these tables hold what people query and what
search needs.

| column | meaning |
|---|---|
| `key` | the resource: `resource.key`. `JOIN resource r ON r.key = t.key` gives its FHIR `id` |
| `ordinal`, `<element>_ordinal` | position in the list, from 0; outer elements first |
| `coding` | position of a coding within its concept. The last row may hold a text that no coding's display gives |
| `x`, `x_until` | a date, dateTime or instant: its first moment, and the first after it (2026-11: 1 Nov, 1 Dec) |
| `x_start`, `x_end` | a Period or Timing, half-open: `x_end` is the first moment after it; open: {earliest}, {latest} |
| `x_key`, `x_type` | a reference: key of the target here and, where several types are possible, its type |
| `x_system`, `x_code`, `x_display` or `x_text` | a code; for a concept its first coding |
| `x_folded` | the text without case and accents, for search |
| `x_low`, `x_high` | exact bounds of a number, for search |
| `main_date` | copy of the type's main date, so that one index serves a filter and the sort |

All moments are UTC. On PostgreSQL they are `timestamptz`; on SQLite text such as `2026-11-20 08:30:00.000000`, which
sorts and which `date()` understands. Bounds are `numeric` on PostgreSQL and sortable text on SQLite.

A reference that no key stands for (another server, an identifier alone, a contained resource, a version) has a row in
`loose_reference`, found by `key`, `path` and `ordinal`.

A search parameter that was added at run time has a table `<type>_search_<code>` (`key`, `ordinal`, then the columns of
its search type as above), which is named in no list here: `custom_parameter` names them.

**Views** give the same with FHIR ids instead of keys and NULL for open ends: `v_<main table>` for every type, and for
the core types `v_<child table>` too. Their `key` and `id` are those of the resource. See
[ten useful queries](sql-queries.md).
"""


def dictionary(schema: Schema) -> str:
    """Return the whole dictionary as markdown."""
    parts = [_introduction(), "## How the core types relate\n", _diagram(schema), "## Tables of the store\n"]
    parts += [_stored(table) for table in (*core_metadata.sorted_tables, schema_version)]
    parts.append("## Tables of all types\n")
    parts += [_table(table) for table in COMMON_TABLES]
    parts.append("## Core types\n")
    for resource_type in CORE:
        layout = schema.layout(resource_type)
        parts.append(_heading(layout, schema))
        parts += [_table(table) for table in layout.tables]
    parts.append("## Other types\n")
    parts.append("Columns without a path are explained above.\n")
    parts += [_short(schema.layout(name), schema) for name in schema.types if name not in CORE]
    return "\n".join(parts)


def _introduction() -> str:
    return _INTRODUCTION.format(earliest="0001-01-02", latest="9999-12-31")


def _heading(layout: Layout, schema: Schema) -> str:
    views = ", ".join(f"`{name}`" for name, _ in schema.views(layout.type))
    date = f" Main date: `{layout.main_date}`." if layout.main_date else ""
    return f"### {layout.type}\n\nViews: {views}.{date}\n"


def _table(table: Table) -> str:
    types = TYPE_NAMES["postgresql"]
    rows = [
        f"| `{column.name}` | {types[column.kind].split(' COLLATE')[0].lower()} | {_path(column)} | {column.meaning} |"
        for column in table.columns
    ]
    head = f"#### `{table.name}`\n\n{table.path}. Primary key: {', '.join(f'`{name}`' for name in table.primary)}.\n"
    return "\n".join([head, "| column | type | FHIR path | meaning |", "|---|---|---|---|", *rows, ""])


def _stored(table: sa.Table) -> str:
    """Return one of the tables that do not depend on a mapping; its words stand in its declaration."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    rows = [
        f"| `{column.name}` | {column.type.compile(dialect).split(' COLLATE')[0].lower()} | {column.comment} |"
        for column in table.columns
    ]
    keys = ", ".join(f"`{column.name}`" for column in table.primary_key) or "none"
    head = f"#### `{table.name}`\n\n{table.comment}. Primary key: {keys}.\n"
    return "\n".join([head, "| column | type | meaning |", "|---|---|---|", *rows, ""])


def _path(column: Column) -> str:
    return f"`{_TYPED.sub(_of_type, column.path)}`" if column.path else ""


_TYPED = re.compile(r":(\w+)")


def _of_type(match: re.Match[str]) -> str:
    return f".ofType({match[1]})"


def _short(layout: Layout, schema: Schema) -> str:
    lines = [_heading(layout, schema)]
    for table in layout.tables:
        columns = ", ".join(f"`{column.name}`" for column in table.columns)
        lines.append(f"* `{table.name}` ({table.path}): {columns}")
    return "\n".join([*lines, ""])


def _diagram(schema: Schema) -> str:
    layouts = [schema.layout(resource_type) for resource_type in CORE]
    mains = {layout.type: layout.tables[0].name for layout in layouts}
    relations = [line for layout in layouts for line in _relations(layout, mains)]
    shown = {word for line in relations for word in line.split(" : ")[0].split()} & {
        table.name for layout in layouts for table in layout.tables
    }
    entities = [
        line for layout in layouts for table in layout.tables if table.name in shown for line in _entity(table, layout)
    ]
    return "\n".join(["```mermaid", "erDiagram", *relations, *entities, "```", ""])


def _relations(layout: Layout, mains: dict[str, str]) -> Iterator[str]:
    """Yield an edge for each reference between core types, and one from each child table to its main table."""
    main = layout.tables[0].name
    joined: set[str] = set()
    for field in layout.fields.values():
        targets = [mains[name] for name in field.to if name in mains] if field.kind == "reference" else []
        if targets and field.table != main and field.table not in joined:
            joined.add(field.table)
            yield f"    {main} ||--o{{ {field.table} : key"
        for target in targets:
            yield f"    {field.table} }}o--o| {target} : {field.columns['key']}"


def _entity(table: Table, layout: Layout) -> Iterator[str]:
    codes = {field.columns["value"] for field in layout.fields.values() if field.kind == "code"}
    yield f"    {table.name} {{"
    for column in table.columns:
        if column.kind == "key" or (column.use != "search" and (column.kind == "instant" or column.name in codes)):
            mark = " PK" if column.name == "key" else " FK" if column.kind == "key" else ""
            kind = {"key": "bigint", "instant": "timestamptz"}.get(column.kind, "text")
            yield f"        {kind} {column.name}{mark}"
    yield "    }"


def main(path: Path) -> None:
    """Write the dictionary to `path`."""
    path.write_text(dictionary(build_schema(mappings_for(load()), "postgresql")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
