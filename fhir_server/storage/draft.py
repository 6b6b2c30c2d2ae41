"""A table while it is being filled with columns and indexes.

https://www.postgresql.org/docs/current/indexes-partial.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_server.storage.layout import Column, ColumnKind, ColumnUse, Index, Table
from fhir_server.storage.naming import column_name, shortened

MAIN_DATE = "main_date"
"""Column of child tables that holds the type's main date; in an index draft it also stands for the main table's own."""

_LEVEL = "Position of the element in its list, from 0"
_CODING = "Position of the coding within its element, from 0"
_POSITION = "Running number of the part, from 0"
_DATED = "Copy of the type's main date, so that one index serves a filter and the sort by date"


@dataclass(slots=True)
class Draft:
    """A table in the making.

    name      its name
    path      FHIR path of what a row stands for
    labels    the repeating elements a row lies in, outermost first
    own       the last label is the element itself: its rows have an `ordinal`
    extra     a further ordinal behind the levels: "coding" or "position", "" for none
    dated     rows carry a copy of the main date
    """

    name: str
    path: str
    labels: tuple[str, ...] = ()
    own: bool = False
    extra: str = ""
    dated: bool = False
    columns: list[Column] = field(default_factory=list)
    indexes: list[tuple[tuple[str, ...], bool, str]] = field(default_factory=list)

    @property
    def levels(self) -> tuple[str, ...]:
        """The ordinal columns that identify the instance of the element a row belongs to."""
        above = self.labels[:-1] if self.own else self.labels
        return (*(f"{label}_ordinal" for label in above), *(("ordinal",) if self.own else ()))

    def add(self, name: str, kind: ColumnKind, path: str, meaning: str, use: ColumnUse = "shown") -> str:
        """Add a column and return its final name; raises ValueError when the name is taken."""
        name = column_name(name)
        if any(column.name == name for column in self.columns):
            raise ValueError(f"{self.name}.{name} would stand for two elements; give one of them a column name")
        self.columns.append(Column(name, kind, path, meaning, use=use))
        return name

    def index(self, *columns: str, prefix: bool = False, sparse: str = "") -> None:
        """Ask for an index; `MAIN_DATE` among the columns is left out where the type has no main date."""
        wanted = (columns, prefix, sparse)
        if wanted not in self.indexes:
            self.indexes.append(wanted)

    def table(self, resource_type: str, main_date: str) -> Table:
        """Return the finished table; `main_date` is the main table's column of that date, "" for none."""
        is_main = not self.labels and not self.extra and self.path == resource_type
        dated = self.dated and bool(main_date) and not is_main
        own_date = main_date if is_main else MAIN_DATE if dated else ""
        structural = [Column("key", "key", "", "The resource: resource.key", null=False)]
        structural += [Column(name, "ordinal", "", _LEVEL, null=False) for name in self.levels]
        if self.extra:
            structural.append(
                Column(self.extra, "ordinal", "", _CODING if self.extra == "coding" else _POSITION, null=False)
            )
        last = [Column(MAIN_DATE, "instant", "", _DATED, use="search")] if dated else []
        return Table(
            self.name,
            resource_type,
            self.path,
            (*structural, *self.columns, *last),
            tuple(column.name for column in structural),
            tuple(self._indexes(own_date)),
        )

    def _indexes(self, own_date: str) -> list[Index]:
        done: dict[tuple[str, ...], Index] = {}
        for columns, prefix, sparse in self.indexes:
            real = tuple(dict.fromkeys(own_date if name == MAIN_DATE else name for name in columns))
            real = tuple(name for name in real if name)
            if sparse and sparse == own_date:
                sparse = ""  # the main date sorts every resource, those without it too
            done.setdefault(real, Index(shortened(f"ix_{self.name}_{'_'.join(real)}"), real, prefix, sparse))
        return list(done.values())
