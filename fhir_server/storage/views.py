"""Views for people: the tables with FHIR ids instead of keys, open intervals as NULL, the first coding of concepts.

https://www.postgresql.org/docs/current/sql-createview.html

`v_appointment` has one row per appointment: key, id, last_updated, every column of the main table with `_id` instead
of `_key`, and `_system`, `_code`, `_display` of each single concept that has a table of its own. Core types also have a
view per repeating element (`v_appointment_participant`), whose `key` and `id` are those of the resource.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhir_server.mappings import CORE
from fhir_server.storage.columns import EARLIEST, LATEST, instant_text
from fhir_server.storage.layout import Column, Field, Layout, Table
from fhir_server.storage.naming import shortened


def view_statements(layout: Layout, dialect_name: str) -> Iterator[tuple[str, str]]:
    """Yield (name, CREATE VIEW statement) of a type's views, each complete without the others."""
    writer = _Writer(layout, dialect_name)
    main, *children = layout.tables
    yield writer.view(main)
    if layout.type in CORE:
        parts = {field.parts for field in layout.fields.values()}
        for child in children:
            if child.name not in parts and "coding" not in child.primary:
                yield writer.view(child)


class _Writer:
    """Writes the views of one type."""

    def __init__(self, layout: Layout, dialect_name: str) -> None:
        self.layout = layout
        self.dialect_name = dialect_name

    def view(self, table: Table) -> tuple[str, str]:
        """Return the name and text of the view over a table."""
        main = self.layout.tables[0]
        select = ["t.key", "r.id", *(["r.last_updated"] if table is main else [])]
        joins = ["JOIN resource r ON r.key = t.key"]
        taken = {column.name for column in table.columns}
        for number, column in enumerate(table.columns[1:]):
            if column.kind == "key":
                base = column.name.removesuffix("_key")
                shown = f"{base}_id" if f"{base}_id" not in taken else f"{base}_resource_id"
                joins.append(f"LEFT JOIN resource r{number} ON r{number}.key = t.{column.name}")
                select.append(f"r{number}.id AS {shown}")
            elif column.use != "search":
                select.append(self._shown(column))
        for number, field in enumerate(self._concepts(table)):
            name = field.table.removeprefix(f"{table.name}_")
            levels = "".join(
                f" AND c{number}.{at} = t.{own}" for at, own in zip(field.levels, table.levels, strict=True)
            )
            joins.append(f"LEFT JOIN {field.table} c{number} ON c{number}.key = t.key{levels} AND c{number}.coding = 0")
            select += [f"c{number}.{role} AS {name}_{role}" for role in _CODING]
        name = shortened(f"v_{table.name}")
        columns = ",\n    ".join(select)
        return name, f"CREATE VIEW {name} AS\nSELECT\n    {columns}\nFROM {table.name} t\n" + "\n".join(joins)

    def _concepts(self, table: Table) -> list[Field]:
        """Return the concepts with a table of their own of which a row of `table` has one at most."""
        levels = len(table.levels)
        below = f"{table.path}." if table is not self.layout.tables[0] else f"{self.layout.type}."
        return [
            field
            for field in self.layout.fields.values()
            if field.kind == "concept"
            and len(field.levels) == levels
            and field.table != table.name
            and f"{self.layout.type}.{field.path}".startswith(below)
        ]

    def _shown(self, column: Column) -> str:
        if column.use not in ("start", "end"):
            return f"t.{column.name}"
        edge = instant_text(EARLIEST if column.use == "start" else LATEST)
        literal = f"'{edge}'" if self.dialect_name == "sqlite" else f"TIMESTAMP WITH TIME ZONE '{edge}+00'"
        return f"NULLIF(t.{column.name}, {literal}) AS {column.name}"


_CODING = ("system", "code", "display")
