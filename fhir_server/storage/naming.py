"""Names of tables, columns and indexes: FHIR's own words in snake case, short enough and never reserved.

https://www.postgresql.org/docs/current/sql-syntax-lexical.html and https://www.sqlite.org/lang_keywords.html
"""

from __future__ import annotations

import hashlib

from fhir_server.mappings.words import snake_words

MAX_LENGTH = 63  # PostgreSQL cuts longer identifiers silently

# Words that at least one of the two databases refuses unquoted as a table or column name.
_WORDS = """
    abort action add after all alter analyse analyze and any array as asc asymmetric attach authorization autoincrement
    before begin between binary both by cascade case cast check collate collation column commit concurrently conflict
    constraint create cross current current_catalog current_date current_role current_schema current_time
    current_timestamp current_user database default deferrable deferred delete desc detach distinct do drop each else
    end escape except exclude exclusive exists explain fail false fetch filter following for foreign freeze from full
    generated glob grant group groups having if ignore ilike immediate in index indexed initially inner insert instead
    intersect into is isnull join lateral leading left like limit localtime localtimestamp match materialized
    natural no not nothing notnull null nulls of offset on only or order others outer over overlaps partition placing
    plan pragma preceding primary query raise range recursive references regexp reindex release rename replace restrict
    returning right rollback row rows savepoint select session_user similar some symmetric system_user table tablesample
    temp temporary then ties to trailing transaction trigger true unbounded union unique update user using vacuum values
    variadic verbose view virtual when where window with without
"""
RESERVED = frozenset(_WORDS.split())

# Columns that the schema itself puts into tables and views.
STRUCTURAL = frozenset({"key", "ordinal", "coding", "main_date", "position", "id", "last_updated"})


def table_name(resource_type: str) -> str:
    """Return the main table of a type; a reserved word gets "_resource" behind it ("group_resource")."""
    name = snake_words(resource_type)
    return f"{name}_resource" if name in RESERVED else name


def column_name(name: str) -> str:
    """Return `name` as a column; a reserved or structural word gets "_value" behind it."""
    return f"{name}_value" if name in RESERVED or name in STRUCTURAL else name


def shortened(name: str) -> str:
    """Return `name`, cut to 63 characters with a hash of the whole when it is longer."""
    if len(name) <= MAX_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: MAX_LENGTH - 9]}_{digest}"


def own_table(resource_type: str, element: str) -> str:
    """Return the table of a repeating element of a type: "Patient", "searchNick" give "patient_search_nick"."""
    return shortened(f"{table_name(resource_type)}_{snake_words(element)}")
