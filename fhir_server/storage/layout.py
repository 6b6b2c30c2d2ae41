"""Where every element of a mapping is kept: tables, columns, indexes, as plain data without any database library.

https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/datatypes.html

One type has a main table with one row per resource (single-valued elements) and child tables with one row per value
of a repeating element. A child row is found by `key` (the resource) and ordinals (0-based positions, outermost first):

    appointment                     key | status, start_time, start_time_until, ...
    appointment_participant         key, ordinal | status, actor_key, actor_type, main_date
    appointment_participant_type    key, participant_ordinal, ordinal, coding | system, code, display, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnUse = Literal["shown", "search", "start", "end"]
ColumnKind = Literal["key", "ordinal", "text", "boolean", "integer", "decimal", "bound", "instant", "real"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    kind     key      bigint, a resource's key
             ordinal  integer, a 0-based position
             text     text, compared by code points in both databases
             boolean, integer (64 bits), real (double precision)
             decimal  the number as people read it: numeric in PostgreSQL, REAL in SQLite
             bound    a number that is compared exactly: numeric in PostgreSQL, sortable text in SQLite
             instant  UTC moment in microseconds: timestamptz in PostgreSQL, "YYYY-MM-DD HH:MM:SS.ffffff" in SQLite
    path     FHIR path of the value ("Appointment.participant.actor"), "" for structural columns
    meaning  a sentence for the data dictionary
    null     False for key and ordinal columns
    use      shown   a value for people
             search  made for search alone, left out of views
             start   shown; an interval's first moment, EARLIEST when it is open
             end     shown; the moment after an interval, LATEST when it is open
    """

    name: str
    kind: ColumnKind
    path: str = ""
    meaning: str = ""
    null: bool = True
    use: ColumnUse = "shown"


@dataclass(frozen=True, slots=True)
class Index:
    """One index.

    columns  column names in order
    prefix   the first column is indexed by its first `PREFIX_LENGTH` characters only
    sparse   rows in which this column is NULL are left out, "" for none
    """

    name: str
    columns: tuple[str, ...]
    prefix: bool = False
    sparse: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `primary` are the columns of the primary key; `path` the FHIR path of what a row stands for."""

    name: str
    type: str
    path: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...]
    indexes: tuple[Index, ...]

    @property
    def levels(self) -> tuple[str, ...]:
        """The ordinal columns that say which instance of the element a row belongs to, outermost first."""
        return tuple(name for name in self.primary if name not in ("key", "coding", "position"))

    def column(self, name: str) -> Column:
        """Return the column called `name`; raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def positions(self) -> dict[str, int]:
        """Return the position of each column in a row."""
        return {column.name: position for position, column in enumerate(self.columns)}


FieldKind = Literal[
    "boolean", "code", "string", "uri", "canonical", "integer", "decimal", "moment", "interval", "coding", "concept",
    "first_coding", "identifier", "first_identifier", "contact", "name", "short_name", "address", "short_address",
    "quantity", "money", "range", "sampled", "reference", "position",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """Where one element is kept.

    path     path below the type; a variant of a choice with its type: "participant.actor", "value:Quantity"
    kind     how it is kept; `first_coding`, `first_identifier`, `short_name`, `short_address`: the form for people
             alone, not for search
    table    the table
    columns  role -> column: {"system": "class_system", "code": "class_code"}; SearchTarget lists the roles of a kind
    levels   the ordinal columns of that table which say which instance a row belongs to, outermost first
    parts    name and address: the table with one row per searchable part, else ""
    to       reference: the types allowed, () for any
    """

    path: str
    kind: FieldKind
    table: str
    columns: dict[str, str]
    levels: tuple[str, ...] = ()
    parts: str = ""
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything a type keeps.

    tables     the main one first
    fields     where each element is kept, by path
    main_date  column of the main table that holds the main date, "" for none
    """

    type: str
    tables: tuple[Table, ...]
    fields: dict[str, Field]
    main_date: str = ""

    def table(self, name: str) -> Table:
        """Return the table called `name`; raises KeyError."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)


def span_columns(layout: Layout) -> tuple[str, int, int] | None:
    """Return (main table, place of the start, place of the end) for a type whose main date can be a period."""
    for field in layout.fields.values():
        if field.kind == "interval" and layout.main_date and field.columns.get("start") == layout.main_date:
            names = [column.name for column in layout.tables[0].columns]
            return layout.tables[0].name, names.index(layout.main_date), names.index(field.columns["end"])
    return None
