"""Cases 32-37: too much of everything.

https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]


def test_case_32_a_declared_length_over_the_limit_is_refused_unread(wire: Wire, refused: Refused) -> None:
    head = {"Content-Length": "900000000", "Content-Type": "application/fhir+json"}
    refused(wire.send("POST", "/Patient", None, head), {413}, {"too-long"})


def test_case_33_a_chunked_body_over_the_limit_is_refused(wire: Wire, refused: Refused) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    head = (
        f"POST {wire.base}/Patient HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\nConnection: close\r\n"
        "Content-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    refused(wire.raw(head + chunk * 200 + b"0\r\n\r\n"), {413}, {"too-long"})


def test_case_34_a_decompression_bomb_is_refused(wire: Wire, refused: Refused) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 9)
    refused(wire.post("/Patient", bomb, Content_Encoding="gzip"), {413}, {"too-long"})


def test_case_34_nested_gzip_is_refused(wire: Wire, refused: Refused) -> None:
    body = gzip.compress(gzip.compress(b'{"resourceType":"Patient"}'))
    refused(wire.post("/Patient", body, Content_Encoding="gzip"), {400}, {"structure"})
    refused(wire.post("/Patient", body, Content_Encoding="gzip, gzip"), {400, 415}, {"structure", "not-supported"})


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_case_34_garbage_that_claims_to_be_compressed_is_refused(wire: Wire, refused: Refused, encoding: str) -> None:
    answer = wire.post("/Patient", b"this is not compressed", Content_Encoding=encoding)
    refused(answer, {400, 415}, {"structure", "not-supported"})


def test_case_34_an_unknown_encoding_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.post("/Patient", b"x", Content_Encoding="snappy"), {415}, {"not-supported"})


def test_case_35_a_body_shorter_than_declared_changes_nothing(wire: Wire) -> None:
    before = wire.newest()
    body = b'{"resourceType":"Patient"}'
    head = (
        f"POST {wire.base}/Patient HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\nContent-Type: application/fhir+json\r\n"
        f"Content-Length: {len(body) + 50}\r\nConnection: close\r\n\r\n"
    ).encode()
    answer = wire.raw(head + body, half_close=True)
    assert answer.status in {0, 400}
    assert wire.newest() == before


def test_case_35_content_length_together_with_chunked_ends_the_connection(wire: Wire) -> None:
    """The HTTP server drops Content-Length before the application sees it and reads the chunks, as RFC 9112 6.3 allows,
    provided that nothing is read from the connection afterwards: a smuggled second request is never executed."""
    body = b'{"resourceType":"Patient"}'
    smuggled = f"DELETE {wire.base}/Patient/smuggled HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n\r\n".encode()
    assert wire.put("/Patient/smuggled", {"resourceType": "Patient", "id": "smuggled"}).status in {200, 201}
    head = (
        f"POST {wire.base}/Patient HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\nContent-Type: application/fhir+json\r\n"
        f"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    answer = wire.raw(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) + smuggled)
    assert answer.status in {0, 201, 400}
    if answer.status == 201:
        assert answer.headers["connection"] == "close"
    assert wire.get("/Patient/smuggled").status == 200


def test_case_36_a_url_of_twenty_kilobytes_is_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.get("/Patient?name=" + "a" * 20_000), {414}, {"too-long"})


def test_case_36_five_hundred_parameters_are_refused(wire: Wire, refused: Refused) -> None:
    query = "&".join(f"name=a{n}" for n in range(500))
    refused(wire.get("/Patient?" + query), {400}, {"too-costly"})


def test_case_36_a_hundred_kilobytes_of_header_are_refused(wire: Wire, refused: Refused) -> None:
    answer = wire.get("/Patient", X_Big="a" * 100_000)
    if answer.status == 0 or answer.headers.get("content-type", "").startswith("application/fhir+") is False:
        assert answer.status in {0, 400, 431}, "the HTTP server may refuse it before the application sees it"
    else:
        refused(answer, {431}, {"too-long"})


def test_case_36_two_hundred_headers_are_refused(wire: Wire, refused: Refused) -> None:
    answer = wire.send("GET", "/Patient", None, {f"X-H{n}": "v" for n in range(200)})
    if answer.headers.get("content-type", "").startswith("application/fhir+") is False:
        assert answer.status in {0, 400, 431}, "the HTTP server may refuse it before the application sees it"
    else:
        refused(answer, {431}, {"too-long"})


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_case_37_a_bundle_of_fifty_thousand_entries_is_refused(wire: Wire, refused: Refused, kind: str) -> None:
    entry = '{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}'
    body = '{"resourceType":"Bundle","type":"' + kind + '","entry":[' + ",".join([entry] * 50_000) + "]}"
    refused(wire.post("/", body.encode()), {413, 400}, {"too-costly", "too-long"})


def test_a_bundle_at_the_limit_is_accepted(wire: Wire) -> None:
    entry = {
        "resource": {"resourceType": "Basic", "code": {"text": "x"}},
        "request": {"method": "POST", "url": "Basic"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 500}
    assert wire.post("/", json.dumps(bundle).encode()).status == 200
