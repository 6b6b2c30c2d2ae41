"""Takes away the indexes of earlier versions that others do the work of.

https://www.sqlite.org/queryplanner.html#covidx

A code was indexed with its system before the date, now with the date before the system: the rows of a code come in the
order of time whether a system is asked for or not. The end of a date was indexed apart from its start: it lies a year
behind it at most, so the index of the start finds both.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from fhir_server.storage.layout import Index, Table
from fhir_server.storage.naming import shortened
from fhir_server.storage.schema import Schema


def leaner_indexes(connection: Connection, schema: Schema) -> None:
    """Drop the indexes; those that stand in for them are made with the additions of the mappings."""
    for table in schema.plain_tables():
        wanted = {index.name for index in table.indexes}
        for name in _earlier(table):
            if name not in wanted:
                connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def _earlier(table: Table) -> Iterator[str]:
    for index in table.indexes:
        if index.columns[-1] not in ("key", *table.primary):
            yield _named(table, _system_second(index))
    for column in table.columns:
        if column.kind == "instant" and (column.name == "until" or column.name.endswith("_until")):
            yield _named(table, (column.name, "key"))


def _system_second(index: Index) -> tuple[str, ...]:
    code, *others, system = index.columns
    return code, system, *others


def _named(table: Table, columns: tuple[str, ...]) -> str:
    return shortened(f"ix_{table.name}_{'_'.join(columns)}")
