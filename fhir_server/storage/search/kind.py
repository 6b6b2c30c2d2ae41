"""What the file of a search parameter type offers to the plan and to the compiler.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause, and_

from fhir_server.definitions import Definitions
from fhir_server.errors import BadRequest
from fhir_server.storage.fold import PREFIX_LENGTH
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.targets import SearchTarget

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Context:
    """What a value may depend on beside its own text.

    type      the type that is searched, None for all
    targets   where the parameter is answered
    base_url  makes absolute references our own
    now       for approximate dates
    """

    type: str | None
    targets: tuple[SearchTarget, ...]
    definitions: Definitions
    base_url: str
    now: datetime


class Kind(Protocol):
    """A search parameter type. Implemented by the modules token, string, date, reference, number, uri."""

    MODIFIERS: frozenset[str]

    def parse(self, text: str, modifier: str, context: Context) -> Any:
        """Return the value that one part of a comma list stands for. Raises BadRequest (code value)."""

    def condition(self, value: Any, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
        """Return when a row of `table`, an alias of the target's table, matches `value`."""


def wrong(what: str) -> BadRequest:
    """Return the error for a value that a parameter cannot have."""
    return BadRequest(what, code="value")


def named(text: str) -> str:
    """Return a parameter name for a message: quoted, short, without control characters."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:_LONGEST_NAME])
    return f"'{shown}'" + ("..." if len(text) > _LONGEST_NAME else "")


def column(target: SearchTarget, table: FromClause, role: str) -> ColumnElement[Any]:
    """Return the column of `table` that plays `role`. Raises KeyError when the target has none."""
    return table.c[target.columns[role]]


def equals(target: SearchTarget, table: FromClause, role: str, text: str) -> ColumnElement[bool]:
    """Return the condition that a text column equals `text`, in the form its index serves."""
    whole = column(target, table, role)
    if target.prefix != role:
        return whole == text
    return and_(prefix_of(whole) == text[:PREFIX_LENGTH], whole == text)


def prefixed(text: str, prefixes: Mapping[str, Any]) -> tuple[str, str]:
    """Return (prefix, rest) of a number, date or quantity; the prefix is "eq" when the text has none.

    Raises BadRequest for a prefix that does not exist.
    """
    head = text[:2]
    if len(head) == 2 and head.isalpha():
        if head not in prefixes:
            raise wrong(f"{named(head)} is no comparison; FHIR knows {', '.join(prefixes)}.")
        return head, text[2:]
    return "eq", text
