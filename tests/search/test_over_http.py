"""What a client gets over HTTP is what the oracle says: matches, their order, the total, included resources, pages.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.app import create_app
from fhir_server.formats.json import decode
from fhir_server.settings import Settings
from tests.search.agreement import Court
from tests.search.oracle import name_of
from tests.search.queries import FEATURES, Search, searches
from tests.search.resources import resource_sets
from tests.stores import BASE_URL, Clock

PER_SET, SETS = 15, 3
_ALLOWED = FEATURES - {"restricted"}  # everybody sees everything here


@pytest.fixture
def served(store_url: str, clock: Clock) -> Iterator[tuple[Court, FlaskClient]]:
    """A court over the store of an application, and a client of it."""
    chosen = Settings(
        database=store_url, base_url=BASE_URL, link_secret="of the tests", referential_integrity="relaxed"
    )
    app = create_app(chosen, clock=clock)
    server = app.extensions["fhir_server"]
    yield Court(server.endpoint.store, clock), app.test_client()
    server.database.close()


def url_of(court: Court, search: Search, **more: str) -> str:
    """Return the URL of a search."""
    owner = [*search.compartment, search.type or "*"] if search.compartment else [search.type or ""]
    query = [*court.dated(search), *search.include, *more.items()]
    query += [("_sort", ",".join(search.sort))] if search.sort else []
    return f"{BASE_URL}/{'/'.join(owner)}?{urlencode(query)}"


def fetched(client: FlaskClient, url: str) -> dict[str, Any]:
    """Return the Bundle at a URL, or the OperationOutcome."""
    answer = client.get(url.removeprefix(BASE_URL.removesuffix("/fhir")), base_url="http://fhir.example")
    found: dict[str, Any] = decode(answer.data)
    return found


def entries(bundle: dict[str, Any], mode: str) -> list[str]:
    """Return the names of a Bundle's resources of one search mode."""
    return [name_of(each["resource"]) for each in bundle.get("entry", ()) if each["search"]["mode"] == mode]


def test_bundles_hold_what_the_oracle_says(served: tuple[Court, FlaskClient]) -> None:
    court, client = served
    wrong: list[str] = []

    @settings(
        max_examples=SETS,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def judged(data: st.DataObject) -> None:
        resources = data.draw(resource_sets(least=15))
        asked = data.draw(searches(resources, PER_SET, _ALLOWED))
        court.fill(resources)
        wrong.extend(found for search in asked if (found := difference(court, client, search)))

    judged()
    assert wrong == []


def difference(court: Court, client: FlaskClient, search: Search) -> str:
    """Return how the answers to a search, on one page and on pages of two, differ from the oracle's; "" for not."""
    url, oracle = url_of(court, search, _total="accurate", _count="100"), court.oracle
    bundle = fetched(client, url)
    if bundle["resourceType"] != "Bundle":
        return f"{url}: {bundle['issue'][0]['diagnostics']}"
    found = [oracle.by_name[name] for name in entries(bundle, "match")]
    expected = sorted(map(name_of, court.matches(oracle, search)))
    if sorted(map(name_of, found)) != expected or bundle["total"] != len(expected):
        return f"{url}: {len(found)} matches of {bundle['total']}, not {expected}"
    if not oracle.in_order(found, search.sort):
        return f"{url}: the order is wrong"
    if sorted(entries(bundle, "include")) != sorted(map(name_of, oracle.included(found, search.include))):
        return f"{url}: includes {entries(bundle, 'include')}"
    joined: list[str] = []
    following: str | None = url_of(court, search, _count="2")
    while following:
        page = fetched(client, following)
        joined += entries(page, "match")
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return "" if joined == list(map(name_of, found)) else f"{url}: pages of two give {joined}"
