"""The store's tables in memory: the same schema and the same compiled searches, for a few resources at a time.

https://www.sqlite.org/inmemorydb.html
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import cached_property
from typing import Any

from sqlalchemy import Dialect, Select, TableClause, create_engine, make_url
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.visitors import iterate

from fhir_server.storage.database import Database
from fhir_server.storage.parts import Parts
from fhir_server.storage.projection import Projector
from fhir_server.storage.references import Kind, Reference, classify
from fhir_server.storage.schema import build_schema
from fhir_server.storage.search.statement import Statement, Statements

MARK = "#"
"""Begins the id of a contained resource in memory, so that it is never taken for a resource of that id."""


class Tabled(Statement):
    """A statement that knows its tables.

    tables  name -> table
    """

    def __init__(self, select: Select[Any], dialect: Dialect) -> None:
        super().__init__(select, dialect)
        self.tables = {each.name: each for each in iterate(select) if isinstance(each, TableClause)}


class _Statements(Statements):
    def get(self, shape: Hashable, make: Callable[[], Select[Any]]) -> Statement:
        return self.fact(shape, lambda: Tabled(make(), self._dialect))


class Miniature(Parts):
    """The parts of a store, with tables in memory in place of its own."""

    @cached_property
    def statements(self) -> Statements:
        """The compiled searches in memory."""
        return _Statements(self.database.engine.dialect)


def miniature(parts: Parts) -> Miniature:
    """Return the miniature of a store, made once for each state of its search parameters."""
    return parts.statements.fact("miniature", lambda: _made(parts))


def _made(parts: Parts) -> Miniature:
    known = {field.name: getattr(parts, field.name) for field in fields(Parts) if not field.name.startswith("_")}
    url = make_url("sqlite://")
    engine = create_engine(url, poolclass=NullPool)  # gives the dialect; `Excerpt` opens connections of its own
    schema = parts.schema
    if schema.dialect_name != "sqlite":
        schema = build_schema(schema.mappings, "sqlite")
    known |= {
        "database": Database(url, engine, statement_timeout=0, lock_timeout=0),
        "schema": schema,
        "projector": Projector(schema, parts.base_url, understand=_understood),
    }
    return Miniature(**known)


def _understood(text: str, base_url: str) -> Reference:
    """Return what a reference means; "#Patient/p" stands for the contained Patient with the id p."""
    if text.startswith(MARK):
        kind, slash, id_ = text.removeprefix(MARK).partition("/")
        if slash:
            return Reference(Kind.LOCAL, text, kind, MARK + id_)
    return classify(text, base_url)
