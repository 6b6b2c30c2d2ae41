"""`_text` (the narrative) and `_content` (everything): what the index finds, and what matches among what it lacks yet.

https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    func,
    not_,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy import literal_column as sql
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from fhir_server.storage.search.arrays import Array, in_array
from fhir_server.storage.search.kind import Marks, named, unsupported_parameter
from fhir_server.storage.search.node import TEXT, Node, Nothing
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.text.query import All, Query, Term, fts5, has_phrase, parse, terms, tsquery
from fhir_server.storage.text.tables import is_short, text_index, text_search, vector
from fhir_server.storage.text.waiting import Texts, Waiting

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

CODES = ("_text", "_content")


@dataclass(frozen=True, slots=True)
class Text(Nothing):
    """One `_text` or `_content` parameter. Made by `make`.

    query    what is asked
    waiting  what the index lacks, in the state of the database in which the statement will run
    """

    code: Literal["_text", "_content"]
    query: Query
    waiting: Waiting
    dialect: str

    @property
    def rank(self) -> int:
        return TEXT

    def shape(self) -> Hashable:
        return (self.code, _skeleton(self.query) if self._reads_words else "")

    @property
    def _reads_words(self) -> bool:
        # PostgreSQL reads at least those that are too long for its index.
        return self.dialect == "postgresql" or has_phrase(self.query)

    def data(self) -> tuple[Any, ...]:
        asked = tsquery(self.query) if self.dialect == "postgresql" else fts5(self.query)
        if self.dialect == "sqlite" and self.code == "_text":
            asked = f"narrative : {asked}"
        patterns = [term.pattern for term in terms(self.query)] if self._reads_words else []
        return (asked, self.waiting.stale, self.waiting.matched, *patterns)

    def words(self) -> str:
        return f"{self.code} (text index, and {len(self.waiting.matched)} of what it lacks)"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        return self._keys(scope.build, scope.type, marks)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return scope.key.in_(self._keys(scope.build, scope.type, marks))

    def _keys(self, build: Build, resource_type: str | None, marks: Marks) -> Select[Any]:
        asked, stale, matched, *patterns = marks
        parts = [self._indexed(build, asked, patterns)]
        if self.dialect == "postgresql":
            parts.append(self._long(build, patterns))
        found = []
        for part, words in parts:
            part = part.where(not_(in_array(words.c.key, stale, self.dialect)))
            found.append(part if resource_type is None else part.where(words.c.type == resource_type))
        found.append(self._late(matched))
        united = union_all(*found).subquery(build.name())
        return select(united.c.key)

    def _late(self, matched: ColumnElement[Any]) -> Select[Any]:
        """Return the keys that match by what the index lacks; they are of the right type already."""
        bound = type_coerce(matched, Array(numbers=True))
        if self.dialect == "postgresql":
            return select(func.unnest(cast(bound, ARRAY(BigInteger))))
        return select(func.json_each(bound).table_valued("value").c.value)

    def _indexed(self, build: Build, asked: ColumnElement[Any], patterns: Marks) -> tuple[Select[Any], FromClause]:
        """Return the keys that the index finds, with the table of their words."""
        words = build.alias(text_search)
        own = self.code == "_text"
        if self.dialect == "postgresql":
            found = select(words.c.key).where(
                vector(words, narrative=own).op("@@")(cast(asked, TSQUERY)), is_short(words)
            )
            if own:
                found = found.where(words.c.narrative != sql("''"))
        else:
            index = build.alias(text_index)
            found = select(words.c.key).join_from(index, words, words.c.key == index.c.rowid)
            found = found.where(index.c.text_index.op("MATCH")(asked))
        if has_phrase(self.query):
            found = found.where(self._match(self.query, words, iter(patterns)))
        return found, words

    def _long(self, build: Build, patterns: Marks) -> tuple[Select[Any], FromClause]:
        """Return the same for those few rows that PostgreSQL's index cannot hold."""
        words = build.alias(text_search)
        return select(words.c.key).where(not_(is_short(words)), self._match(self.query, words, iter(patterns))), words

    def _match(self, query: Query, words: FromClause, patterns: Iterator[ColumnElement[Any]]) -> ColumnElement[bool]:
        """Return the condition that words match, told word by word; takes the patterns in the order of `terms`."""
        if isinstance(query, Term):
            pattern = type_coerce(next(patterns), words.c.narrative.type)
            place = func.strpos if self.dialect == "postgresql" else func.instr
            columns = [words.c.narrative] if self.code == "_text" else [words.c.narrative, words.c.rest]
            return or_(*(place(column, pattern) > 0 for column in columns))
        parts = [self._match(part, words, patterns) for part in query.parts]
        if isinstance(query, All):
            return and_(*parts, *(not_(self._match(part, words, patterns)) for part in query.without))
        return or_(*parts)


def _skeleton(query: Query) -> Hashable:
    """Return the form of a query without its words."""
    if isinstance(query, Term):
        return len(query.words) > 1
    parts = tuple(map(_skeleton, query.parts))
    return ("all", parts, tuple(map(_skeleton, query.without))) if isinstance(query, All) else ("either", parts)


def make(code: str, value: str, resource_type: str | None, texts: Texts) -> Text:
    """Return the condition for `_text` or `_content` with a whole value, commas included.

    resource_type  the type that is searched, None for all
    It must be made, and the search run, inside of `settled`. Raises BadRequest (code value), Unavailable when the
    index is too far behind.
    """
    query = parse(value)
    waiting = texts.waiting(resource_type, query, narrative=code == "_text")
    return Text("_text" if code == "_text" else "_content", query, waiting, texts.database.dialect)


def asked(code: str) -> Callable[[Names, str | None, str, int], Callable[[str], Node]]:
    """Return what gives the maker of nodes for `_text` or `_content`, as `special` wants it."""

    def special(names: Names, resource_type: str | None, modifier: str, depth: int) -> Callable[[str], Node]:  # noqa: ARG001
        texts = names.texts
        if modifier or texts is None:
            raise unsupported_parameter(f"The parameter {code} has no modifier {named(modifier)}.")
        return lambda value: make(code, value, resource_type, texts)

    return special


def settled(texts: Texts, names: Iterable[str]) -> AbstractContextManager[None]:
    """Return the block in which a search is planned and run; one state of the database if a parameter asks for words.

    names  those of the parameters, as a URL has them: "_content", "subject:Patient._text", "_has:List:item:_text"
    """
    asks = any(part in CODES for name in names for part in name.replace(".", ":").split(":"))
    return texts.settled() if asks else nullcontext()
