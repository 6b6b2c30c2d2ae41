"""https://hl7.org/fhir/R4/http.html#read"""

from __future__ import annotations

import pytest

from tests.spec.http.client import Fhir, codes, patient


def test_read_returns_the_resource_with_its_version_and_time(fhir: Fhir) -> None:
    made = fhir.create(patient(active=True))
    answer = fhir.get(f"/Patient/{made['id']}")
    assert answer.status_code == 200
    assert answer.json == made
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Last-Modified"].endswith(" GMT")
    assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"


def test_an_unknown_id_is_404(fhir: Fhir) -> None:
    answer = fhir.get("/Patient/nobody")
    assert (answer.status_code, codes(answer)) == (404, ["not-found"])


def test_a_deleted_resource_is_410_and_says_which_version_deleted_it(fhir: Fhir) -> None:
    made = fhir.create(patient())
    assert fhir.delete(f"/Patient/{made['id']}").status_code == 204
    answer = fhir.get(f"/Patient/{made['id']}")
    assert (answer.status_code, codes(answer)) == (410, ["deleted"])
    assert answer.headers["ETag"] == 'W/"2"'


def test_head_is_get_without_the_body(fhir: Fhir) -> None:
    made = fhir.create(patient())
    got, head = (fhir.send(method, f"/Patient/{made['id']}") for method in ("GET", "HEAD"))
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(got.data))
    assert head.headers["ETag"] == got.headers["ETag"]
    assert fhir.send("HEAD", "/Patient/nobody").status_code == 404


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "*", 'W/"7", W/"1"'])
def test_if_none_match_with_the_current_version_is_304_without_a_body(fhir: Fhir, tag: str) -> None:
    made = fhir.create(patient())
    answer = fhir.get(f"/Patient/{made['id']}", If_None_Match=tag)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == 'W/"1"'
    assert "Content-Type" not in answer.headers


def test_if_none_match_with_another_version_is_200(fhir: Fhir) -> None:
    made = fhir.create(patient())
    assert fhir.get(f"/Patient/{made['id']}", If_None_Match='W/"2"').status_code == 200


def test_a_malformed_if_none_match_is_400(fhir: Fhir) -> None:
    made = fhir.create(patient())
    assert fhir.get(f"/Patient/{made['id']}", If_None_Match="1").status_code == 400


def test_if_modified_since_is_held_to_the_second(fhir: Fhir) -> None:
    made = fhir.create(patient())
    read = fhir.get(f"/Patient/{made['id']}")
    since = read.headers["Last-Modified"]
    assert fhir.get(f"/Patient/{made['id']}", If_Modified_Since=since).status_code == 304
    assert fhir.get(f"/Patient/{made['id']}", If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status_code == 200
    assert fhir.get(f"/Patient/{made['id']}", If_Modified_Since="yesterday").status_code == 200


@pytest.mark.parametrize(
    "since, status",
    [
        ("Fri, 31 Dec 9999 23:59:59 GMT", 304),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 200),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 200),
    ],
)
def test_if_modified_since_at_the_ends_of_the_calendar_is_answered(fhir: Fhir, since: str, status: int) -> None:
    made = fhir.create(patient())
    assert fhir.get(f"/Patient/{made['id']}", If_Modified_Since=since).status_code == status


def test_if_none_match_overrules_if_modified_since(fhir: Fhir) -> None:
    made = fhir.create(patient())
    since = fhir.get(f"/Patient/{made['id']}").headers["Last-Modified"]
    answer = fhir.get(f"/Patient/{made['id']}", If_None_Match='W/"9"', If_Modified_Since=since)
    assert answer.status_code == 200


def test_vread_returns_the_version_as_it_was(fhir: Fhir) -> None:
    made = fhir.create(patient(active=True))
    path = f"/Patient/{made['id']}"
    assert fhir.put(path, patient(id=made["id"], active=False)).status_code == 200
    first, second = (fhir.get(f"{path}/_history/{version}") for version in (1, 2))
    assert (first.json["active"], second.json["active"]) == (True, False)
    assert (first.headers["ETag"], second.headers["ETag"]) == ('W/"1"', 'W/"2"')


def test_vread_of_a_deletion_is_410_and_of_what_was_before_it_200(fhir: Fhir) -> None:
    made = fhir.create(patient())
    fhir.delete(f"/Patient/{made['id']}")
    assert fhir.get(f"/Patient/{made['id']}/_history/2").status_code == 410
    assert fhir.get(f"/Patient/{made['id']}/_history/1").status_code == 200


@pytest.mark.parametrize("version", ["3", "0", "01", "abc", "99999999999999999999"])
def test_a_version_that_never_was_is_404(fhir: Fhir, version: str) -> None:
    made = fhir.create(patient())
    answer = fhir.get(f"/Patient/{made['id']}/_history/{version}")
    assert (answer.status_code, codes(answer)) == (404, ["not-found"])


@pytest.mark.parametrize("name", ["a%00b", "a%ffb", "x" * 65, "..%2f..%2fetc", "a_b", "%2e%2e", "a%20b", "a%zzb"])
def test_an_id_outside_the_rule_is_400(fhir: Fhir, name: str) -> None:
    answer = fhir.get(f"/Patient/{name}")
    assert (answer.status_code, codes(answer)) == (400, ["value"])


@pytest.mark.parametrize("path", ["/Nothing", "/Nothing/1", "/nothing", "//Patient", "/_foo", "/Patient/a/b"])
def test_an_address_that_fhir_does_not_have_is_404(fhir: Fhir, path: str) -> None:
    answer = fhir.get(path)
    assert answer.status_code == 404
    assert set(codes(answer)) <= {"not-found", "not-supported"}


def test_an_unknown_type_close_to_a_known_one_is_named(fhir: Fhir) -> None:
    assert "Did you mean Patient?" in fhir.get("/Pateint/1").text
