"""https://hl7.org/fhir/R4/http.html#paging"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from fhir_server.rest.paging import PAGE, Pager
from fhir_server.storage.access import Access, Grant

PAGER = Pager(b"key")
EVERYONE = Access.unrestricted()
NURSE = Access.restricted([Grant("Patient", frozenset({"search"}))])
QUERY = [("name", "x"), ("_count", "2")]


@given(st.text(max_size=100).filter(bool))
def test_a_cursor_comes_back_in_every_process_with_the_key(cursor: str) -> None:
    query = PAGER.next_query(EVERYONE, "Patient", QUERY, cursor)
    assert Pager(b"key").cursor(EVERYONE, "Patient", query) == cursor


def test_the_first_page_has_none() -> None:
    assert PAGER.cursor(EVERYONE, "Patient", QUERY) == ""


def test_the_form_of_the_answer_may_change() -> None:
    query = PAGER.next_query(EVERYONE, "Patient", QUERY, "c")
    assert PAGER.cursor(EVERYONE, "Patient", [("_format", "xml"), *query, ("_pretty", "true")]) == "c"


def test_the_next_page_replaces_the_cursor() -> None:
    second = PAGER.next_query(EVERYONE, "Patient", QUERY, "two")
    third = PAGER.next_query(EVERYONE, "Patient", second, "three")
    assert [name for name, _ in third].count(PAGE) == 1
    assert PAGER.cursor(EVERYONE, "Patient", third) == "three"


@pytest.mark.parametrize(
    "access, path, query",
    [
        (NURSE, "Patient", QUERY),
        (Access.nothing(), "Patient", QUERY),
        (EVERYONE, "Person", QUERY),
        (EVERYONE, "Patient", [("name", "y"), ("_count", "2")]),
        (EVERYONE, "Patient", [("name", "x")]),
        (EVERYONE, "Patient", QUERY[::-1]),
    ],
)
def test_a_link_is_bound_to_its_caller_and_request(access: Access, path: str, query: list[tuple[str, str]]) -> None:
    token = PAGER.next_query(EVERYONE, "Patient", QUERY, "c")[-1]
    with pytest.raises(BadRequest):
        PAGER.cursor(access, path, [*query, token])


@pytest.mark.parametrize("token", ["", "A", "AAAA", "ä", "=", "A" * 100, "%%%"])
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(BadRequest):
        PAGER.cursor(EVERYONE, "Patient", [*QUERY, (PAGE, token)])


def test_a_token_of_another_key_is_refused() -> None:
    query = Pager(b"other").next_query(EVERYONE, "Patient", QUERY, "c")
    with pytest.raises(BadRequest):
        PAGER.cursor(EVERYONE, "Patient", query)


def test_two_tokens_are_refused() -> None:
    query = PAGER.next_query(EVERYONE, "Patient", QUERY, "c")
    with pytest.raises(BadRequest):
        PAGER.cursor(EVERYONE, "Patient", [*query, query[-1]])
