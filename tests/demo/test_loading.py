"""The demo clinic in a real database of each kind."""

from __future__ import annotations

from datetime import datetime, timedelta

from click.testing import CliRunner

from fhir_server.app import create_server
from fhir_server.cli import main
from fhir_server.demo import SYSTEM, clinic
from fhir_server.settings import Settings
from fhir_server.storage.model import SearchRequest
from tests.demo.test_clinic import NOW
from tests.stores import EVERYONE, store_url, templates

__all__ = ["store_url", "templates"]


def test_loading_twice_even_days_later_duplicates_nothing(store_url) -> None:
    server = create_server(Settings(database=store_url))
    try:
        first = server.endpoint.transaction(clinic(NOW), EVERYONE)
        assert {response.status for response in first} == {201}
        later: datetime = NOW + timedelta(days=3)
        second = server.endpoint.transaction(clinic(later), EVERYONE)
        assert {response.status for response in second} == {200}
        page = server.endpoint.store.search(EVERYONE, SearchRequest("Slot", count=0, total=True))
        assert page.total == sum("/Slot/" in response.headers["Location"] for response in first)
    finally:
        server.database.close()


def test_the_clinic_is_found_by_search_and_its_tables_are_right(store_url) -> None:
    result = CliRunner().invoke(main, ["demo", "--no-serve", "--database", store_url])
    assert result.exit_code == 0, result.output
    assert "demo clinic is loaded" in result.output
    server = create_server(Settings(database=store_url))
    try:
        search = server.endpoint.store.search
        (alma,) = search(EVERYONE, SearchRequest("Patient", (("name", "alma"),))).rows
        identified = (("identifier", f"{SYSTEM}|claim-consultation"), ("patient", f"Patient/{alma.id}"))
        assert len(search(EVERYONE, SearchRequest("Claim", identified)).rows) == 1
    finally:
        server.database.close()
    result = CliRunner().invoke(main, ["check", "--database", store_url])
    assert (result.exit_code, result.output) == (0, "No differences.\n")
