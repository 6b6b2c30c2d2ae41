"""Distances on the globe: great circles on a sphere of the earth's mean radius.

https://en.wikipedia.org/wiki/Haversine_formula

A distance is told as its haversine, the square of half the chord on a unit sphere: it grows with the distance, so two
haversines compare as the distances do. SQLite cannot compute one everywhere and is given the function; PostgreSQL can.
The sphere differs from the ellipsoid of WGS 84 by half a percent at most.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

RADIUS = 6_371_008.8
"""Mean radius of the earth in metres."""

FARTHEST = math.pi * RADIUS
"""The greatest distance there is, in metres."""

_SLACK = 1e-9  # degrees, a tenth of a millimetre: a box is never too small for being rounded


@dataclass(frozen=True, slots=True)
class Box:
    """Latitudes and longitudes between which a circle lies, in degrees.

    low, high   latitudes
    west, east  longitudes; west is greater than east where the box crosses the 180th meridian. None: all longitudes,
                because a pole lies in the circle
    """

    low: float
    high: float
    west: float | None = None
    east: float | None = None


def haversine(latitude: float | None, longitude: float | None, north: float, east: float) -> float | None:
    """Return the haversine of the angle between two places, all in degrees; None where one is not known."""
    if latitude is None or longitude is None:
        return None
    up, along = math.radians(latitude - north) / 2, math.radians(longitude - east) / 2
    narrowing = math.cos(math.radians(latitude)) * math.cos(math.radians(north))
    return math.sin(up) ** 2 + narrowing * math.sin(along) ** 2


def reach(distance: float) -> float:
    """Return the haversine of a distance in metres, of FARTHEST for a greater one."""
    return math.sin(min(distance, FARTHEST) / RADIUS / 2) ** 2


def box(north: float, east: float, distance: float) -> Box:
    """Return the least box around the circle of `distance` metres about a place given in degrees."""
    angle = min(distance, FARTHEST) / RADIUS
    low, high = north - math.degrees(angle) - _SLACK, north + math.degrees(angle) + _SLACK
    if low <= -90 or high >= 90:
        return Box(low, high)
    sine = math.sin(angle) / math.cos(math.radians(north))
    width = math.degrees(math.asin(min(1.0, sine))) + _SLACK / math.cos(math.radians(max(abs(low), abs(high))))
    if width >= 180:
        return Box(low, high)
    return Box(low, high, _turned(east - width), _turned(east + width))


def _turned(longitude: float) -> float:
    """Return a longitude as one of -180 up to 180 degrees."""
    return longitude + 360 if longitude < -180 else longitude - 360 if longitude > 180 else longitude


def register(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection the function haversine(latitude, longitude, north, east)."""
    connection.create_function("haversine", 4, haversine, deterministic=True)
