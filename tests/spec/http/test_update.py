"""https://hl7.org/fhir/R4/http.html#update"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import flask
import pytest

from tests.spec.http.client import BASE, JSON, Fhir, codes, entry, patient, statuses, unique


def test_update_makes_the_next_version(fhir: Fhir) -> None:
    made = fhir.create(patient(active=True))
    answer = fhir.put(f"/Patient/{made['id']}", patient(id=made["id"], active=False))
    assert answer.status_code == 200
    assert answer.headers["ETag"] == 'W/"2"'
    assert answer.headers["Location"] == f"{BASE}/Patient/{made['id']}/_history/2"
    assert (answer.json["active"], answer.json["meta"]["versionId"]) == (False, "2")


def test_update_of_an_id_that_is_not_there_creates_it(fhir: Fhir) -> None:
    name = unique()
    answer = fhir.put(f"/Patient/{name}", patient(id=name))
    assert answer.status_code == 201
    assert fhir.get(f"/Patient/{name}").json["id"] == name


def test_update_as_create_is_405_where_the_server_chooses_ids(strict: Fhir) -> None:
    answer = strict.put("/Patient/mine", patient(id="mine"))
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])
    made = strict.create(patient())
    assert strict.put(f"/Patient/{made['id']}", made).status_code == 200


@pytest.mark.parametrize("body", [patient(), patient(id="other")])
def test_the_body_must_have_the_id_of_the_url(fhir: Fhir, body: dict[str, object]) -> None:
    answer = fhir.put("/Patient/mine", body)
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


def test_a_deleted_resource_is_revived_by_put(fhir: Fhir) -> None:
    made = fhir.create(patient())
    fhir.delete(f"/Patient/{made['id']}")
    answer = fhir.put(f"/Patient/{made['id']}", patient(id=made["id"], active=True))
    assert (answer.status_code, answer.headers["ETag"]) == (201, 'W/"3"')
    assert fhir.get(f"/Patient/{made['id']}").json["active"] is True


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', 'W/"9", W/"1"', "*"])
def test_if_match_with_the_current_version_is_let_through(fhir: Fhir, tag: str) -> None:
    made = fhir.create(patient())
    assert fhir.put(f"/Patient/{made['id']}", made, If_Match=tag).status_code == 200


def test_if_match_with_an_old_version_is_412(fhir: Fhir) -> None:
    made = fhir.create(patient())
    fhir.put(f"/Patient/{made['id']}", made)
    answer = fhir.put(f"/Patient/{made['id']}", made, If_Match='W/"1"')
    assert (answer.status_code, codes(answer)) == (412, ["conflict"])
    assert fhir.get(f"/Patient/{made['id']}").headers["ETag"] == 'W/"2"'


@pytest.mark.parametrize("tag", ["1", 'W/"1', "garbage", 'W/"a b"', '"'])
def test_a_malformed_if_match_is_400(fhir: Fhir, tag: str) -> None:
    made = fhir.create(patient())
    answer = fhir.put(f"/Patient/{made['id']}", made, If_Match=tag)
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


def test_if_match_on_what_is_not_there_is_412(fhir: Fhir) -> None:
    name = unique()
    assert fhir.put(f"/Patient/{name}", patient(id=name), If_Match="*").status_code == 412
    assert fhir.get(f"/Patient/{name}").status_code == 404


def test_if_none_match_with_a_star_only_creates(fhir: Fhir) -> None:
    name = unique()
    assert fhir.put(f"/Patient/{name}", patient(id=name), If_None_Match="*").status_code == 201
    assert fhir.put(f"/Patient/{name}", patient(id=name), If_None_Match="*").status_code == 412


def test_of_two_updates_of_one_version_one_wins(application: flask.Flask, fhir: Fhir) -> None:
    made = fhir.create(patient())

    def update(number: int) -> int:
        body = made | {"active": bool(number % 2)}
        return Fhir(application).put(f"/Patient/{made['id']}", body, If_Match='W/"1"').status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(update, range(4))) == [200, 412, 412, 412]


def test_many_writers_leave_dense_versions(application: flask.Flask, fhir: Fhir) -> None:
    made = fhir.create(patient())

    def update(_: int) -> int:
        return int(Fhir(application).put(f"/Patient/{made['id']}", made).json["meta"]["versionId"])

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(update, range(24))) == list(range(2, 26))


def test_prefer_minimal_returns_no_body(fhir: Fhir) -> None:
    made = fhir.create(patient())
    answer = fhir.put(f"/Patient/{made['id']}", made, Prefer="return=minimal")
    assert (answer.status_code, answer.data) == (200, b"")


class TestIfUnmodifiedSince:
    """https://www.rfc-editor.org/rfc/rfc9110#name-if-unmodified-since"""

    OLD = "Mon, 01 Jan 2001 00:00:00 GMT"

    def send(self, fhir: Fhir, method: str, path: str, **headers: str) -> int:
        patch = [{"op": "add", "path": "/active", "value": True}]
        kind, body = ("application/json-patch+json", patch) if method == "PATCH" else (JSON, fhir.get(path).json)
        return fhir.send(method, path, body, Content_Type=kind, **headers).status_code

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_a_write_goes_through_only_where_the_resource_is_not_newer(self, fhir: Fhir, method: str) -> None:
        path = f"/Patient/{fhir.create(patient())['id']}"
        assert self.send(fhir, method, path, If_Unmodified_Since=self.OLD) == 412
        read = fhir.get(path)
        assert read.headers["ETag"] == 'W/"1"'
        modified = read.headers["Last-Modified"]
        assert self.send(fhir, method, path, If_Unmodified_Since=modified) in (200, 204)

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_conditional_writes_respect_it(self, fhir: Fhir, method: str) -> None:
        value = unique()
        made = fhir.create(patient(value))
        query = f"/Patient?identifier={value}"
        patch = [{"op": "add", "path": "/active", "value": True}]
        kind, body = ("application/json-patch+json", patch) if method == "PATCH" else (JSON, made)
        answer = fhir.send(method, query, body, Content_Type=kind, If_Unmodified_Since=self.OLD)
        assert (answer.status_code, codes(answer)) == (412, ["conflict"])

    def test_if_match_overrules_it(self, fhir: Fhir) -> None:
        path = f"/Patient/{fhir.create(patient())['id']}"
        assert self.send(fhir, "PUT", path, If_Unmodified_Since=self.OLD, If_Match='W/"1"') == 200
        later = "Fri, 31 Dec 2100 00:00:00 GMT"
        assert self.send(fhir, "PUT", path, If_Unmodified_Since=later, If_Match='W/"1"') == 412

    @pytest.mark.parametrize("text", ["yesterday", "2001-01-01T00:00:00Z", '"'])
    def test_what_is_no_date_is_ignored(self, fhir: Fhir, text: str) -> None:
        path = f"/Patient/{fhir.create(patient())['id']}"
        assert self.send(fhir, "PUT", path, If_Unmodified_Since=text) == 200

    def test_a_new_resource_has_no_date_to_compare(self, fhir: Fhir) -> None:
        name = unique()
        assert fhir.put(f"/Patient/{name}", patient(id=name), If_Unmodified_Since=self.OLD).status_code == 201

    def test_a_deletion_the_client_has_not_seen_is_not_undone(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        fhir.delete(f"/Patient/{made['id']}")
        assert fhir.put(f"/Patient/{made['id']}", made, If_Unmodified_Since=self.OLD).status_code == 412

    def test_operations_that_write_respect_it(self, fhir: Fhir) -> None:
        meta = {"name": "meta", "valueMeta": {"tag": [{"system": "urn:oid:1.2.3", "code": "t"}]}}
        path = f"/Patient/{fhir.create(patient())['id']}/$meta-add"
        body = {"resourceType": "Parameters", "parameter": [meta]}
        assert fhir.post(path, body, If_Unmodified_Since=self.OLD).status_code == 412


class TestRequiredIfMatch:
    """https://hl7.org/fhir/R4/codesystem-versioning-policy.html#versioning-policy-versioned-update"""

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_a_change_of_an_existing_resource_without_it_is_412(self, guarded: Fhir, method: str) -> None:
        path = f"/Patient/{guarded.create(patient())['id']}"
        patch = [{"op": "add", "path": "/active", "value": True}]
        kind, body = ("application/json-patch+json", patch) if method == "PATCH" else (JSON, guarded.get(path).json)
        answer = guarded.send(method, path, body, Content_Type=kind)
        assert (answer.status_code, codes(answer)) == (412, ["required"])
        assert guarded.get(path).headers["ETag"] == 'W/"1"'
        assert guarded.send(method, path, body, Content_Type=kind, If_Match='W/"1"').status_code in (200, 204)

    @pytest.mark.parametrize("kind", ["batch", "transaction"])
    def test_it_is_demanded_of_entries_too(self, guarded: Fhir, kind: str) -> None:
        made = guarded.create(patient())
        url = f"Patient/{made['id']}"
        answer = guarded.transaction(entry("PUT", url, made), kind=kind)
        assert (statuses(answer) if kind == "batch" else [str(answer.status_code)]) == ["412"]
        assert statuses(guarded.transaction(entry("PUT", url, made, ifMatch='W/"1"'), kind=kind)) == ["200"]

    def test_what_does_not_exist_needs_none(self, guarded: Fhir) -> None:
        path = f"/Patient/{unique()}"
        body = patient(id=path.rpartition("/")[2])
        assert guarded.put(path, body).status_code == 201
        assert guarded.delete(path, If_Match='W/"1"').status_code == 204
        assert guarded.delete(path).status_code == 204
        assert guarded.put(path, body).status_code == 201

    def test_an_operation_that_adds_needs_none(self, guarded: Fhir) -> None:
        meta = {"name": "meta", "valueMeta": {"tag": [{"system": "urn:oid:1.2.3", "code": "t"}]}}
        body = {"resourceType": "Parameters", "parameter": [meta]}
        made = guarded.create(patient())
        assert guarded.post(f"/Patient/{made['id']}/$meta-add", body).status_code == 200


class TestConditional:
    """https://hl7.org/fhir/R4/http.html#cond-update"""

    def test_no_match_creates(self, fhir: Fhir) -> None:
        value = unique()
        answer = fhir.put(f"/Patient?identifier=urn:oid:1.2.36.146|{value}", patient(value))
        assert answer.status_code == 201

    def test_no_match_with_an_id_creates_that_id(self, fhir: Fhir) -> None:
        value = unique()
        answer = fhir.put(f"/Patient?identifier={value}", patient(value, id=value))
        assert (answer.status_code, answer.json["id"]) == (201, value)

    def test_no_match_with_the_id_of_another_resource_is_409(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        answer = fhir.put(f"/Patient?identifier={unique()}", patient(id=made["id"]))
        assert (answer.status_code, codes(answer)) == (409, ["conflict"])

    def test_one_match_is_updated(self, fhir: Fhir) -> None:
        value = unique()
        made = fhir.create(patient(value))
        answer = fhir.put(f"/Patient?identifier={value}", patient(value, active=True))
        assert (answer.status_code, answer.json["id"], answer.headers["ETag"]) == (200, made["id"], 'W/"2"')

    def test_one_match_with_another_id_is_400(self, fhir: Fhir) -> None:
        value = unique()
        fhir.create(patient(value))
        answer = fhir.put(f"/Patient?identifier={value}", patient(value, id="another"))
        assert (answer.status_code, codes(answer)) == (400, ["invalid"])

    def test_several_matches_are_412(self, fhir: Fhir) -> None:
        value = unique()
        for _ in range(2):
            fhir.create(patient(value))
        answer = fhir.put(f"/Patient?identifier={value}", patient(value))
        assert (answer.status_code, codes(answer)) == (412, ["multiple-matches"])

    @pytest.mark.parametrize("query", ["", "?", "?_format=json"])
    def test_no_criteria_are_400(self, fhir: Fhir, query: str) -> None:
        answer = fhir.put(f"/Patient{query}", patient())
        assert (answer.status_code, codes(answer)) == (400, ["invalid"])

    def test_an_unknown_criterion_is_400(self, fhir: Fhir) -> None:
        answer = fhir.put("/Patient?nonsense=1", patient(), Prefer="handling=lenient")
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"])
