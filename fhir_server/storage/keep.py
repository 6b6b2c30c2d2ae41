"""How each FHIR datatype is kept: its columns, its indexes, and the roles the columns play. One function per datatype.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.mappings.model import (
    Address,
    Boolean,
    Canonical,
    Code,
    CodeableConcept,
    Coding,
    Computed,
    ContactPoint,
    Date,
    Decimal,
    Element,
    HumanName,
    Id,
    Identifier,
    Instant,
    Integer,
    Money,
    Period,
    Position,
    Quantity,
    Range,
    Reference,
    SampledData,
    String,
    Time,
    Uri,
)
from fhir_server.storage.draft import MAIN_DATE, Draft
from fhir_server.storage.layout import ColumnKind, ColumnUse, Field, FieldKind


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
    def searched(self) -> frozenset[str]:
        """The types of the search parameters that look at the element."""
        return frozenset(kind for kind, _ in self.searches)

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

    def hot_index(self, *columns: str) -> None:
        """Index columns, followed by the main date and the key: a filter and the usual sort in one."""
        self.draft.dated = True
        self.draft.index(*columns, MAIN_DATE, "key", sparse=columns[0] if self.sparse else "")


def _boolean(place: Place) -> Field:
    return _plain(place, "boolean", "boolean", "true or false")


def _code(place: Place) -> Field:
    return _plain(place, "code", "text", "The code; its system is implied by the element's value set")


def _plain(place: Place, kind: FieldKind, column: ColumnKind, meaning: str) -> Field:
    name = place.column("", column, meaning, plain="value")
    if place.searches:
        place.hot_index(name)
    return place.field(kind, {"value": name})


def _string(place: Place) -> Field:
    columns = {"value": place.column("", "text", "The text", plain="value")}
    if place.searches:
        columns["folded"] = place.column("folded", "text", "The text without case and accents", use="search")
        place.index(columns["folded"], prefix=True)
    return place.field("string", columns)


def _uri(place: Place) -> Field:
    name = place.column("", "text", "The URI", plain="value")
    if place.searches:
        place.index(name, prefix=True)
    return place.field("uri", {"value": name})


def _canonical(place: Place) -> Field:
    url = place.column("", "text", "The canonical URL without its version", plain="value")
    version = place.column("version", "text", 'What follows "|" in the canonical')
    if place.searches:
        place.index(url, prefix=True)
    return place.field("canonical", {"value": url, "version": version})


def _number(place: Place) -> Field:
    whole = isinstance(place.element, Integer)
    value = place.column("", "integer" if whole else "decimal", "The number", plain="value")
    columns = {"value": value}
    if place.searches:
        columns |= _bounds(place, "The number, compared exactly")
        place.index(columns["low"])
    return place.field("integer" if whole else "decimal", columns)


def _bounds(place: Place, meaning: str) -> dict[str, str]:
    return {
        "low": place.column("low", "bound", f"{meaning}: lowest value", use="search"),
        "high": place.column("high", "bound", f"{meaning}: highest value", use="search"),
    }


def _moment(place: Place) -> Field:
    columns = {
        "start": place.column("", "instant", "First moment it covers (UTC)", plain="value"),
        "end": place.column("until", "instant", "First moment after it (UTC)", use="search"),
    }
    serve_date(place, columns)
    return place.field("moment", columns)


def _interval(place: Place) -> Field:
    columns = interval_columns(place)
    serve_date(place, columns)
    return place.field("interval", columns)


def interval_columns(place: Place) -> dict[str, str]:
    """Add the two columns of an interval."""
    return {
        "start": place.column(
            "start", "instant", "First moment (UTC); year 1 when open", plain="start_time", use="start"
        ),
        "end": place.column(
            "end", "instant", "First moment after it (UTC); year 9999 when open", plain="end_time", use="end"
        ),
    }


def serve_date(place: Place, columns: dict[str, str]) -> None:
    """Index an interval for ranges and sorting; an instant is so short that its end needs no index."""
    if not place.searches:
        return
    place.index(columns["start"])
    if not isinstance(place.element, Instant):
        place.index(columns["end"])


def _coding(place: Place) -> Field:
    return place.field("coding", _coding_columns(place))


def _coding_columns(place: Place) -> dict[str, str]:
    columns = {
        "system": place.column("system", "text", "Coding.system"),
        "code": place.column("code", "text", "Coding.code"),
        "display": place.column("display", "text", "Coding.display"),
    }
    if place.searches:
        columns["folded"] = place.column(
            "display_folded", "text", "The display without case and accents, for :text", use="search"
        )
        place.hot_index(columns["code"], columns["system"])
    return columns


def _concept(place: Place) -> Field:
    if place.base:
        columns = {
            "system": place.column("system", "text", "System of the first coding"),
            "code": place.column("code", "text", "Code of the first coding"),
            "text": place.column("text", "text", "Text of the concept, else display of the first coding"),
        }
        return place.field("first_coding", columns)
    columns = _coding_columns(place)
    return place.field("concept", {**columns, "coding": "coding"})


def _identifier(place: Place) -> Field:
    if place.base:
        columns = {
            "system": place.column("system", "text", "Identifier.system"),
            "value": place.column("value", "text", "Identifier.value"),
        }
        return place.field("first_identifier", columns)
    columns = {
        "use": place.column("use", "text", "Identifier.use"),
        "system": place.column("system", "text", "Identifier.system"),
        "value": place.column("value", "text", "Identifier.value"),
        "type_system": place.column("type_system", "text", "System of a coding of Identifier.type"),
        "type_code": place.column("type_code", "text", "Code of a coding of Identifier.type"),
        "type_text": place.column("type_text", "text", "Identifier.type.text, else the coding's display"),
        "folded": place.column(
            "type_text_folded", "text", "type_text without case and accents, for :text", use="search"
        ),
    }
    place.index(columns["value"], columns["system"])
    return place.field("identifier", {**columns, "coding": "coding"})


def _contact(place: Place) -> Field:
    columns = {
        "system": place.column("system", "text", "phone, fax, email, pager, url, sms or other"),
        "value": place.column("value", "text", "The number or address"),
        "folded": place.column(
            "value_folded", "text", "Digits of a number; else the value without case and accents", use="search"
        ),
        "use": place.column("use", "text", "home, work, temp, old or mobile"),
    }
    if not place.base:
        columns["rank"] = place.column("rank", "integer", "Preferred order of use, 1 first")
        place.index(columns["value"], columns["system"])
        place.index(columns["folded"], columns["system"])
    return place.field("contact", columns)


_NAME = (
    ("use", "usual, official, temp, nickname, anonymous, old or maiden"),
    ("text", "The whole name as text"),
    ("family", "Family name"),
    ("given", "Given names, joined by blanks"),
    ("prefix", "Prefixes, joined by blanks"),
    ("suffix", "Suffixes, joined by blanks"),
)
_ADDRESS = (
    ("use", "home, work, temp, old or billing"),
    ("text", "The whole address as text"),
    ("line", "Street lines, joined by commas"),
    ("city", "City"),
    ("district", "District or county"),
    ("state", "State"),
    ("postal_code", "Postal code"),
    ("country", "Country"),
)


def _name(place: Place) -> Field:
    return _of_parts(place, "short_name" if place.base else "name", _NAME)


def _address(place: Place) -> Field:
    return _of_parts(place, "short_address" if place.base else "address", _ADDRESS)


def _of_parts(place: Place, kind: FieldKind, parts: tuple[tuple[str, str], ...]) -> Field:
    columns = {role: place.column(role, "text", meaning) for role, meaning in parts}
    if not place.base:
        columns["start"] = place.column("period_start", "instant", "First moment of its use (UTC)", use="start")
        columns["end"] = place.column("period_end", "instant", "First moment after its use (UTC)", use="end")
    if ("token", "use") in place.searches:
        place.index(columns["use"])
    return place.field(kind, columns)


def part_columns(draft: Draft, path: str) -> dict[str, str]:
    """Fill the table of searchable parts that belongs to names or addresses."""
    type_name = draft.path.partition(".")[0]
    columns = {
        "part": draft.add("part", "text", "", "Which part: family, given, text, city ..."),
        "value": draft.add("value", "text", f"{type_name}.{path}", "The part"),
        "folded": draft.add("folded", "text", f"{type_name}.{path}", "The part without case and accents"),
    }
    draft.index("folded", "part", "key", prefix=True)
    return columns


def _quantity(place: Place) -> Field:
    columns = {
        "value": place.column("", "decimal", "The number", plain="value"),
        "comparator": place.column("comparator", "text", "<, <=, >= or > when the number is a limit"),
        "unit": place.column("unit", "text", "Unit as people read it"),
        "system": place.column("system", "text", "System of the coded unit"),
        "code": place.column("code", "text", "Coded unit"),
    }
    if place.searches:
        columns |= _searchable_amount(place)
    return place.field("quantity", columns)


def _searchable_amount(place: Place) -> dict[str, str]:
    columns = _bounds(place, "The number, compared exactly")
    columns |= {
        "canonical_low": place.column("canonical_low", "bound", "low in the canonical unit", use="search"),
        "canonical_high": place.column("canonical_high", "bound", "high in the canonical unit", use="search"),
        "canonical_code": place.column(
            "canonical_code", "text", "Canonical UCUM unit, for search across units", use="search"
        ),
    }
    place.index(columns["low"], columns["high"])
    place.index(columns["canonical_code"], columns["canonical_low"], columns["canonical_high"])
    return columns


def _money(place: Place) -> Field:
    columns = {
        "value": place.column("", "decimal", "The amount", plain="value"),
        "code": place.column("currency", "text", "Currency code (ISO 4217)"),
    }
    if place.searches:
        columns |= _bounds(place, "The amount, compared exactly")
        place.index(columns["low"], columns["high"])
    return place.field("money", columns)


def _range(place: Place) -> Field:
    units = {
        "unit": place.column("unit", "text", "Unit as people read it"),
        "system": place.column("system", "text", "System of the coded unit"),
        "code": place.column("code", "text", "Coded unit"),
    }
    if place.searches or isinstance(place.element, SampledData):
        kind: FieldKind = "sampled" if isinstance(place.element, SampledData) else "range"
        return place.field(kind, {**units, **_searchable_amount(place)})
    bounds = {
        "low": place.column("low", "decimal", "Low limit"),
        "high": place.column("high", "decimal", "High limit"),
    }
    return place.field("range", {**units, **bounds})


def _reference(place: Place) -> Field:
    to = tuple(place.element.to) if isinstance(place.element, Reference) else ()
    own = "" if place.base else "target_"
    columns = {
        "key": place.column("key", "key", "The resource referred to, when this server holds it", plain=f"{own}key")
    }
    if len(to) != 1:
        columns["type"] = place.column("type", "text", "Type of the resource referred to", plain=f"{own}type")
    if place.searches:
        place.hot_index(columns["key"])
    return place.field("reference", columns, to=to)


def _position(place: Place) -> Field:
    columns = {
        "latitude": place.column("latitude", "real", "Degrees north (WGS 84)"),
        "longitude": place.column("longitude", "real", "Degrees east (WGS 84)"),
    }
    if place.searches:
        place.index(columns["latitude"], columns["longitude"])
    return place.field("position", columns)


def _computed(place: Place) -> Field:
    return _COMPUTED[place.element.of](place) if isinstance(place.element, Computed) else _concept(place)


_COMPUTED: dict[str, Callable[[Place], Field]] = {
    "token": _concept,
    "string": _string,
    "date": _interval,
    "number": _number,
    "quantity": _quantity,
    "uri": _uri,
    "reference": _reference,
}


_KEEPERS: tuple[tuple[type[Element] | tuple[type[Element], ...], Callable[[Place], Field]], ...] = (
    (Boolean, _boolean),
    ((Code, Id, Time), _code),
    (String, _string),
    (Uri, _uri),
    (Canonical, _canonical),
    ((Integer, Decimal), _number),
    (Date, _moment),
    (Period, _interval),
    (Coding, _coding),
    (CodeableConcept, _concept),
    (Identifier, _identifier),
    (ContactPoint, _contact),
    (HumanName, _name),
    (Address, _address),
    (Quantity, _quantity),
    (Money, _money),
    ((Range, SampledData), _range),
    (Reference, _reference),
    (Position, _position),
    (Computed, _computed),
)


def keep(place: Place) -> Field:
    """Add what the element needs to its table and return where it is; raises TypeError for a datatype not kept."""
    for kinds, keeper in _KEEPERS:
        if isinstance(place.element, kinds):
            return keeper(place)
    raise TypeError(f"{place.draft.path}: no way to keep {type(place.element).__name__}")


def needs_own_table(element: Element, searches: frozenset[tuple[str, str]]) -> bool:
    """Say whether an element is kept in a table of its own: it repeats, or a search looks into its parts."""
    wide = isinstance(element, CodeableConcept | Identifier | HumanName | Address | ContactPoint)
    return element.repeats or isinstance(element, Computed) or (wide and bool(searches))
