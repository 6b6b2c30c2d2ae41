"""A mapping: the elements of a type that are kept in tables, and where its search parameters look.

https://hl7.org/fhir/R4/search.html

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
from dataclasses import dataclass

from fhir_server.mappings.datatypes import Backbone, Choice, Element, Extension, SearchType


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
