"""Filters, lists, places and URIs are looked up by indexes.

https://www.sqlite.org/eqp.html
"""

from __future__ import annotations

import pytest

from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE

PLANS = [
    ("Patient", "_filter", "family eq meier", "ix_patient_name_part_folded_part_key"),
    ("Patient", "_filter", "family eq meier or identifier eq urn:x|1", "ix_patient_name_part_folded_part_key"),
    ("Observation", "_filter", "subject[gender eq male].family eq meier", "ix_patient_name_part_folded_part_key"),
    ("Location", "near", "47|8|5|km", "ix_location_position_latitude_position_longitude_key"),
    ("ValueSet", "url", "http://x.org/v", "ix_value_set_url_key"),
    ("ValueSet", "url", "http://x.org/v|1", "ix_value_set_url_key"),
    ("Patient", "_profile", "http://x.org/p", "ix_meta_profile_value"),
    ("Patient", "_source", "http://x.org/p", "ix_meta_source_value"),
]


def test_each_search_uses_its_index(store: Store) -> None:
    if store.database.dialect != "sqlite":
        pytest.skip("without rows PostgreSQL reads any table from end to end")
    for type_, code, value, index in PLANS:
        explained = store.explain(EVERYONE, SearchRequest(type_, ((code, value),)))
        used = [name for statement in explained.statements for name in statement.indexes]
        assert index in used, (code, value, explained)


def test_a_list_is_read_by_its_key(store: Store) -> None:
    if store.database.dialect != "sqlite":
        pytest.skip("without rows PostgreSQL reads any table from end to end")
    explained = store.explain(EVERYONE, SearchRequest("Patient", (("_list", "42"),)))
    steps = [step for statement in explained.statements for step in statement.steps]
    assert [step.node.split()[0] for step in steps if step.table in ("list_entry", "patient")] == ["SEARCH", "SEARCH"]
