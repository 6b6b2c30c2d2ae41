"""https://www.rfc-editor.org/rfc/rfc9110 and https://www.rfc-editor.org/rfc/rfc1952"""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import FhirError, MalformedContent, TooLarge
from fhir_server.rest.intake import Headers, unfolded


@given(st.binary(max_size=2_000))
def test_a_compressed_body_comes_back(raw: bytes) -> None:
    if not raw.startswith(b"\x1f\x8b"):
        assert unfolded(gzip.compress(raw), 10_000) == raw


@given(st.binary(max_size=200))
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedContent):
        unfolded(raw, 10_000)


@given(st.binary(min_size=1, max_size=500), st.data())
def test_a_body_that_is_cut_off_is_refused(raw: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(raw)
    with pytest.raises(FhirError):
        unfolded(whole[: data.draw(st.integers(0, len(whole) - 1))], 10_000)


def test_a_bomb_is_refused_without_holding_it() -> None:
    bomb = gzip.compress(b" " * 100_000_000, 9)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unfolded(bomb, 5_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_ratio_no_document_has_is_refused_below_the_limit() -> None:
    with pytest.raises(TooLarge):
        unfolded(gzip.compress(b" " * 10_000_000, 9), 1_000_000_000)


def test_headers_are_found_by_lower_case_names() -> None:
    headers = Headers({"HTTP_IF_NONE_MATCH": "*", "CONTENT_TYPE": "a/b"})
    assert headers.get("if-none-match") == "*"
    assert headers.get("content-type") == "a/b"
    assert headers.get("accept") is None
