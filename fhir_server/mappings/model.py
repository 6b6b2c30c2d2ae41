"""The words a mapping is written in: one constructor per FHIR datatype, one per search parameter type.

https://hl7.org/fhir/R4/datatypes.html and https://hl7.org/fhir/R4/search.html

    SLOT = Mapping(
        "Slot",
        Identifier("identifier", "0..*"),
        Reference("schedule", "1..1", to=["Schedule"]),
        Code("status", "1..1"),
        Instant("start", "1..1", column="start_time"),
        search=[token("identifier"), reference("schedule"), token("status"), date("start")],
        main_date="start",
    )

A mapping says which elements of a type become columns and tables, and which elements answer its search parameters.
It is plain data: storage turns it into tables, rows and search targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

SearchType = Literal["number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"]


@dataclass(frozen=True, slots=True)
class Element:
    """One element that is kept in tables.

    name         its JSON property: "birthDate"; a variant of a choice carries its type: "valueQuantity"
    cardinality  as the StructureDefinition states it: "0..1", "1..1", "0..*", "1..*"
    column       base name of its columns (or of its table, when it repeats), "" for the name in snake case
    """

    name: str
    cardinality: str = "0..1"
    column: str = ""

    type: ClassVar[str] = ""

    @property
    def repeats(self) -> bool:
        """True when the element can have several values."""
        return self.cardinality.partition("..")[2] not in ("0", "1")

    @property
    def required(self) -> bool:
        """True when FHIR demands the element (its value may still be absent: it can hold an extension alone)."""
        return not self.cardinality.startswith("0")


class Boolean(Element):
    """true or false."""

    __slots__ = ()
    type = "boolean"


class Integer(Element):
    """A whole number."""

    __slots__ = ()
    type = "integer"


class PositiveInt(Integer):
    """A whole number above zero."""

    __slots__ = ()
    type = "positiveInt"


class UnsignedInt(Integer):
    """A whole number, zero included."""

    __slots__ = ()
    type = "unsignedInt"


class Decimal(Element):
    """A number whose digits count: 1.0 is not 1.00."""

    __slots__ = ()
    type = "decimal"


class String(Element):
    """Text."""

    __slots__ = ()
    type = "string"


class Markdown(String):
    """Text with markdown."""

    __slots__ = ()
    type = "markdown"


class Code(Element):
    """A code; its system is implied by the value set it is bound to."""

    __slots__ = ()
    type = "code"


class Id(Element):
    """An id."""

    __slots__ = ()
    type = "id"


class Time(Element):
    """A time of day."""

    __slots__ = ()
    type = "time"


class Uri(Element):
    """A URI."""

    __slots__ = ()
    type = "uri"


class Url(Uri):
    """A URL."""

    __slots__ = ()
    type = "url"


class Oid(Uri):
    """An OID as URI."""

    __slots__ = ()
    type = "oid"


class Uuid(Uri):
    """A UUID as URI."""

    __slots__ = ()
    type = "uuid"


class Canonical(Element):
    """The canonical URL of a definition, with or without "|version"."""

    __slots__ = ()
    type = "canonical"


class Date(Element):
    """A day, month or year: kept as the half-open UTC interval it covers."""

    __slots__ = ()
    type = "date"


class DateTime(Date):
    """A moment of any precision: kept as the half-open UTC interval it covers."""

    __slots__ = ()
    type = "dateTime"


class Instant(Date):
    """A moment to the second or finer: kept as the half-open UTC interval it covers."""

    __slots__ = ()
    type = "instant"


class Period(Element):
    """A span of time: kept as a half-open UTC interval, open ends far away."""

    __slots__ = ()
    type = "Period"


class Timing(Period):
    """A schedule: kept as its outer limits."""

    __slots__ = ()
    type = "Timing"


class Coding(Element):
    """One code of a system."""

    __slots__ = ()
    type = "Coding"


class CodeableConcept(Element):
    """A concept: any number of codings, and text."""

    __slots__ = ()
    type = "CodeableConcept"


class Identifier(Element):
    """A business identifier."""

    __slots__ = ()
    type = "Identifier"


class HumanName(Element):
    """A person's name."""

    __slots__ = ()
    type = "HumanName"


class Address(Element):
    """A postal address."""

    __slots__ = ()
    type = "Address"


class ContactPoint(Element):
    """A phone number, email address or the like."""

    __slots__ = ()
    type = "ContactPoint"


class Quantity(Element):
    """A measured amount with its unit."""

    __slots__ = ()
    type = "Quantity"


class Age(Quantity):
    """A Quantity of time since birth."""

    __slots__ = ()
    type = "Age"


class Count(Quantity):
    """A Quantity of things counted."""

    __slots__ = ()
    type = "Count"


class Distance(Quantity):
    """A Quantity of length."""

    __slots__ = ()
    type = "Distance"


class Duration(Quantity):
    """A Quantity of time."""

    __slots__ = ()
    type = "Duration"


class Money(Element):
    """An amount of a currency."""

    __slots__ = ()
    type = "Money"


class Range(Element):
    """Two quantities, low and high."""

    __slots__ = ()
    type = "Range"


class SampledData(Element):
    """A series of measurements: kept as the bounds of its values."""

    __slots__ = ()
    type = "SampledData"


class Position(Element):
    """Longitude and latitude (Location.position), for "near"."""

    __slots__ = ()
    type = "Position"


@dataclass(frozen=True, slots=True)
class Reference(Element):
    """A reference to another resource; `to` names the allowed types, () means any."""

    to: Iterable[str] = field(default=(), kw_only=True)

    type: ClassVar[str] = "Reference"

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", tuple(self.to))


@dataclass(frozen=True, slots=True, init=False)
class Backbone(Element):
    """An element with named parts: a backbone element, or a datatype whose parts are wanted one by one.

    of  the datatype when it is one ("Attachment", "UsageContext"), "" for a backbone element
    """

    children: tuple[Element, ...] = ()
    of: str = ""

    type: ClassVar[str] = "BackboneElement"

    def __init__(
        self, name: str, cardinality: str = "0..1", /, *children: Element, column: str = "", of: str = ""
    ) -> None:
        for key, value in (("name", name), ("cardinality", cardinality), ("column", column)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "children", tuple(children))
        object.__setattr__(self, "of", of)


@dataclass(frozen=True, slots=True, init=False)
class Choice(Element):
    """An element of several types ("value[x]"): one child per type, named as in JSON ("valueQuantity").

    Children of date-like types with an equal `column` share one interval.
    """

    children: tuple[Element, ...] = ()

    type: ClassVar[str] = "*"

    def __init__(self, name: str, cardinality: str, /, *children: Element, column: str = "") -> None:
        for key, value in (("name", name), ("cardinality", cardinality), ("column", column)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "children", tuple(children))


@dataclass(frozen=True, slots=True, init=False)
class Extension(Element):
    """The value of an extension.

    name      a name of ours, used in paths and for columns; not a JSON property
    urls      the extension's URL, and others that mean the same
    children  one child per value type, named as in JSON ("valueString")
    """

    urls: tuple[str, ...] = ()
    children: tuple[Element, ...] = ()

    type: ClassVar[str] = "Extension"

    def __init__(self, name: str, urls: Iterable[str], /, *children: Element, column: str = "") -> None:
        for key, value in (("name", name), ("cardinality", "0..*"), ("column", column)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "urls", tuple(urls))
        object.__setattr__(self, "children", tuple(children))


@dataclass(frozen=True, slots=True)
class Computed(Element):
    """A value that no path reaches: what a FHIRPath expression over the resource gives, kept as `of`.

    cardinality is always "0..*".

    expression  FHIRPath from the resource
    of          search type that decides the columns: token, string, date, reference, number, quantity or uri
    """

    expression: str = field(default="", kw_only=True)
    of: SearchType = field(default="token", kw_only=True)

    type: ClassVar[str] = "Computed"


@dataclass(frozen=True, slots=True)
class Path:
    """Where a search parameter looks.

    steps  element names joined by dots; "value:Quantity" picks one type of a choice: "component.value:Quantity"
    where  (part, value): only those elements whose sibling `part` equals `value` ("telecom.where(system='phone')")
    to     reference: only those that point at one of these types (`where(resolve() is Patient)`)
    """

    steps: str
    where: tuple[str, str] | None = None
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter: the code of the parameter that gives its type, and the paths to its values.

    Paths start at the root of the composite; those in `from_resource` start at the resource (`%resource....`).
    """

    type: SearchType
    paths: tuple[Path, ...]
    from_resource: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of a type.

    code        name in the URL
    type        its search type
    paths       where it looks; several are ORed. For a composite: the root elements, "" for the resource
    to          reference: the types it may point at, () for any
    components  composite: its parts, in the order of the "$"-separated value
    """

    code: str
    type: SearchType
    paths: tuple[Path, ...]
    to: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True, init=False)
class Mapping:
    """One resource type: its elements, its search parameters and the date it is mostly sorted by.

    main_date  path of that date ("start", "period", "effective"), "" for none
    """

    type: str
    elements: tuple[Element, ...]
    search: tuple[Parameter, ...]
    main_date: str

    def __init__(self, type: str, /, *elements: Element, search: Iterable[Parameter], main_date: str = "") -> None:  # noqa: A002
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "elements", tuple(elements))
        object.__setattr__(self, "search", tuple(search))
        object.__setattr__(self, "main_date", main_date)

    def parameter(self, code: str) -> Parameter | None:
        """Return the search parameter called `code`, or None."""
        return next((parameter for parameter in self.search if parameter.code == code), None)

    def walk(self) -> Iterator[Element]:
        """Yield every element, parents before their parts."""
        pending = list(reversed(self.elements))
        while pending:
            element = pending.pop()
            yield element
            if isinstance(element, Backbone | Choice | Extension):
                pending.extend(reversed(element.children))


def _paths(
    code: str, paths: tuple[str | Path, ...], where: tuple[str, str] | None, to: Iterable[str]
) -> tuple[Path, ...]:
    given = paths or (code,)
    return tuple(path if isinstance(path, Path) else Path(path, where, tuple(to)) for path in given)


def token(code: str, *paths: str | Path, where: tuple[str, str] | None = None) -> Parameter:
    """A token parameter; without paths it looks at the element of its own name."""
    return Parameter(code, "token", _paths(code, paths, where, ()))


def string(code: str, *paths: str | Path) -> Parameter:
    """A string parameter."""
    return Parameter(code, "string", _paths(code, paths, None, ()))


def date(code: str, *paths: str | Path) -> Parameter:
    """A date parameter."""
    return Parameter(code, "date", _paths(code, paths, None, ()))


def number(code: str, *paths: str | Path) -> Parameter:
    """A number parameter."""
    return Parameter(code, "number", _paths(code, paths, None, ()))


def quantity(code: str, *paths: str | Path) -> Parameter:
    """A quantity parameter."""
    return Parameter(code, "quantity", _paths(code, paths, None, ()))


def uri(code: str, *paths: str | Path) -> Parameter:
    """A uri parameter."""
    return Parameter(code, "uri", _paths(code, paths, None, ()))


def reference(code: str, *paths: str | Path, to: Iterable[str] = (), only: Iterable[str] = ()) -> Parameter:
    """A reference parameter.

    to    the types the parameter may point at
    only  the types its paths are limited to (`where(resolve() is Patient)`)
    """
    return Parameter(code, "reference", _paths(code, paths, None, only), tuple(to))
