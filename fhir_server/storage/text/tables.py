"""The tables of the full text search: whose words wait to be indexed, and the words that are.

https://www.postgresql.org/docs/current/gin.html and https://www.sqlite.org/fts5.html#external_content_tables

    text_queue   one row for each version that was written since; no index, no key: a write only ever appends to it
    text_search  one row per living resource: the version that was read, and its words
    text_index   SQLite only: the FTS5 index over the words of text_search; PostgreSQL has two GIN indexes on them

What is not in the queue is in `text_search` with its current version, or deleted and not in it: a write appends its
version to the queue in its own transaction, and whoever takes a row out has brought `text_search` up to that version
or a later one in the same transaction (see `index`).
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Integer, Table, Text, column, func
from sqlalchemy import literal_column as sql
from sqlalchemy import table as light_table
from sqlalchemy import text as statement

from fhir_server.storage.columns import column_type
from fhir_server.storage.tables import core_metadata

text_queue = Table(
    "text_queue",
    core_metadata,
    Column("key", column_type("key"), nullable=False, comment="the resource"),
    Column("version", Integer, nullable=False, comment="a version that was written"),
    comment="Versions whose words are not indexed yet; searches read their documents",
)

text_search = Table(
    "text_search",
    core_metadata,
    Column("key", column_type("key"), primary_key=True, autoincrement=False, comment="the resource"),
    Column("type", column_type("text"), nullable=False, comment="its type"),
    Column("version", Integer, nullable=False, comment="the version that was read"),
    Column("narrative", column_type("text"), nullable=False, comment="words of the narrative, for _text"),
    Column("rest", column_type("text"), nullable=False, comment="all other words; _content searches both"),
    comment="The words of every resource, without case and accents",
)

text_index = light_table("text_index", column("rowid", Integer), column("text_index", Text))

QUEUE_COLUMNS = tuple(each.name for each in text_queue.columns)
SEARCH_COLUMNS = tuple(each.name for each in text_search.columns)

_FEW_WORDS = 1_000_000  # bytes; a tsvector must not be larger than 1,048,575


def create_text(connection: Connection) -> None:
    """Create those tables of this module that are missing, and the indexes."""
    core_metadata.create_all(connection, [text_queue, text_search])
    if connection.dialect.name == "sqlite":
        # The words are folded already; this tokenizer takes them as they are. Phrases are looked up in the words.
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE IF NOT EXISTS text_index USING fts5 (narrative, rest, content = 'text_search', "
            "content_rowid = 'key', tokenize = 'ascii', detail = 'column')"
        )
        return
    for name, own in (("narrative", True), ("content", False)):
        where = [str(is_short(text_search)), *(["narrative <> ''"] if own else [])]
        connection.execute(
            statement(
                f"CREATE INDEX IF NOT EXISTS text_search_{name} ON text_search "
                f"USING gin (({vector(text_search, narrative=own)})) WHERE {' AND '.join(where)}"
            )
        )
    connection.execute(
        statement(
            f"CREATE INDEX IF NOT EXISTS text_search_long ON text_search (key) WHERE NOT ({is_short(text_search)})"
        )
    )
    # It empties all the time: what is dead must go soon, because every search walks through it.
    connection.execute(
        statement(
            "ALTER TABLE text_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, "
            "autovacuum_vacuum_insert_threshold = -1)"
        )
    )


def words_in(words: FromClause, *, narrative: bool) -> ColumnElement[str]:
    """Return the words that are searched: those of the narrative, or all."""
    return words.c.narrative if narrative else words.c.narrative.op("||")(words.c.rest)


def vector(words: FromClause, *, narrative: bool) -> ColumnElement[object]:
    """Return the tsvector that PostgreSQL indexes: the words as they are, parsed by nobody."""
    pieces = func.string_to_array(words_in(words, narrative=narrative), sql("' '"))
    return func.array_to_tsvector(func.array_remove(pieces, sql("''")))


def is_short(words: FromClause) -> ColumnElement[bool]:
    """Return whether the words of a row fit into a tsvector; the few that do not are read from end to end."""
    size = func.octet_length(words.c.narrative) + func.octet_length(words.c.rest)
    return size <= sql(str(_FEW_WORDS))
