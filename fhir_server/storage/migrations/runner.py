"""Runs what is missing, alone: two servers that start at once do not both migrate.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, inspect, select

from fhir_server.definitions import load
from fhir_server.errors import StoreUnavailable
from fhir_server.mappings import mappings_for
from fhir_server.storage.bounded import BoundedConnection
from fhir_server.storage.conflicts import DRIVER_ERRORS, translated
from fhir_server.storage.database import Database, create_sqlite_file
from fhir_server.storage.migrations.additions import add_missing, create_all, create_views, drop_views, fingerprint
from fhir_server.storage.migrations.steps import LATEST, MIGRATIONS
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.storage.tables import create_core, projection_build, resource, schema_version
from fhir_server.storage.text.tables import create_text

_NEWER = "The database was migrated by a newer version of this program."
_LOCK = 7_310_226_104  # any number, the same for all starters


def migrate(database: Database, schema: Schema | None = None) -> list[str]:
    """Bring `database` up to date and return the names of the migrations that ran, [] when there was nothing to do.

    An SQLite file that does not exist is made. Types whose tables changed are entered in `projection_build`: their
    searches are refused until `reproject` has filled them. Raises StoreUnavailable.
    """
    schema = schema or build_schema(mappings_for(load()), database.dialect)
    if database.dialect == "sqlite":
        create_sqlite_file(database.url)
    try:
        with database.engine.connect() as connection, _alone(connection):
            if not _has_tables(connection):
                return _create(connection, schema)
            return _advance(connection, schema)
    except DRIVER_ERRORS as error:
        raise translated(error) from None


def is_empty(database: Database) -> bool:
    """Say whether no migration ever ran on `database` (an SQLite file that does not exist counts as empty)."""
    if database.dialect == "sqlite" and not Path(str(database.url.database)).exists():
        return True
    return not database.read(lambda session: _has_tables(session.core))


def require_current(database: Database, schema: Schema) -> None:
    """Raise StoreUnavailable, with what to do, when the tables of `database` are not those of `schema`."""
    newest = select(schema_version.c.number, schema_version.c.fingerprint).order_by(schema_version.c.number.desc())
    there = database.read(lambda session: _has_tables(session.core))
    rows = database.read(lambda session: session.select(newest.limit(1))) if there else []
    if rows and rows[0].number > LATEST:
        raise StoreUnavailable(_NEWER)
    if not rows or rows[0].number < LATEST or rows[0].fingerprint != fingerprint(schema):
        raise StoreUnavailable("The database's tables are not those this program needs: run `fhir-server migrate`.")


def _has_tables(connection: Connection) -> bool:
    return inspect(connection).has_table(schema_version.name)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA busy_timeout = 60000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
        return
    driver = connection.connection.driver_connection
    if isinstance(driver, BoundedConnection):
        driver.limit = None  # an index over a large table takes its time
    connection.exec_driver_sql("SET statement_timeout = 0; SET lock_timeout = 0")
    connection.execute(select(func.pg_advisory_lock(_LOCK)))
    try:
        # A lock that traffic holds must stop the migration after a while, not the traffic behind the migration.
        connection.exec_driver_sql("SET lock_timeout = '10s'")
        yield
    finally:
        connection.execute(select(func.pg_advisory_unlock(_LOCK)))


def _create(connection: Connection, schema: Schema) -> list[str]:
    if not inspect(connection).has_table(resource.name):  # else an earlier creation was cut off
        with _transaction(connection):
            create_core(connection)
            create_text(connection)
    create_all(connection, schema)
    with _transaction(connection):
        schema_version.create(connection)
        _mark(connection, schema, 0)
    return [MIGRATIONS[0].name]


def _advance(connection: Connection, schema: Schema) -> list[str]:
    done: list[str] = []
    rows = connection.execute(select(schema_version.c.number, schema_version.c.fingerprint)).all()
    number = max(row.number for row in rows)
    if number > LATEST:
        raise StoreUnavailable(_NEWER)
    for migration in MIGRATIONS:
        if migration.number > number:
            with _transaction(connection):
                migration.run(connection, schema)
                _mark(connection, schema, migration.number - 1, migration.number)
            done.append(migration.name)
    wanted = fingerprint(schema)
    if done or all(row.fingerprint != wanted for row in rows if row.number == number):
        with _transaction(connection):
            drop_views(connection, schema)
            changed = add_missing(connection, schema.metadata)
            create_views(connection, schema)
            _rebuild(connection, {kind for kind in schema.types if _touched(schema, kind, changed)})
            connection.execute(
                schema_version.update().where(schema_version.c.number == LATEST).values(fingerprint=wanted)
            )
        done.append("additions of the mappings")
    return done


def _touched(schema: Schema, resource_type: str, changed: set[str]) -> bool:
    return any(table.name in changed for table in schema.tables_of(resource_type))


def _rebuild(connection: Connection, types: set[str]) -> None:
    for resource_type in sorted(types):
        connection.execute(delete(projection_build).where(projection_build.c.type == resource_type))
        connection.execute(insert(projection_build).values(type=resource_type, position=0, gaps=True))


def _mark(connection: Connection, schema: Schema, above: int, upto: int = LATEST) -> None:
    now, print_ = datetime.now(UTC), fingerprint(schema)
    for migration in MIGRATIONS:
        if above < migration.number <= upto:
            values = {"number": migration.number, "name": migration.name, "fingerprint": print_, "applied": now}
            connection.execute(insert(schema_version).values(values))


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Open a transaction on the autocommit connection; SQLite is in one already, for the whole migration."""
    if connection.dialect.name == "sqlite":
        yield
        return
    connection.exec_driver_sql("BEGIN")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
