"""What the file of a search parameter type offers to the plan and to the compiler.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import BindParameter, ColumnElement, FromClause, and_, literal

from fhir_server.definitions import Definitions
from fhir_server.errors import BadRequest, Issue, UnsupportedParameter
from fhir_server.storage.fold import PREFIX_LENGTH
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

Marks = Sequence[BindParameter[Any]]
"""The bound parameters of one value, in the order of its data."""

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Context:
    """What a value may depend on beside its own text.

    type         the type that is searched, None for all
    targets      where the parameter is answered
    base_url     makes absolute references our own
    now          for approximate dates
    terminology  the value sets and code systems that the caller may read
    """

    type: str | None
    targets: tuple[SearchTarget, ...]
    definitions: Definitions
    base_url: str
    now: datetime
    terminology: Any = None


class Kind(Protocol):
    """A search parameter type, implemented by the modules token, string, date, reference, number, quantity, uri.

    MODIFIERS  what it understands beside :missing
    NEGATIVE   those of them that match what the condition does not match
    """

    MODIFIERS: frozenset[str]
    NEGATIVE: frozenset[str]

    def parse(self, text: str, modifier: str, context: Context) -> Operand:
        """Return what one part of a comma list stands for. Raises BadRequest (code value)."""

    def condition(
        self, operand: Operand, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope
    ) -> ColumnElement[bool]:
        """Return when a row of `table`, an alias of the target's table, matches.

        marks  the bound parameters for `operand.data`; the data themselves must not be looked at, because the
               statement serves every operand of the same shape
        """


def wrong(what: str) -> BadRequest:
    """Return the error for a value that a parameter cannot have."""
    return BadRequest(what, code="value")


def unsupported_parameter(diagnostics: str) -> UnsupportedParameter:
    """Return the error for something that cannot be asked."""
    return UnsupportedParameter(diagnostics, issues=(Issue("error", "not-supported", diagnostics),))


def named(text: str) -> str:
    """Return a parameter name for a message: quoted, short, without control characters."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:_LONGEST_NAME])
    return f"'{shown}'" + ("..." if len(text) > _LONGEST_NAME else "")


def column(target: SearchTarget, table: FromClause, role: str) -> ColumnElement[Any]:
    """Return the column of `table` that plays `role`. Raises KeyError when the target has none."""
    return table.c[target.columns[role]]


def equals(target: SearchTarget, table: FromClause, role: str, whole: Any, head: Any = None) -> ColumnElement[bool]:
    """Return the condition that a text column equals a text, in the form its index serves.

    whole, head  marks for the text and for its first PREFIX_LENGTH characters, see `halves`
    """
    stored = column(target, table, role)
    if target.prefix != role:
        same: ColumnElement[bool] = stored == whole
        return same
    # Not `stored == whole`: SQLite would then write the value into the other condition too, and miss the index.
    begins = prefix_of(stored) == (whole[:PREFIX_LENGTH] if head is None else head)
    return and_(begins, stored >= whole, stored <= whole)


def halves(text: str) -> tuple[str, str]:
    """Return the data for `equals`: a text, and the part of it that an index holds."""
    return text, text[:PREFIX_LENGTH]


def among(stored: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of a few values that belong to the shape of the statement."""
    found: ColumnElement[bool] = stored.in_([literal(value, stored.type) for value in values])
    return found


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
