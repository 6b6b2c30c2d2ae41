"""A search that takes too long is stopped and says so: https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.spec.http.client import BASE, Fhir, codes, entry, patient, unique


@pytest.fixture
def impatient(database: str) -> Iterator[Fhir]:
    app = create_app(Settings(database=database, base_url=BASE, statement_timeout_ms=10))
    yield Fhir(app)
    app.extensions["fhir_server"].database.close()


def test_a_search_beyond_the_time_limit_ends_with_a_sentence(fhir: Fhir, impatient: Fhir) -> None:
    mark = unique()
    people = [patient(name=[{"given": [f"{mark}a{n}b{k}" for k in range(60)]}]) for n in range(300)]
    assert fhir.transaction(*(entry("POST", "Patient", each) for each in people)).status_code == 200
    # Each of the conditions reads every name of the mark, and none of them leaves anybody out.
    path = "/Patient?" + "&".join(["name:contains=" + mark] * 40) + "&_sort=given,name&_total=accurate"
    for address in (path, f"{path}&_explain=true"):
        started = time.monotonic()
        answer = impatient.get(address)
        assert time.monotonic() - started < 5
        assert (answer.status_code, codes(answer)) == (503, ["too-costly"])
        assert "took longer" in answer.json["issue"][0]["diagnostics"]
        assert answer.headers["Retry-After"]
    assert impatient.get("/metadata").status_code == 200
