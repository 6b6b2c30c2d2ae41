"""Location.position: where on earth.

https://hl7.org/fhir/R4/location.html#search
"""

from __future__ import annotations

from typing import Any

from fhir_server.storage.datatypes.place import Place, Spot
from fhir_server.storage.layout import Field
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_position(place: Place) -> Field:
    """Latitude and longitude."""
    columns = {
        "latitude": place.column("latitude", "real", "Degrees north (WGS 84)"),
        "longitude": place.column("longitude", "real", "Degrees east (WGS 84)"),
    }
    if place.searches:
        place.index(columns["latitude"], columns["longitude"])
    return place.field("position", columns)


def fill_position(place: Spot) -> Handler:
    """Write a position; computing distances needs no more than double precision."""
    latitude_at, longitude_at = place.at["latitude"], place.at["longitude"]

    def fill(value: Any, row: Row, _identity: Identity, _sink: Sink) -> None:
        latitude, longitude = value.get("latitude"), value.get("longitude")
        row[latitude_at] = None if latitude is None else float(latitude)
        row[longitude_at] = None if longitude is None else float(longitude)

    return fill
