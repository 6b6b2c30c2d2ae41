"""A search that would look at tables with missing rows is refused, through whatever part of it looks there.

https://hl7.org/fhir/R4/search.html#errors
"""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from fhir_server.errors import Unavailable
from fhir_server.storage.access import Access
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from fhir_server.storage.tables import projection_build

EVERYONE = Access.unrestricted()
SEARCHES = {
    "itself": SearchRequest("Patient", (("name", "a"),)),
    "chain": SearchRequest("Observation", (("subject:Patient.name", "a"),)),
    "reverse chain": SearchRequest("Practitioner", (("_has:Patient:general-practitioner:name", "a"),)),
    "reverse include": SearchRequest("Organization", (), includes=(("_revinclude", "Patient:organization"),)),
    "several types": SearchRequest(None, (("_type", "Patient,Practitioner"), ("name", "a"))),
    "chain in a chain": SearchRequest("Provenance", (("target:Observation.subject:Patient.name", "a"),)),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_over_a_type_with_gaps_is_refused_with_the_reason(store: Store, name: str) -> None:
    assert store.search(EVERYONE, SEARCHES[name]).rows == []
    with store.database.transaction() as session:
        session.execute(insert(projection_build).values(type="Patient", position=0, gaps=True))
    store._parts.gaps._until = 0.0
    with pytest.raises(Unavailable, match="rebuilt"):
        store.search(EVERYONE, SEARCHES[name])


def test_a_search_that_looks_elsewhere_is_answered_meanwhile(store: Store) -> None:
    with store.database.transaction() as session:
        session.execute(insert(projection_build).values(type="Patient", position=0, gaps=True))
    store._parts.gaps._until = 0.0
    assert store.search(EVERYONE, SearchRequest("Observation", (("subject", "Patient/1"),))).rows == []
