"""https://hl7.org/fhir/R4/binary.html#rest"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.spec.http.client import JSON, XML, Fhir, codes, patient

BYTES = bytes(range(256))


@pytest.fixture
def picture(fhir: Fhir) -> dict[str, Any]:
    return fhir.create({"resourceType": "Binary", "contentType": "image/png", "data": base64.b64encode(BYTES).decode()})


@pytest.mark.parametrize("accept", ["", "*/*", "image/png", "image/*;q=0.5", "text/html, */*;q=0.1"])
@pytest.mark.parametrize("path", ["/Binary/{}", "/Binary/{}/_history/1"])
def test_the_content_is_returned_in_its_own_media_type(
    fhir: Fhir, picture: dict[str, Any], path: str, accept: str
) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = fhir.get(path.format(picture["id"]), **headers)
    assert (answer.status_code, answer.data) == (200, BYTES)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(
    "query, accept, kind",
    [
        ("", JSON, JSON),
        ("", XML, XML),
        ("", "application/json", "application/json"),
        ("?_format=json", "image/png", JSON),
    ],
)
def test_the_resource_is_returned_where_a_format_of_fhir_is_named(
    fhir: Fhir, picture: dict[str, Any], query: str, accept: str, kind: str
) -> None:
    answer = fhir.get(f"/Binary/{picture['id']}{query}", Accept=accept)
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert b"contentType" in answer.data


def test_another_media_type_is_406(fhir: Fhir, picture: dict[str, Any]) -> None:
    assert fhir.get(f"/Binary/{picture['id']}", Accept="image/jpeg").status_code == 406


def test_a_browser_saves_the_content_and_never_runs_it(fhir: Fhir) -> None:
    page = base64.b64encode(b"<script>alert(1)</script>").decode()
    made = fhir.create({"resourceType": "Binary", "contentType": "text/html", "data": page})
    answer = fhir.get(f"/Binary/{made['id']}", Accept="text/html")
    assert answer.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_strange_media_type_makes_no_header(fhir: Fhir) -> None:
    made = fhir.post("/Binary", {"resourceType": "Binary", "contentType": "a b", "data": "AAAA"})
    if made.status_code == 201:
        answer = fhir.get(f"/Binary/{made.json['id']}")
        assert answer.headers["Content-Type"] == "application/octet-stream"


def test_content_becomes_a_binary(fhir: Fhir) -> None:
    answer = fhir.post("/Binary", BYTES, Content_Type="image/png", Accept=JSON)
    assert (answer.status_code, answer.json["contentType"]) == (201, "image/png")
    assert base64.b64decode(answer.json["data"]) == BYTES
    put = fhir.put(f"/Binary/{answer.json['id']}", b"words", Content_Type="text/plain; charset=utf-8")
    assert put.status_code == 200
    assert fhir.get(f"/Binary/{answer.json['id']}").data == b"words"


@pytest.mark.parametrize("kind, status", [("", 415), ("nonsense", 400), ("a/b; c", 400)])
def test_content_without_a_media_type_is_refused(fhir: Fhir, kind: str, status: int) -> None:
    assert fhir.post("/Binary", BYTES, Content_Type=kind).status_code == status


def test_a_read_that_fails_is_told_in_fhir(fhir: Fhir) -> None:
    answer = fhir.get("/Binary/nobody")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, f"{JSON}; charset=utf-8")


def test_head_and_conditional_reads_work(fhir: Fhir, picture: dict[str, Any]) -> None:
    head = fhir.send("HEAD", f"/Binary/{picture['id']}")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", "256")
    assert fhir.get(f"/Binary/{picture['id']}", If_None_Match='W/"1"').status_code == 304


def test_the_security_context_travels_in_a_header(fhir: Fhir) -> None:
    context = f"Patient/{fhir.create(patient())['id']}"
    made = fhir.post("/Binary", b"x", Content_Type="text/plain", X_Security_Context=context)
    assert made.json["securityContext"] == {"reference": context}
    path = f"/Binary/{made.json['id']}"
    assert fhir.get(path).headers["X-Security-Context"] == context
    again = fhir.put(path, b"y", Content_Type="text/plain", X_Security_Context="Patient/nobody")
    assert (again.status_code, codes(again)) == (422, ["not-found"])
