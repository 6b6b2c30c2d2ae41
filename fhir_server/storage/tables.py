"""The tables every resource type shares: who exists, every version there ever was, who refers to whom.

https://hl7.org/fhir/R4/http.html#versions

    resource            one row per resource: its number (`key`), type, id and which version is current
    resource_version    one row per version, never changed: the document as text, stored once
    resource_reference  one row per pair of resources of which one refers to the other in its current version
    load_journal        files, or parts of them, that the loader has stored
    custom_parameter    search parameters added at run time, and how far their tables are filled
    custom_registry     one row that changes with them
    projection_build    types whose projection is being rebuilt
    main_span           how long the main dates of a type last at most
    schema_version      which migrations ran

`key` is a number from one sequence for all types, so that projections and references are narrow and joins need no
type. A row with version 0 is a promise: something refers to a resource that has not arrived (relaxed integrity).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fhir_server.storage.columns import Instant, column_type

KEY_SEQUENCE = "resource_key"


_Key = column_type("key")
_Name = column_type("text")

core_metadata = MetaData()

resource = Table(
    "resource",
    core_metadata,
    Column("key", _Key, primary_key=True, autoincrement=False, comment="number of the resource in this database"),
    Column("type", _Name, nullable=False, comment="resource type"),
    Column("id", _Name, nullable=False, comment="logical id"),
    Column("version", Integer, nullable=False, comment="current version; 0: referred to, not yet there"),
    Column("settled", Integer, nullable=False, comment="first version since which the compartments are unchanged"),
    Column("last_updated", Instant, nullable=False, comment="when the current version was made"),
    Column("deleted", Boolean, nullable=False, comment="true when the current version is a deletion"),
    UniqueConstraint("type", "id", name="resource_type_id"),
    comment="Every resource, with the version that is current",
)
Index(
    "resource_updated",
    resource.c.type,
    resource.c.last_updated,
    resource.c.key,
    postgresql_where=~resource.c.deleted,
    sqlite_where=~resource.c.deleted,
)

resource_version = Table(
    "resource_version",
    core_metadata,
    Column("key", _Key, nullable=False, comment="the resource"),
    Column("version", Integer, nullable=False, comment="1, 2, 3 ... without gaps"),
    Column("type", _Name, nullable=False, comment="resource type, for the history of a type"),
    Column("last_updated", Instant, nullable=False, comment="when this version was made"),
    Column("method", _Name, nullable=False, comment="create, update, patch or delete"),
    Column("content", Text, nullable=False, comment="the resource as JSON; empty for a deletion"),
    PrimaryKeyConstraint("key", "version"),
    Index("resource_version_type", "type", "last_updated", "key", "version"),
    Index("resource_version_time", "last_updated", "key", "version"),
    comment="Every version of every resource; rows are added and never changed",
)

resource_reference = Table(
    "resource_reference",
    core_metadata,
    Column("target", _Key, nullable=False, comment="the resource that is referred to"),
    Column("source", _Key, nullable=False, comment="the resource whose current version refers to it"),
    PrimaryKeyConstraint("target", "source"),
    comment="Who refers to whom, whatever element the reference stands in",
    sqlite_with_rowid=False,
)

# PostgreSQL gives keys from a sequence, SQLite from a row that the one writer counts up.
resource_key = Table(
    "resource_key",
    MetaData(),
    Column("next", Integer, primary_key=True, autoincrement=False),
    comment="The next free key",
)
key_sequence = Sequence(KEY_SEQUENCE, metadata=None, data_type=BigInteger)

schema_version = Table(
    "schema_version",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="number of the migration"),
    Column("name", Text, nullable=False, comment="what it did"),
    Column("fingerprint", Text, nullable=False, comment="hash of the projection's tables it left behind"),
    Column("applied", Instant, nullable=False, comment="when it ran"),
    comment="The migrations that ran on this database",
)

projection_build = Table(
    "projection_build",
    core_metadata,
    Column("type", _Name, primary_key=True, comment="resource type whose tables are being filled again"),
    Column("position", _Key, nullable=False, comment="resources up to this key are done"),
    Column("gaps", Boolean, nullable=False, comment="true when rows are missing: searches are refused until done"),
    comment="Types whose projection is being rebuilt",
)

main_span = Table(
    "main_span",
    core_metadata,
    Column("type", _Name, primary_key=True, comment="resource type"),
    Column("days", Integer, nullable=False, comment="days that the longest main date of the type ever lasted"),
    comment="How long the main dates of a type last at most, where that is more than a day",
)

load_journal = Table(
    "load_journal",
    core_metadata,
    Column("digest", _Name, nullable=False, comment="SHA-256 of a file that `fhir-server load` read"),
    Column("part", Integer, nullable=False, comment="part of the file; -1: the whole file"),
    Column("left", Text, nullable=False, comment="places in the part that are not stored, comma separated"),
    Column("loaded", Instant, nullable=False, comment="when"),
    PrimaryKeyConstraint("digest", "part"),
    comment="What the loader has stored, so that a second run goes on where the first one stopped",
)

custom_registry = Table(
    "custom_registry",
    core_metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("stamp", _Key, nullable=False, comment="a random number, another one after every change"),
    comment="Changes whenever a custom search parameter comes, goes or becomes searchable",
)

custom_parameter = Table(
    "custom_parameter",
    core_metadata,
    Column("number", Integer, primary_key=True, autoincrement=False, comment="its number"),
    Column("type", _Name, nullable=False, comment="resource type it searches"),
    Column("code", _Name, nullable=False, comment="its name in a URL"),
    Column("name", _Name, nullable=False, comment="the element that holds its values; names its table"),
    Column("owner", _Key, nullable=False, comment="the SearchParameter: resource.key"),
    Column("url", Text, nullable=False, comment="canonical of the SearchParameter"),
    Column("kind", _Name, nullable=False, comment="search type"),
    Column("expression", Text, nullable=False, comment="FHIRPath"),
    Column("targets", Text, nullable=False, comment="types a reference may point at, comma separated; empty: any"),
    Column("state", _Name, nullable=False, comment="waiting, building, active or retired"),
    Column("position", _Key, nullable=False, comment="resources up to this key are done"),
    Column("until", _Key, nullable=False, comment="the last key when building began: later ones bring their rows"),
    Column("done", _Key, nullable=False, comment="how many resources are done"),
    Column("total", _Key, nullable=False, comment="how many there were when building began"),
    Column("failed", _Key, nullable=False, comment="on how many of them the expression failed"),
    comment="Search parameters that were added while the server ran, one row for each type they search",
)

RESOURCE_COLUMNS = tuple(column.name for column in resource.columns)
VERSION_COLUMNS = tuple(column.name for column in resource_version.columns)
REFERENCE_COLUMNS = tuple(column.name for column in resource_reference.columns)


def create_core(connection: Connection) -> None:
    """Create the tables of this module in an empty database."""
    core_metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        resource_key.create(connection)
        connection.execute(resource_key.insert().values(next=1))
    else:
        key_sequence.create(connection)
        # lz4 packs twice as fast as the default, but a server can be built without it.
        offered = text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        if connection.execute(offered).scalar():
            connection.execute(text("ALTER TABLE resource_version ALTER COLUMN content SET COMPRESSION lz4"))
        connection.execute(text("ALTER TABLE resource SET (fillfactor = 90)"))
