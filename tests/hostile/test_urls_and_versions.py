"""Cases 46-58, 65, 98: ids, versions, conditions, hosts and headers that do not hold.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]


def identified(value: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "http://example.org/mrn", "value": value}], **more}


def create(wire: Wire, resource: dict[str, Any] | None = None) -> str:
    answer = wire.post("/Patient", resource or {"resourceType": "Patient"})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    "id_", ["a%00b", "a%ffb", "x" * 65, "..%2f..%2fetc", "a%20b", "a_b", "%2e%2e", "a%0d%0ab", "%F0%9F%98%80"]
)
@pytest.mark.parametrize("suffix", ["", "/_history", "/_history/1"])
def test_case_46_an_id_that_cannot_exist_is_refused(wire: Wire, refused: Refused, id_: str, suffix: str) -> None:
    refused(wire.get(f"/Patient/{id_}{suffix}"), {400, 404}, {"value", "invalid", "not-found"})


@pytest.mark.parametrize("path", ["/Patient/a/b/c", "/Patient/a/_history/1/2", "//Patient", "/_foo", "/Patient/_foo/1"])
def test_case_46_a_path_that_fhir_does_not_have_is_refused_in_fhir(wire: Wire, refused: Refused, path: str) -> None:
    refused(wire.get(path), {400, 404}, {"not-found", "not-supported", "value", "invalid"})


def test_case_47_absent_is_404_and_deleted_is_410(wire: Wire, refused: Refused) -> None:
    id_ = create(wire)
    assert wire.send("DELETE", f"/Patient/{id_}").status in {200, 204}
    gone = wire.get(f"/Patient/{id_}")
    assert (gone.status, gone.codes()) == (410, {"deleted"})
    absent = wire.get("/Patient/never-was")
    assert (absent.status, absent.codes()) == (404, {"not-found"})
    wrong_type = wire.get(f"/Observation/{id_}")
    assert (wrong_type.status, wrong_type.codes()) == (404, {"not-found"})


def test_case_48_a_version_that_never_was_is_404(wire: Wire) -> None:
    id_ = create(wire)
    for version in ("999", "0", "99999999999999999999", "x"):
        answer = wire.get(f"/Patient/{id_}/_history/{version}")
        assert answer.status in {404, 400}
        assert answer.codes() & {"not-found", "value"}


@pytest.mark.parametrize("body_id", ["other", None])
def test_case_49_put_needs_the_id_of_its_url(wire: Wire, refused: Refused, body_id: str | None) -> None:
    body = {"resourceType": "Patient"} | ({"id": body_id} if body_id else {})
    refused(wire.put("/Patient/mine", body), {400}, {"invalid"})


@pytest.mark.parametrize("method, path", [("DELETE", "/"), ("PUT", "/Patient"), ("PATCH", "/"), ("POST", "/Patient/a")])
def test_case_51_a_method_that_a_url_does_not_have_is_refused(
    wire: Wire, refused: Refused, method: str, path: str
) -> None:
    body = None if method == "DELETE" else b'{"resourceType":"Patient"}'
    refused(wire.send(method, path, body), {400, 405, 412}, {"not-supported", "invalid", "required"})


@pytest.mark.parametrize("method", ["TRACE", "FOO", "LINK"])
def test_case_51_an_unknown_method_is_refused(wire: Wire, method: str) -> None:
    assert wire.send(method, "/Patient").status in {400, 405, 501}


def test_case_52_if_match_is_held_to(wire: Wire, refused: Refused) -> None:
    id_ = create(wire)
    body = {"resourceType": "Patient", "id": id_, "active": True}
    assert wire.put(f"/Patient/{id_}", body, If_Match='W/"1"').status == 200
    for header, statuses, codes in (
        ('W/"1"', {412}, {"conflict"}),
        ("garbage", {400}, {"invalid", "value"}),
        ('W/"x y', {400}, {"invalid", "value"}),
    ):
        answer = wire.put(f"/Patient/{id_}", body | {"active": False}, If_Match=header)
        assert answer.status in statuses, (header, answer.status)
        assert answer.codes() & codes
    assert wire.get(f"/Patient/{id_}").json()["meta"]["versionId"] == "2"


def test_case_54_if_none_exist_makes_none_or_one(wire: Wire) -> None:
    criteria = "identifier=http://example.org/mrn|case-54"
    first = wire.post("/Patient", identified("case-54"), If_None_Exist=criteria)
    assert first.status == 201
    again = wire.post("/Patient", identified("case-54"), If_None_Exist=criteria)
    assert again.status == 200
    assert wire.post("/Patient", identified("case-54")).status == 201
    many = wire.post("/Patient", identified("case-54"), If_None_Exist=criteria)
    assert (many.status, many.codes()) == (412, {"multiple-matches"})


def test_case_55_conditional_update_without_criteria_or_with_many_matches_is_refused(
    wire: Wire, refused: Refused
) -> None:
    refused(wire.put("/Patient?", identified("x")), {400, 405, 412}, {"invalid", "required", "not-supported"})


def test_case_55_conditional_update_with_many_matches_is_refused(wire: Wire) -> None:
    for _ in range(2):
        create(wire, identified("case-55"))
    answer = wire.put("/Patient?identifier=http://example.org/mrn|case-55", identified("case-55"))
    assert (answer.status, answer.codes()) == (412, {"multiple-matches"})


def test_case_56_conditional_delete_of_many_is_refused(wire: Wire) -> None:
    ids = [create(wire, identified("case-56")) for _ in range(2)]
    answer = wire.send("DELETE", "/Patient?identifier=http://example.org/mrn|case-56")
    assert (answer.status, answer.codes()) == (412, {"multiple-matches"})
    assert all(wire.get(f"/Patient/{id_}").status == 200 for id_ in ids)


def test_case_57_a_reader_who_has_the_version_gets_304_without_a_body(wire: Wire) -> None:
    id_ = create(wire)
    read = wire.get(f"/Patient/{id_}")
    for header in ({"If_None_Match": read.headers["etag"]}, {"If_Modified_Since": read.headers["last-modified"]}):
        answer = wire.get(f"/Patient/{id_}", **header)
        assert (answer.status, answer.body) == (304, b"")


def test_case_58_links_never_come_from_the_host_header(wire: Wire) -> None:
    answer = wire.send("GET", "/Patient", None, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert answer.status == 200
    assert b"evil.example" not in answer.body
    bad = wire.send("GET", "/Patient", None, {"Host": "evil.example"})
    assert bad.status == 400
    assert bad.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "query",
    ["birthdate=99999999999999999999", "_id=" + "9" * 200, "_lastUpdated=gt99999999999999999999", "birthdate=eq0000"],
)
def test_case_65_numbers_that_no_column_holds_are_refused(wire: Wire, refused: Refused, query: str) -> None:
    answer = wire.get(f"/Patient?{query}")
    if query.startswith("_id"):
        assert answer.status in {200, 400}
    else:
        refused(answer, {400}, {"value"})


def test_case_98_a_line_break_in_a_header_value_is_refused(wire: Wire) -> None:
    answer = wire.send("GET", "/Patient/a%0d%0aSet-Cookie:x=1")
    assert answer.status == 400 or answer.status == 404
    assert "set-cookie" not in answer.headers
    body = json.dumps({"resourceType": "Patient", "id": "a\r\nX-Evil: 1"}).encode()
    put = wire.put("/Patient/a", body)
    assert put.status == 400
    assert "x-evil" not in put.headers
    echoed = wire.send("GET", "/metadata", None, {"X-Request-Id": "a b<script>"})
    assert "<" not in echoed.headers["x-request-id"]
