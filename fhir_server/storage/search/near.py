"""`near`: locations within a distance of a place, written as [latitude]|[longitude]|[distance]|[units].

https://hl7.org/fhir/R4/location.html#positional

The distance is a circle on the globe. Its unit is a UCUM unit of length, kilometres when none is given; without a
distance DEFAULT_DISTANCE is what near means. A box of latitudes and longitudes, which the index serves, comes first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Double, FromClause, Select, and_, func, not_, or_, select, type_coerce

from fhir_server.definitions import ucum
from fhir_server.storage import sphere
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Marks, column, named, unsupported_parameter, wrong
from fhir_server.storage.search.node import FLAG, NEGATIVE, NUMBER, Driver, Node, Nothing
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.scope import Build, Scope
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

DEFAULT_DISTANCE = Decimal(10)
"""Kilometres that are near where no distance is given: R4 leaves the choice to the server."""

_MOST_PLACES = 20
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_METRE = (("m", 1),)
_ROUNDED = 0.001  # metres by which a computed distance may be too great, many times over


@dataclass(frozen=True, slots=True)
class Near(Nothing):
    """Being near one of several places.

    target  where the position is
    places  ORed; the shape of each says how its box is told; none: see missing
    missing for :missing what was asked, else None
    """

    target: SearchTarget
    places: tuple[Operand, ...]
    missing: bool | None = None

    @property
    def rank(self) -> int:
        return NUMBER if self.places else NEGATIVE if self.missing else FLAG

    def shape(self) -> Hashable:
        return ("near", self.missing, tuple(place.shape for place in self.places))

    def data(self) -> tuple[Any, ...]:
        return tuple(item for place in self.places for item in place.data)

    def words(self) -> str:
        if self.missing is not None:
            return f"{self.target.code} is {'missing' if self.missing else 'present'}"
        return f"{self.target.code} to a place" + (f", any of {len(self.places)}" if len(self.places) > 1 else "")

    def drive(self, build: Build, resource_type: str | None, marks: Marks) -> Driver | None:
        if not self.places:
            return None
        table = build.alias(build.parts.table(resource_type, self.target.table))
        found = self._found(table, marks, build.parts.schema.dialect_name)
        return Driver(table, (found,), is_main=True)

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        table = scope.alias(scope.table(self.target.table))
        return select(table.c.key).where(self._found(table, marks, scope.parts.schema.dialect_name))

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return self._found(scope.main(), marks, scope.parts.schema.dialect_name)

    def _found(self, table: FromClause, marks: Marks, dialect: str) -> ColumnElement[bool]:
        latitude, longitude = (column(self.target, table, role) for role in ("latitude", "longitude"))
        if self.missing is not None:
            known = and_(latitude.is_not(None), longitude.is_not(None))
            return not_(known) if self.missing else known
        found, start = [], 0
        for place in self.places:
            own: list[Any] = [type_coerce(mark, Double()) for mark in marks[start : start + len(place.data)]]
            start += len(own)
            found.append(_inside(str(place.shape), own, latitude, longitude, dialect))
        return or_(*found)


_Column = ColumnElement[Any]


def _inside(shape: str, marks: list[Any], latitude: _Column, longitude: _Column, dialect: str) -> ColumnElement[bool]:
    """Return when a position lies in a circle; the marks are those of `_place`."""
    north, east, narrowing, reach, low, high, *sides = marks
    conditions = [latitude >= low, latitude <= high]
    if shape != "all":
        west, end = sides
        between = (longitude >= west, longitude <= end)
        # Some write longitudes from 0 to 360 degrees: the box says nothing of those.
        beyond = (longitude > _EDGE, longitude < -_EDGE)
        conditions.append(or_(and_(*between) if shape == "between" else or_(*between), *beyond))
    if dialect == "sqlite":
        distance: _Column = func.haversine(latitude, longitude, north, east)
    else:
        up, along = func.sin(func.radians(latitude - north) / 2), func.sin(func.radians(longitude - east) / 2)
        distance = up * up + narrowing * func.cos(func.radians(latitude)) * along * along
    return and_(*conditions, distance <= reach)


_EDGE = 180.0


def near(names: Names, resource_type: str | None, modifier: str, depth: int) -> Callable[[str], Node]:  # noqa: ARG001
    """Return what makes the node of `near`. Raises UnsupportedParameter for a type that has no position."""
    found = names.targets(resource_type, "near")
    if len(found) != 1 or found[0].kind != "position":
        raise names.refused(resource_type, "near", "near")
    (target,) = found
    if modifier not in ("", "missing"):
        raise unsupported_parameter(f"The parameter 'near' has no modifier {named(modifier)}.")
    return lambda text: _missing(target, text) if modifier else _made(target, text)


def _missing(target: SearchTarget, text: str) -> Near:
    if text not in ("true", "false"):
        raise wrong("The modifier :missing takes true or false.")
    return Near(target, (), missing=text == "true")


def _made(target: SearchTarget, text: str) -> Near:
    values = split(text, ",")
    if len(values) > _MOST_PLACES:
        raise wrong(f"The parameter 'near' can have {_MOST_PLACES} places at most.")
    return Near(target, tuple(dict.fromkeys(map(_place, values))))


def _place(text: str) -> Operand:
    """Return a place: shape "all", "between" or "around" (the 180th meridian) for the longitudes of its box."""
    parts = [unescape(part) for part in split(text, "|")]
    if not 2 <= len(parts) <= 4:
        raise wrong("A place is written as latitude|longitude|distance|units, such as 46.95|7.44|5|km.")
    north, east, distance, unit = (*parts, "", "")[:4]
    latitude, longitude = _degrees(north, "latitude", 90), _degrees(east, "longitude", 180)
    metres = _metres(distance, unit) if distance else float(DEFAULT_DISTANCE * 1000)
    metres += _ROUNDED
    found = sphere.box(latitude, longitude, metres)
    narrowing = math.cos(math.radians(latitude))
    data = (latitude, longitude, narrowing, sphere.reach(metres), found.low, found.high)
    if found.west is None or found.east is None:
        return Operand("all", data)
    return Operand("between" if found.west <= found.east else "around", (*data, found.west, found.east))


def _degrees(text: str, what: str, most: int) -> float:
    value = _number(text)
    if value is None or abs(value) > most:
        raise wrong(f"The {what} of a place is a number of degrees from -{most} to {most}.")
    return float(value)


def _number(text: str) -> Decimal | None:
    # A plus sign that was not percent-encoded in the URL arrives as a blank.
    text = text.lstrip(" ")
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _metres(text: str, unit: str) -> float:
    value, length = _number(text), ucum.parse(unit or "km")
    if value is None or value < 0:
        raise wrong("The distance from a place is a number, 0 or more.")
    if length is None or length.dimensions != _METRE:
        raise wrong(f"{named(unit)} is no UCUM unit of length such as km, m, [mi_i] or [nmi_i].")
    return min(float(value * Decimal(length.factor.numerator) / Decimal(length.factor.denominator)), sphere.FARTHEST)
