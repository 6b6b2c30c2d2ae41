"""https://www.rfc-editor.org/rfc/rfc3986"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, TooCostly
from fhir_server.rest.url import address, path_of, query_of, without

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=5))
def test_a_query_survives_a_link(query: list[tuple[str, str]]) -> None:
    link = address("http://fhir.example/fhir", "Patient", query)
    assert query_of(urlsplit(link).query, 10) == query


@pytest.mark.parametrize("text", ["a=%", "a=%f", "a=%zz", "a=%ff", "a=%00", "a=%0a", "%7f=1"])
def test_a_broken_query_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        query_of(text, 10)


def test_more_parameters_than_the_limit_are_refused() -> None:
    assert len(query_of("&".join(["a=1"] * 10), 10)) == 10
    with pytest.raises(TooCostly):
        query_of("&".join(["a=1"] * 11), 10)


@pytest.mark.parametrize(
    "text, path", [("Patient/1", "Patient/1"), ("/Patient/", "Patient"), ("//Patient", "/Patient"), ("a%2Fb", "a/b")]
)
def test_a_path_is_decoded_once(text: str, path: str) -> None:
    assert path_of(text) == path


@pytest.mark.parametrize("text", ["a%", "a%zz", "a%ff"])
def test_a_broken_path_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        path_of(text)


def test_pairs_are_left_out_by_name() -> None:
    assert without([("a", "1"), ("b", "2"), ("a", "3")], ["a"]) == [("b", "2")]
