"""https://hl7.org/fhir/R4/http.html#security and the bounds of a request (RFC 9110)"""

from __future__ import annotations

import gzip
import io
import json
import logging

import flask
import pytest

from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.message import Request
from tests.spec.http.client import BASE, Fhir, codes, patient

SMALL = b'{"resourceType":"Patient"}'


@pytest.mark.parametrize(
    "path", ["/fhir/metadata", "/fhir/Patient/nobody", "/elsewhere", "/livez", "/docs", "/openapi.json"]
)
def test_every_answer_has_the_security_headers(fhir: Fhir, path: str) -> None:
    answer = fhir.plain("GET", path)
    assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers.getlist("Cache-Control") == ["no-store"]
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/nobody", "/elsewhere", "/livez"])
def test_a_harmless_request_id_is_returned(fhir: Fhir, path: str) -> None:
    assert fhir.plain("GET", path, X_Request_Id="a-1.b:2").headers["X-Request-Id"] == "a-1.b:2"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "a;b", "ä"])
def test_another_request_id_is_replaced(fhir: Fhir, given: str) -> None:
    found = fhir.get("/metadata", X_Request_Id=given).headers["X-Request-Id"]
    assert found != given
    assert 1 <= len(found) <= 64


@pytest.mark.parametrize("path", ["/fhir/Patient", "/docs", "/elsewhere"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a b", "127.0.0.1:99999999", ""])
def test_a_host_that_is_not_ours_is_400(fhir: Fhir, path: str, host: str) -> None:
    answer = fhir.plain("GET", path, Host=host)
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "[::1]:8080", "127.0.0.1"])
def test_our_hosts_are_served_and_links_come_from_the_settings(fhir: Fhir, host: str) -> None:
    answer = fhir.get("/Patient", Host=host, X_Forwarded_Host="evil.example", Forwarded="host=evil.example")
    assert answer.status_code == 200
    assert answer.json["link"][0]["url"] == f"{BASE}/Patient"


def test_a_long_url_is_414(strict: Fhir) -> None:
    answer = strict.get("/Patient?name=" + "a" * 1_000)
    assert (answer.status_code, codes(answer)) == (414, ["too-long"])


def test_many_parameters_are_400(strict: Fhir) -> None:
    answer = strict.get("/Patient?" + "&".join(["name=a"] * 11))
    assert (answer.status_code, codes(answer)) == (400, ["too-costly"])
    form = strict.post("/Patient/_search", "&".join(["name=a"] * 11), Content_Type="application/x-www-form-urlencoded")
    assert (form.status_code, codes(form)) == (400, ["too-costly"])


@pytest.mark.parametrize("headers", [{f"X-{n}": "a" for n in range(30)}, {"X-Big": "a" * 3_000}])
def test_many_or_large_headers_are_431(strict: Fhir, headers: dict[str, str]) -> None:
    answer = strict.get("/Patient", **headers)
    assert (answer.status_code, codes(answer)) == (431, ["too-long"])


def test_a_body_over_the_limit_is_413(strict: Fhir) -> None:
    answer = strict.post("/Patient", b" " * 20_001)
    assert (answer.status_code, codes(answer)) == (413, ["too-long"])


def test_a_declared_length_over_the_limit_is_413_unread(strict: Fhir) -> None:
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("the body was read")

    answer = strict.app.test_client().post(
        "/fhir/Patient",
        input_stream=Unread(),
        environ_overrides={"CONTENT_LENGTH": "900000000"},
        headers={"Content-Type": "application/fhir+json"},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("size, status", [(30_000, 413), (0, 201)])
def test_a_chunked_body_is_bounded_while_it_is_read(strict: Fhir, size: int, status: int) -> None:
    answer = strict.app.test_client().post(
        "/fhir/Patient",
        input_stream=io.BytesIO(SMALL + b" " * size),
        environ_overrides={
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
        },
        headers={"Content-Type": "application/fhir+json"},
    )
    assert answer.status_code == status


@pytest.mark.parametrize("length", ["-1", "x", "1.5", "5", "٣"])
def test_a_length_that_is_not_kept_is_400(strict: Fhir, length: str) -> None:
    answer = strict.app.test_client().post(
        "/fhir/Patient",
        input_stream=io.BytesIO(b"{}"),
        environ_overrides={"CONTENT_LENGTH": length},
        headers={"Content-Type": "application/fhir+json"},
    )
    assert (answer.status_code, codes(answer)) == (400, ["structure"])


def test_a_length_and_a_coding_together_are_400(strict: Fhir) -> None:
    assert strict.post("/Patient", SMALL, Transfer_Encoding="chunked").status_code == 400


def test_a_gzip_body_is_read(fhir: Fhir) -> None:
    body = gzip.compress(json.dumps(patient(active=True)).encode())
    answer = fhir.post("/Patient", body, Content_Encoding="gzip")
    assert (answer.status_code, answer.json["active"]) == (201, True)


@pytest.mark.parametrize(
    "body, encoding, status",
    [
        (gzip.compress(b" " * 50_000_000), "gzip", 413),
        (gzip.compress(gzip.compress(SMALL)), "gzip", 400),
        (gzip.compress(SMALL)[:-5], "gzip", 400),
        (gzip.compress(SMALL) + b"more", "gzip", 400),
        (b"no gzip", "gzip", 400),
        (SMALL, "deflate", 415),
        (SMALL, "gzip, gzip", 415),
        (SMALL, "snappy", 415),
        (SMALL, "identity", 201),
    ],
    ids=["bomb", "twice", "cut off", "more behind", "no gzip", "deflate", "two encodings", "unknown", "identity"],
)
def test_other_encodings_are_refused(strict: Fhir, body: bytes, encoding: str, status: int) -> None:
    assert strict.post("/Patient", body, Content_Encoding=encoding).status_code == status


@pytest.mark.parametrize("method", ["TRACE", "LINK", "FOO"])
@pytest.mark.parametrize("path", ["/fhir/Patient", "/fhir", "/livez"])
def test_an_unknown_method_is_405(fhir: Fhir, method: str, path: str) -> None:
    answer = fhir.plain(method, path)
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "method, path", [("POST", "/Patient/1"), ("PUT", "/metadata"), ("PATCH", ""), ("PUT", "/_history")]
)
def test_a_method_the_address_does_not_have_is_405(fhir: Fhir, method: str, path: str) -> None:
    answer = fhir.send(method, path, patient())
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])
    assert method not in answer.headers["Allow"].split(", ")


def test_options_lists_the_methods_and_allows_no_other_origin(fhir: Fhir) -> None:
    answer = fhir.send("OPTIONS", "/Patient", Origin="https://evil.example", Access_Control_Request_Method="POST")
    assert answer.status_code == 204
    assert set(answer.headers["Allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
    assert not [name for name, _ in answer.headers.items() if name.startswith("Access-Control")]


def test_pages_of_other_origins_are_let_in_where_the_settings_name_them(strict: Fhir) -> None:
    asked = strict.send("OPTIONS", "/Patient/1", Origin="https://app.example", Access_Control_Request_Method="PUT")
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "PUT" in asked.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in asked.headers["Access-Control-Allow-Headers"]
    answer = strict.get("/Patient/nobody", Origin="https://app.example")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, "https://app.example")
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert strict.get("/metadata").json["rest"][0]["security"]["cors"] is True


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.example"])
def test_other_origins_are_not_let_in(strict: Fhir, origin: str) -> None:
    answer = strict.send("OPTIONS", "/Patient/1", Origin=origin, Access_Control_Request_Method="PUT")
    assert not [name for name, _ in answer.headers.items() if name.startswith("Access-Control")]
    assert answer.headers["Vary"] == "Origin"


def test_a_defect_is_500_without_details_and_logged_without_values(
    application: flask.Flask, fhir: Fhir, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "".join(("Mr ", "Secret"))

    def fail(self: Endpoint, request: Request, route: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(Endpoint, "perform", fail)
    with caplog.at_level(logging.ERROR):
        answer = fhir.get("/Patient/1", X_Request_Id="call-7")
    assert (answer.status_code, codes(answer)) == (500, ["exception"])
    assert "call-7" in answer.text
    assert "call-7" in caplog.text
    assert secret not in answer.text + caplog.text


def test_probes_answer(fhir: Fhir) -> None:
    assert fhir.plain("GET", "/livez", Host="10.0.0.7").status_code == 200
    assert fhir.plain("GET", "/readyz", Host="10.0.0.7").status_code == 200
