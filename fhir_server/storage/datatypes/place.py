"""Where an element is kept while its table is drafted, and where it is written while a document is projected.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fhir_server.mappings.datatypes import Element
from fhir_server.storage.draft import MAIN_DATE, Draft
from fhir_server.storage.fold import LONGEST_TOKEN, fold, token_text
from fhir_server.storage.layout import ColumnKind, ColumnUse, Field, FieldKind, Table
from fhir_server.storage.representation import Representation

folded = lru_cache(maxsize=8192)(fold)
"""`fold` for texts that repeat: displays, not names."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element is to be kept.

    element   the element
    draft     the table
    base      what its column names begin with; "" in a table of its own, where columns have plain names
    path      path below the type
    searches  (search type, part) of every search parameter that looks at it
    """

    element: Element
    draft: Draft
    base: str
    path: str
    searches: frozenset[tuple[str, str]]

    @property
    def sparse(self) -> bool:
        """True when an index should leave out the rows without the element."""
        return bool(self.base) and not self.element.required

    def column(self, role: str, kind: ColumnKind, meaning: str, *, plain: str = "", use: ColumnUse = "shown") -> str:
        """Add the column for a role: `base_role`, `base` for the role "", `plain` or `role` in a table of its own."""
        name = (f"{self.base}_{role}" if role else self.base) if self.base else (plain or role)
        type_name = self.draft.path.partition(".")[0]
        return self.draft.add(name, kind, f"{type_name}.{self.path}", meaning, use)

    def field(self, kind: FieldKind, columns: dict[str, str], *, to: tuple[str, ...] = ()) -> Field:
        """Return the field that describes what was kept."""
        return Field(self.path, kind, self.draft.name, columns, self.draft.levels, to=to)

    def index(self, *columns: str, prefix: bool = False) -> None:
        """Index columns, followed by the key."""
        self.draft.index(*columns, "key", prefix=prefix, sparse=columns[0] if self.sparse else "")

    def hot_index(self, *columns: str, after: tuple[str, ...] = ()) -> None:
        """Index columns, followed by the main date and the key: a filter and the usual sort in one.

        after  columns behind the key: to be told in the index alone, without a part in its order
        """
        self.draft.dated = True
        self.draft.index(*columns, MAIN_DATE, "key", *after, sparse=columns[0] if self.sparse else "")


@dataclass(frozen=True, slots=True)
class Spot:
    """A field in its finished table, ready to be filled.

    field    the field
    table    its table
    at       role -> position in the row
    date_at  position of the copy of the main date, -1 for none
    full     FHIRPath of the element
    """

    field: Field
    table: Table
    at: dict[str, int]
    date_at: int
    full: str
    represent: Representation


def spot(field: Field, table: Table, full: str, represent: Representation) -> Spot:
    """Return the spot of a field in its table."""
    positions = table.positions()
    at = {role: positions[name] for role, name in field.columns.items()}
    return Spot(field, table, at, positions.get(MAIN_DATE, -1), full, represent)


def short(text: str | None) -> str | None:
    """Return a token as its column holds it."""
    return text if text is None or len(text) <= LONGEST_TOKEN else token_text(text)
