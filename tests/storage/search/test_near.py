"""`near` finds the locations in a circle on the globe.

https://hl7.org/fhir/R4/location.html#positional
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, UnsupportedParameter
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from fhir_server.storage.sphere import box
from tests.stores import EVERYONE, put

EARTH = 6371.0088  # km, the mean radius

PLACES = {
    "bern": (46.948, 7.4474),
    "zurich": (47.3769, 8.5417),
    "geneva": (46.2044, 6.1432),
    "basel": (47.5596, 7.5886),
    "auckland": (-36.8485, 174.7633),
    "suva": (-18.1416, 178.4419),
    "taveuni": (-16.8, -179.97),
    "date-line": (-16.8, 180.0),
    "apia": (-13.8507, -171.7514),
    "null-island": (0.0, 0.0),
    "south-pole": (-90.0, 0.0),
    "mcmurdo": (-77.8419, 166.6863),
    "north-pole": (90.0, 45.0),
    "alert": (82.5018, -62.3481),
    "eureka": (79.9889, -85.9408),
    "quito": (-0.1807, -78.4678),
}


def location(id_: str, latitude: float | None, longitude: float | None) -> dict[str, Any]:
    parts = {"latitude": latitude, "longitude": longitude}
    position = {name: Decimal(str(part)) for name, part in parts.items() if part is not None}
    return {"resourceType": "Location", "id": id_, **({"position": position} if position else {})}


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return kilometres between two places by the angle between their vectors: another formula than the server's."""

    def vector(place: tuple[float, float]) -> tuple[float, float, float]:
        up, along = math.radians(place[0]), math.radians(place[1])
        return math.cos(up) * math.cos(along), math.cos(up) * math.sin(along), math.sin(up)

    a, b = vector(one), vector(other)
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return EARTH * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(a, b, strict=True)))


def found(store: Store, *values: str, name: str = "near", type_: str = "Location") -> set[str]:
    parameters = tuple((name, value) for value in values)
    page = store.search(EVERYONE, SearchRequest(type_, parameters, count=1000, total=True))
    ids = [row.id for row in page.rows]
    assert len(ids) == len(set(ids)) == page.total
    return set(ids)


@pytest.fixture
def globe(store: Store) -> Store:
    put(store, *(location(id_, *place) for id_, place in PLACES.items()), location("nowhere", None, None))
    return store


def test_what_is_near_is_what_the_great_circle_says(store: Store) -> None:
    steps = [(latitude, longitude) for latitude in range(-90, 91, 15) for longitude in range(-180, 181, 20)]
    places = dict(PLACES) | {f"p{number}": place for number, place in enumerate(steps)}
    places |= {f"close{number}": (47 + number / 50, 8 - number / 70) for number in range(-10, 10)}
    put(store, *(location(id_, *place) for id_, place in places.items()))
    known = list(places.values())
    latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, -89.99, 0.0, 47.0, 89.5, 90.0]))
    longitudes = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, -179.9, 0.0, 8.0, 179.99, 180.0]))
    centres = st.one_of(st.tuples(latitudes, longitudes), st.sampled_from(known))
    distances = st.one_of(st.floats(0.001, 30), st.floats(30, 3000), st.floats(3000, 25000))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(centres, distances)
    def agree(centre: tuple[float, float], within: float) -> None:
        latitude, longitude, within = round(centre[0], 6), round(centre[1], 6), round(within, 3)
        away = {id_: distance((latitude, longitude), place) for id_, place in places.items()}
        assume(all(abs(each - within) > 1e-3 for each in away.values()))
        value = f"{latitude:.6f}|{longitude:.6f}|{within:.3f}|km"
        assert found(store, value) == {id_ for id_, each in away.items() if each < within}, value

    agree()


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 2.1e7), st.floats(0, 2 * math.pi))
@settings(deadline=None)
def test_the_box_holds_the_whole_circle(north: float, east: float, metres: float, bearing: float) -> None:
    """Walk the distance in any direction: where one arrives is inside."""
    angle, up, along = min(metres / (EARTH * 1000), math.pi) * 0.999999, math.radians(north), math.radians(east)
    sine = math.sin(up) * math.cos(angle) + math.cos(up) * math.sin(angle) * math.cos(bearing)
    arrived = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(math.sin(bearing) * math.sin(angle) * math.cos(up), math.cos(angle) - math.sin(up) * sine)
    latitude, longitude = math.degrees(arrived), (math.degrees(along + turn) + 540) % 360 - 180
    made = box(north, east, metres)
    assert made.low <= latitude <= made.high
    if made.west is not None and made.east is not None and abs(latitude) < 89.999:
        slack = 1e-6
        inside = (made.west - slack <= longitude, longitude <= made.east + slack)
        assert all(inside) if made.west <= made.east else any(inside)


FORMS = [
    ("46.948|7.4474|100|km", "bern zurich basel"),
    ("46.948|7.4474|96", "bern zurich basel"),
    ("46.948|7.4474|95000|m", "bern basel"),
    ("46.948|7.4474|60|[mi_i]", "bern zurich basel"),
    ("46.948|7.4474|45|[nmi_i]", "bern basel"),
    ("46.948|7.4474|300000|[ft_i]", "bern basel"),
    ("46.948|7.4474", "bern"),
    ("46.948|7.4474|", "bern"),
    ("46.948|7.4474||", "bern"),
    ("46.948|7.4474||frobs", "bern"),
    ("47.02|7.4474", "bern"),
    ("47.05|7.4474", ""),
    ("+46.948|+7.4474|0|km", "bern"),
    ("46.9481|7.4474|0|km", ""),
    ("46.948|7.4474|130|km,47.3769|8.5417|1|km", "bern zurich basel geneva"),
    ("-16.8|179.99|10|km", "date-line taveuni"),
    ("-16.8|-179.99|10|km", "date-line taveuni"),
    ("-16.8|-180|0|km", "date-line"),
    ("-17|180|1100|km", "suva taveuni date-line apia"),
    ("-89.9|100|2000|km", "south-pole mcmurdo"),
    ("90|-170|900|km", "north-pole alert"),
    ("0|0|1e3|km", "null-island"),
    ("0|0|21000|km", " ".join(PLACES)),
    ("0|0|1e9|km", " ".join(PLACES)),
]  # fmt: skip


def test_the_forms_of_a_place(globe: Store) -> None:
    for value, wanted in FORMS:
        assert found(globe, value) == set(wanted.split()), value


def test_two_places_may_both_be_asked_for(globe: Store) -> None:
    assert found(globe, "46.948|7.4474|100|km", "47.3769|8.5417|80|km") == {"zurich", "basel"}


def test_a_position_of_which_half_is_missing_is_none(globe: Store) -> None:
    put(globe, location("half", 46.948, None), location("other-half", None, 7.4474))
    assert found(globe, "46.948|7.4474|1|km") == {"bern"}
    assert found(globe, "true", name="near:missing") == {"nowhere", "half", "other-half"}
    assert found(globe, "false", name="near:missing") == set(PLACES)


def test_longitudes_up_to_360_degrees_are_understood_where_they_are_stored(globe: Store) -> None:
    put(globe, location("fiji", -16.8, 180.03), location("west", 10, 359.99), location("far", 10, -359.99))
    assert found(globe, "-16.8|-179.97|1|km") == {"taveuni", "fiji"}
    assert found(globe, "10|0|5|km") == {"west", "far"}


def test_near_can_be_chained_and_combined(globe: Store) -> None:
    schedule = {"resourceType": "HealthcareService", "location": [{"reference": "Location/zurich"}]}
    put(globe, {**schedule, "id": "here"}, {**schedule, "id": "there", "location": [{"reference": "Location/quito"}]})
    assert found(globe, "47|8|100|km", name="location.near", type_="HealthcareService") == {"here"}
    request = SearchRequest("Location", (("near", "47|8|100|km"), ("_id", "bern,zurich,suva")), sort=("-_id",))
    assert [row.id for row in globe.search(EVERYONE, request).rows] == ["zurich", "bern"]


def test_pages_of_what_is_near_neither_repeat_nor_skip(globe: Store) -> None:
    request = SearchRequest("Location", (("near", "47|8|200|km"),), count=1, total=True)
    seen, page = [], globe.search(EVERYONE, request)
    seen += [row.id for row in page.rows]
    while page.next_cursor:
        page = globe.search(EVERYONE, SearchRequest("Location", request.parameters, count=1, cursor=page.next_cursor))
        seen += [row.id for row in page.rows]
    assert sorted(seen) == ["basel", "bern", "geneva", "zurich"]


def test_what_is_near_is_found_by_those_who_may_see_it(globe: Store) -> None:
    slots = Access.restricted([Grant("Slot", frozenset({"search"}))])
    request = SearchRequest("Location", (("near", "47|8|200|km"),), total=True)
    page = globe.search(slots, request)
    assert (page.rows, page.total) == ([], 0)
    locations = Access.restricted([Grant("Location", frozenset({"search"}))])
    assert len(globe.search(locations, request).rows) == 4


NO_PLACES = [
    "", "47", "47|8|1|km|x", "91|8", "47|181", "47|-180.5", "a|b", "47|8|-1", "47|8|ge5", "47|8|five|km", "NaN|8",
    "47|8|1|kg", "47|8|1|frobs", "47|8|1|mi", "47|8,", "1e999|8", "47|8|1e999", "|8|1|km", "ge47|8",
    "47|8|1|" + "(" * 200, "47|8|\u0661", ",".join(["47|8"] * 21),
]  # fmt: skip


def test_what_is_no_place_is_refused(store: Store) -> None:
    for value in NO_PLACES:
        with pytest.raises(BadRequest) as caught:
            found(store, value)
        assert caught.value.all_issues()[0].code == "value"


def test_near_belongs_to_locations_and_is_no_order(store: Store) -> None:
    for request in (
        SearchRequest("Patient", (("near", "47|8"),)),
        SearchRequest(None, (("near", "47|8"),)),
        SearchRequest(None, (("_type", "Location,Patient"), ("near", "47|8"))),
        SearchRequest("Location", (("near:exact", "47|8"),)),
        SearchRequest("Location", (), sort=("near",)),
    ):
        with pytest.raises(UnsupportedParameter):
            store.search(EVERYONE, request)
