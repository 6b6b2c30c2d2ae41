"""How long the main dates of a type last at most: with that, a search for a day need not look at all that began before.

https://hl7.org/fhir/R4/search.html#date

A period matches `date=ge2026-01-01` when it ends after that day, whenever it began; an index on the beginning alone
cannot tell. `main_span` knows for each type the longest period there ever was, so that the index can be entered at
that distance before the day. The row is raised in the transaction that stores a longer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, DateTime, cast, func, literal, literal_column, select, type_coerce

from fhir_server.storage.columns import Instant
from fhir_server.storage.parts import Parts
from fhir_server.storage.session import Session
from fhir_server.storage.tables import main_span

OPEN = 4_000_000
"""Days of a period without end."""

_MOST_POSTGRESQL = 1_500_000  # days that can be taken from any date without leaving PostgreSQL's calendar
_SHORT = 1  # days that no row has to be written for
_SELECT = "SELECT days FROM main_span WHERE type = {mark}"
_RAISE = (
    "INSERT INTO main_span (type, days) VALUES ({mark}, {mark}) "
    "ON CONFLICT (type) DO UPDATE SET days = excluded.days WHERE main_span.days < excluded.days"
)


def note_spans(
    parts: Parts,
    session: Session,
    types: Iterable[str],
    rows: Mapping[str, Sequence[tuple[Any, ...]]],
    *,
    first: bool = True,
) -> bool:
    """Raise what is known of `types` when one of the new rows of their main tables lasts longer.

    rows   table -> rows as the projection makes them
    first  False when this transaction has raised something before
    Returns whether this transaction has raised something by now.
    """
    raised = not first
    for resource_type in sorted(types):
        place = parts.span_columns(resource_type)
        if place is None or place[0] not in rows:
            continue
        table, start, end = place
        longest = _longest(rows[table], start, end)
        if longest <= parts.known_spans.get(resource_type, _SHORT):
            continue
        mark = session.placeholder
        stored = session.fetch(_SELECT.format(mark=mark), (resource_type,))
        if stored and stored[0][0] >= longest:
            if not raised:
                parts.known_spans[resource_type] = stored[0][0]
            continue
        # What this transaction writes may be undone: it is known once another one has read it.
        raised = True
        session.fetch(_RAISE.format(mark=mark), (resource_type, longest))
    return raised


def _longest(rows: Sequence[tuple[Any, ...]], start: int, end: int) -> int:
    longest = 0
    for row in rows:
        first, last = row[start], row[end]
        if first is not None and last is not None and first[:10] != last[:10]:
            longest = max(longest, _days(first, last))
    return longest


def _days(first: str, last: str) -> int:
    if last.startswith("9999-12-31"):
        return OPEN
    return (date.fromisoformat(last[:10]) - date.fromisoformat(first[:10])).days + 1


def earliest_start(parts: Parts, resource_type: str, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the moment before which no main date of the type began that ends after `moment`.

    moment  a bound parameter for an aware datetime
    """
    row = select(main_span.c.days).where(main_span.c.type == literal(resource_type)).scalar_subquery()
    days = func.coalesce(row, literal_column(str(_SHORT)))
    bound = type_coerce(moment, Instant())
    if parts.database.dialect == "sqlite":
        # Before the year 0 the text begins with "-", which is less than any digit.
        shift = literal_column("'-'").op("||")(days).op("||")(literal_column("' days'"))
        return func.coalesce(func.datetime(bound, shift), "")
    known = func.least(days, literal_column(str(_MOST_POSTGRESQL)))
    return cast(bound, DateTime(timezone=True)) - func.make_interval(0, 0, 0, known)
