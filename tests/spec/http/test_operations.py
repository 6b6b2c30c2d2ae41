"""https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.http.client import BASE, XML, Fhir, codes, entry, observation, patient, unique

TAG = {"system": "urn:x", "code": "a"}
FLAG = {"status": "active", "code": {"text": "x"}, "subject": {"display": "x"}}


def parameters(**values: Any) -> dict[str, Any]:
    """Return Parameters; a resource is one, a dict is a Meta, a text a code."""
    listed = []
    for name, value in values.items():
        key = "valueCode" if isinstance(value, str) else "resource" if "resourceType" in value else "valueMeta"
        listed.append({"name": name, key: value})
    return {"resourceType": "Parameters", "parameter": listed}


def severities(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {issue["severity"] for issue in answer.json["issue"]}


class TestCalls:
    def test_an_unknown_operation_is_404(self, fhir: Fhir) -> None:
        for path in ("/$nonsense", "/Patient/$nonsense", "/Patient/1/$nonsense"):
            answer = fhir.get(path)
            assert (answer.status_code, codes(answer)) == (404, ["not-supported"])

    def test_an_operation_of_another_level_or_type_is_404(self, fhir: Fhir) -> None:
        assert fhir.get("/$everything").status_code == 404
        assert fhir.get("/Slot/1/$everything").status_code == 404
        assert fhir.post("/Patient/$meta-add", parameters(meta={"tag": [TAG]})).status_code == 404

    def test_an_operation_that_writes_is_not_called_by_get(self, fhir: Fhir) -> None:
        answer = fhir.get("/Patient/1/$meta-add")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")

    def test_a_parameter_the_definition_does_not_have_is_400(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        assert fhir.get(f"/Patient/{made['id']}/$everything?nonsense=1").status_code == 400
        assert fhir.post("/Patient/$validate", parameters(nonsense="x")).status_code == 400

    def test_a_missing_or_repeated_parameter_is_400(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        answer = fhir.post(f"/Patient/{made['id']}/$meta-add", parameters())
        assert (answer.status_code, codes(answer)) == (400, ["required"])
        assert fhir.get(f"/Patient/{made['id']}/$everything?_count=1&_count=2").status_code == 400


class TestValidate:
    """https://hl7.org/fhir/R4/resource-operation-validate.html"""

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_a_good_resource_has_no_errors(self, fhir: Fhir, wrapped: bool) -> None:
        body = parameters(resource=patient()) if wrapped else patient()
        assert not severities(fhir.post("/Patient/$validate", body)) & {"error", "fatal"}

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_a_bad_resource_is_200_with_its_errors(self, fhir: Fhir, wrapped: bool) -> None:
        bad = patient(gender="banana")
        answer = fhir.post("/Patient/$validate", parameters(resource=bad) if wrapped else bad)
        assert answer.status_code == 200
        assert answer.json["issue"][0]["expression"] == ["Patient.gender"]

    def test_xml_is_judged_too(self, fhir: Fhir) -> None:
        body = b'<Patient xmlns="http://hl7.org/fhir"><gender value="banana"/></Patient>'
        assert "error" in severities(fhir.post("/Patient/$validate", body, Content_Type=XML))

    def test_the_mode_create_meets_references_and_stores_nothing(self, fhir: Fhir) -> None:
        value = unique()
        lost = patient(value, generalPractitioner=[{"reference": "Practitioner/nobody"}])
        assert "error" not in severities(fhir.post("/Patient/$validate", lost))
        assert "error" in severities(fhir.post("/Patient/$validate?mode=create", lost))
        assert "error" not in severities(
            fhir.post("/Patient/$validate", parameters(resource=patient(value), mode="create"))
        )
        assert fhir.get(f"/Patient?identifier={value}").json["total"] == 0

    def test_the_mode_update_is_asked_of_one_resource(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        path = f"/Patient/{made['id']}/$validate?mode=update"
        assert "error" not in severities(fhir.post(path, made))
        assert "error" in severities(fhir.post(path, patient(id="other")))
        assert "error" in severities(fhir.post("/Patient/$validate?mode=update", made))
        assert fhir.get(f"/Patient/{made['id']}").headers["ETag"] == 'W/"1"'

    def test_the_mode_delete_tells_whether_it_would_work(self, fhir: Fhir) -> None:
        free, bound = fhir.create(patient()), fhir.create(patient())
        fhir.create(observation(f"Patient/{bound['id']}"))
        for made, refused in ((free, False), (bound, True)):
            found = severities(fhir.get(f"/Patient/{made['id']}/$validate?mode=delete"))
            assert ("error" in found) is refused
            assert fhir.get(f"/Patient/{made['id']}").status_code == 200
        assert "error" in severities(fhir.get("/Patient/nobody/$validate?mode=delete"))

    def test_a_stored_resource_is_judged_where_none_is_sent(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        assert "error" not in severities(fhir.get(f"/Patient/{made['id']}/$validate"))

    def test_a_profile_the_server_does_not_have_is_said(self, fhir: Fhir) -> None:
        answer = fhir.post("/Patient/$validate?profile=http://example.org/strange", patient())
        assert "not-found" in codes(answer)
        base = "http://hl7.org/fhir/StructureDefinition/Patient"
        assert "error" not in severities(fhir.post(f"/Patient/$validate?profile={base}", patient()))

    @pytest.mark.parametrize("query, body", [("?mode=nonsense", patient()), ("", parameters())])
    def test_a_call_that_cannot_be_is_400(self, fhir: Fhir, query: str, body: dict[str, Any]) -> None:
        assert fhir.post(f"/Patient/$validate{query}", body).status_code == 400


class TestMeta:
    """https://hl7.org/fhir/R4/resource-operation-meta.html"""

    def test_meta_returns_the_meta_of_a_resource(self, fhir: Fhir) -> None:
        made = fhir.create(patient(meta={"tag": [TAG]}))
        answer = fhir.get(f"/Patient/{made['id']}/$meta")
        assert answer.json["parameter"] == [{"name": "return", "valueMeta": made["meta"]}]
        assert fhir.get("/Patient/nobody/$meta").status_code == 404

    def test_meta_of_a_type_is_the_union(self, fhir: Fhir) -> None:
        code = unique()
        tag = {"system": "urn:x", "code": code}
        for _ in range(2):
            fhir.create({"resourceType": "Basic", "code": {"text": "x"}, "meta": {"tag": [tag]}})
        for path in ("/Basic/$meta", "/$meta"):
            found = fhir.get(path).json["parameter"][0]["valueMeta"]["tag"]
            assert [one.get("code") for one in found].count(code) == 1
        assert code not in fhir.get("/Slot/$meta").text

    def test_meta_of_a_type_gives_every_label_in_full_and_once(self, fhir: Fhir) -> None:
        code, long = unique(), unique() + "x" * 300
        full = {"system": "urn:x", "version": "7", "code": code, "display": "Code", "userSelected": True}
        metas = [
            {"tag": [full, {"system": "urn:x", "code": long}], "profile": [f"http://example.org/{code}|1.0"]},
            {"tag": [full, {"system": "urn:y", "code": code}], "security": [{"system": "urn:x", "code": code}]},
            {"tag": [{"display": code}], "profile": [f"http://example.org/{code}|2.0"]},
        ]
        for meta in metas:
            fhir.create({"resourceType": "Flag", **FLAG, "meta": meta})
        gone = fhir.create({"resourceType": "Flag", **FLAG, "meta": {"tag": [{"code": f"{code}-gone"}]}})
        fhir.delete(f"/Flag/{gone['id']}")
        for path in ("/Flag/$meta", "/$meta"):
            found = fhir.get(path).json["parameter"][0]["valueMeta"]
            assert set(found) <= {"tag", "security", "profile"}
            tags = [tag for tag in found["tag"] if code in (tag.get("code"), tag.get("display"))]
            assert sorted(map(str, tags)) == sorted(map(str, [full, *metas[1]["tag"][1:], *metas[2]["tag"]]))
            assert [tag.get("code") for tag in found["tag"]].count(long) == 1
            assert f"{code}-gone" not in str(found)
            assert found["security"].count({"system": "urn:x", "code": code}) == 1
            assert {f"http://example.org/{code}|{version}" for version in ("1.0", "2.0")} <= set(found["profile"])

    def test_a_type_without_labels_has_no_meta(self, fhir: Fhir) -> None:
        assert fhir.get("/Linkage/$meta").json == {"resourceType": "Parameters"}

    def test_meta_in_use_is_answered_within_a_batch_and_a_transaction(self, fhir: Fhir) -> None:
        code = unique()
        made = {"resourceType": "Flag", **FLAG, "meta": {"tag": [{"code": code}]}}
        answer = fhir.transaction(entry("POST", "Flag", made), entry("GET", "Flag/$meta"))
        assert code in str(answer.json["entry"][1]["resource"])
        assert code in fhir.transaction(entry("GET", "Flag/$meta"), kind="batch").text

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_meta_of_a_version_is_that_of_the_version(self, fhir: Fhir, method: str) -> None:
        made = fhir.create(patient(meta={"tag": [TAG]}))
        path = f"/Patient/{made['id']}"
        fhir.put(path, patient(id=made["id"]))
        fhir.delete(path)
        answer = fhir.send(method, f"{path}/_history/1/$meta", parameters() if method == "POST" else None)
        assert answer.json["parameter"] == [{"name": "return", "valueMeta": made["meta"]}]
        assert answer.headers["ETag"] == 'W/"1"'
        assert "tag" not in fhir.get(f"{path}/_history/2/$meta").json["parameter"][0]["valueMeta"]
        assert fhir.get(f"{path}/_history/3/$meta").status_code == 410
        assert fhir.get(f"{path}/_history/4/$meta").status_code == 404
        assert fhir.get("/Patient/nobody/_history/1/$meta").status_code == 404

    @pytest.mark.parametrize("name", ["$meta-add", "$meta-delete", "$validate", "$everything"])
    def test_other_operations_are_not_called_on_a_version(self, fhir: Fhir, name: str) -> None:
        made = fhir.create(patient())
        path = f"/Patient/{made['id']}"
        answer = fhir.post(f"{path}/_history/1/{name}", parameters(meta={"tag": [TAG]}))
        assert (answer.status_code, codes(answer)) == (404, ["not-supported"])
        assert fhir.get(path).headers["ETag"] == 'W/"1"'

    def test_meta_add_adds_once_and_makes_a_version(self, fhir: Fhir) -> None:
        made = fhir.create(patient(meta={"tag": [TAG]}, active=True))
        path = f"/Patient/{made['id']}"
        more = {"tag": [TAG, {"system": "urn:x", "code": "b"}], "profile": ["http://example.org/p"]}
        answer = fhir.post(f"{path}/$meta-add", parameters(meta=more))
        found = answer.json["parameter"][0]["valueMeta"]
        assert [one["code"] for one in found["tag"]] == ["a", "b"]
        assert found["profile"] == ["http://example.org/p"]
        assert answer.headers["ETag"] == 'W/"2"'
        stored = fhir.get(path).json
        assert (stored["meta"], stored["active"]) == (found, True)

    def test_meta_delete_takes_away_what_is_there(self, fhir: Fhir) -> None:
        made = fhir.create(patient(meta={"tag": [TAG], "profile": ["http://example.org/p"]}))
        less = {"tag": [TAG, {"system": "urn:x", "code": "never"}]}
        answer = fhir.post(f"/Patient/{made['id']}/$meta-delete", parameters(meta=less))
        found = answer.json["parameter"][0]["valueMeta"]
        assert ("tag" in found, found["profile"]) == (False, ["http://example.org/p"])

    def test_if_match_is_respected(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        path = f"/Patient/{made['id']}/$meta-add"
        assert fhir.post(path, parameters(meta={"tag": [TAG]}), If_Match='W/"7"').status_code == 412

    @pytest.mark.parametrize("meta", [{"tag": "x"}, {"nonsense": 1}])
    def test_a_meta_that_is_none_is_refused(self, fhir: Fhir, meta: dict[str, Any]) -> None:
        made = fhir.create(patient())
        assert fhir.post(f"/Patient/{made['id']}/$meta-add", parameters(meta=meta)).status_code in {400, 422}

    def test_a_resource_that_is_not_there_is_404_or_410(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        fhir.delete(f"/Patient/{made['id']}")
        for name, status in ((made["id"], 410), ("nobody", 404)):
            assert fhir.post(f"/Patient/{name}/$meta-add", parameters(meta={"tag": [TAG]})).status_code == status


class TestEverything:
    """https://hl7.org/fhir/R4/patient-operation-everything.html"""

    @pytest.fixture
    def record(self, fhir: Fhir) -> dict[str, dict[str, Any]]:
        """A patient with two observations and an encounter, of which one refers to a practitioner outside."""
        doctor = fhir.create({"resourceType": "Practitioner"})
        one = fhir.create(patient())
        subject = f"Patient/{one['id']}"
        visit = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
        return {
            "patient": one,
            "doctor": doctor,
            "visit": fhir.create(visit | {"subject": {"reference": subject}}),
            "old": fhir.create(observation(subject, effectiveDateTime="2001-05-01")),
            "new": fhir.create(
                observation(
                    subject,
                    effectiveDateTime="2021-05-01",
                    performer=[{"reference": f"Practitioner/{doctor['id']}"}],
                )
            ),
            "stranger": fhir.create(observation()),
        }

    def found(self, answer: Any, mode: str = "match") -> set[str]:
        assert answer.status_code == 200, answer.text
        return {entry["resource"]["id"] for entry in answer.json.get("entry", []) if entry["search"]["mode"] == mode}

    def ids(self, record: dict[str, dict[str, Any]], *names: str) -> set[str]:
        return {record[name]["id"] for name in names}

    def test_the_whole_record_and_what_it_refers_to(self, fhir: Fhir, record: dict[str, dict[str, Any]]) -> None:
        answer = fhir.get(f"/Patient/{record['patient']['id']}/$everything")
        assert answer.json["type"] == "searchset"
        assert answer.json["entry"][0]["resource"] == record["patient"]
        assert self.found(answer) == self.ids(record, "patient", "visit", "old", "new")
        assert self.found(answer, "include") == self.ids(record, "doctor")
        assert answer.json["total"] == 4

    def test_pages_add_up_to_the_whole(self, fhir: Fhir, record: dict[str, dict[str, Any]]) -> None:
        path, seen, pages = f"/Patient/{record['patient']['id']}/$everything?_count=1", list[str](), 0
        while path:
            answer = fhir.get(path)
            page = self.found(answer)
            assert len(page) == 1
            seen += page
            pages += 1
            links = {link["relation"]: link["url"] for link in answer.json["link"]}
            path = links.get("next", "").removeprefix(BASE)
        assert (len(seen), pages) == (4, 4)
        assert set(seen) == self.ids(record, "patient", "visit", "old", "new")

    @pytest.mark.parametrize(
        "query, names",
        [
            ("_type=Observation", {"old", "new"}),
            ("_type=Patient,Encounter", {"patient", "visit"}),
            ("start=2010-01-01", {"patient", "new"}),
            ("end=2010-01-01&_type=Observation", {"old"}),
            ("_since=2999-01-01T00:00:00Z", set()),
        ],
    )
    def test_the_record_can_be_narrowed(
        self, fhir: Fhir, record: dict[str, dict[str, Any]], query: str, names: set[str]
    ) -> None:
        found = self.found(fhir.get(f"/Patient/{record['patient']['id']}/$everything?{query}"))
        assert found - self.ids(record, "visit") == self.ids(record, *(names - {"visit"}))

    def test_parameters_may_come_in_a_body(self, fhir: Fhir, record: dict[str, dict[str, Any]]) -> None:
        answer = fhir.post(f"/Patient/{record['patient']['id']}/$everything", parameters(_type="Observation"))
        assert self.found(answer) == self.ids(record, "old", "new")

    def test_the_records_of_all_patients(self, fhir: Fhir, record: dict[str, dict[str, Any]]) -> None:
        since = record["doctor"]["meta"]["lastUpdated"]
        path, found = f"/Patient/$everything?_type=Patient,Observation,Encounter&_since={since}", set[str]()
        while path:
            answer = fhir.get(path)
            found |= self.found(answer)
            path = {link["relation"]: link["url"] for link in answer.json["link"]}.get("next", "").removeprefix(BASE)
        assert self.ids(record, "patient", "visit", "old", "new") <= found
        assert not self.ids(record, "stranger") & found

    @pytest.mark.parametrize("query, status", [("_type=Nonsense", 400), ("_count=x", 400), ("_page=AAAA", 400)])
    def test_a_call_that_cannot_be_is_400(
        self, fhir: Fhir, record: dict[str, dict[str, Any]], query: str, status: int
    ) -> None:
        assert fhir.get(f"/Patient/{record['patient']['id']}/$everything?{query}").status_code == status

    def test_a_patient_that_is_not_there_is_404_or_410(self, fhir: Fhir) -> None:
        made = fhir.create(patient())
        fhir.delete(f"/Patient/{made['id']}")
        assert fhir.get("/Patient/nobody/$everything").status_code == 404
        assert fhir.get(f"/Patient/{made['id']}/$everything").status_code == 410
