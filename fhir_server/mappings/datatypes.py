"""The elements a mapping declares: one constructor per FHIR datatype.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from collections.abc import Iterable
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
