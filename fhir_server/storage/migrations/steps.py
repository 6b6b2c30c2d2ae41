"""The migrations, oldest first; each brings an existing database one step further.

https://www.postgresql.org/docs/current/ddl-alter.html

An empty database does not walk through them: it gets the newest tables at once and is marked with all their numbers.
Tables, columns and indexes that a mapping adds need no entry here: `additions` finds and makes them, and the types
concerned are projected anew. A step is for what that cannot do: renaming, dropping, changing a type, moving data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from fhir_server.storage.layout import span_columns
from fhir_server.storage.longest import OPEN
from fhir_server.storage.migrations.canonical_units import canonical_units
from fhir_server.storage.migrations.containers import containers
from fhir_server.storage.migrations.leaner_indexes import leaner_indexes
from fhir_server.storage.schema import Schema
from fhir_server.storage.tables import custom_parameter, custom_registry, main_span, resource
from fhir_server.storage.text.index import enqueue_all


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `run` gets a connection inside a transaction, and the schema as it is to be in the end."""

    number: int
    name: str
    run: Callable[[Connection, Schema], None]


def _baseline(connection: Connection, schema: Schema) -> None:
    """Number 1 is the creation itself; a database that has it needs nothing."""


def _custom_parameters(connection: Connection, schema: Schema) -> None:  # noqa: ARG001
    """Make the tables for search parameters that are added at run time."""
    for table in (custom_registry, custom_parameter):
        table.create(connection, checkfirst=True)


def _full_text(connection: Connection, schema: Schema) -> None:  # noqa: ARG001
    """Make the tables of the full text search; every resource waits to be indexed."""
    enqueue_all(connection)


def _main_spans(connection: Connection, schema: Schema) -> None:
    """Make the table of the longest main dates; what is there already may last for ever."""
    main_span.create(connection, checkfirst=True)
    for resource_type in schema.types:
        if span_columns(schema.layout(resource_type)) is not None:
            found = connection.execute(select(resource.c.key).where(resource.c.type == resource_type).limit(1))
            if found.first() is not None:
                connection.execute(insert(main_span).values(type=resource_type, days=OPEN))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "tables of the store and of every resource type", _baseline),
    Migration(2, "search parameters added at run time", _custom_parameters),
    Migration(3, "full text search", _full_text),
    Migration(4, "quantities in canonical units", canonical_units),
    Migration(5, "indexes that others do the work of", leaner_indexes),
    Migration(6, "how long main dates last", _main_spans),
    Migration(7, "which resources contain others", containers),
)
LATEST = MIGRATIONS[-1].number
