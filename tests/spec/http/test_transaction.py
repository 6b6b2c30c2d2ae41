"""https://hl7.org/fhir/R4/http.html#transaction"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

from tests.spec.http.client import (
    BASE,
    Fhir,
    codes,
    entry,
    local,
    observation,
    patient,
    places,
    statuses,
    unique,
    urn,
)


def made(answer: Any) -> list[str]:
    """Return "Type/id" of each entry of a transaction-response."""
    assert answer.status_code == 200, answer.text
    return [local(found["response"]["location"]) for found in answer.json["entry"]]


def count(fhir: Fhir, value: str) -> int:
    return int(fhir.get(f"/Patient?identifier={value}&_summary=count").json["total"])


def test_the_answer_has_an_entry_for_each_entry(fhir: Fhir) -> None:
    one = fhir.create(patient())
    answer = fhir.transaction(
        entry("GET", f"Patient/{one['id']}"),
        entry("PUT", f"Patient/{one['id']}", one | {"active": True}),
        entry("POST", "Patient", patient()),
    )
    assert answer.json["type"] == "transaction-response"
    got, put, posted = answer.json["entry"]
    assert got["resource"]["active"] is True, "a GET sees what the transaction wrote"
    assert (put["response"]["status"], put["response"]["etag"]) == ("200 OK", 'W/"2"')
    assert posted["response"]["status"] == "201 Created"
    assert posted["response"]["location"].startswith(f"{BASE}/Patient/")
    assert "resource" not in posted


def test_prefer_representation_returns_what_was_written(fhir: Fhir) -> None:
    answer = fhir.transaction(entry("POST", "Patient", patient(active=True)), Prefer="return=representation")
    assert answer.json["entry"][0]["resource"]["active"] is True


def test_prefer_operation_outcome_returns_outcomes(fhir: Fhir) -> None:
    answer = fhir.transaction(entry("POST", "Patient", patient()), Prefer="return=OperationOutcome")
    found = answer.json["entry"][0]
    assert found["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert "resource" not in found


def test_an_empty_transaction_is_answered(fhir: Fhir) -> None:
    answer = fhir.transaction()
    assert (answer.status_code, "entry" in answer.json) == (200, False)


def test_one_bad_entry_undoes_all_and_is_named(fhir: Fhir) -> None:
    value = unique()
    good = entry("POST", "Patient", patient(value))
    answer = fhir.transaction(good, good, entry("POST", "Patient", patient(value, gender="banana")), good)
    assert (answer.status_code, codes(answer)) == (422, ["code-invalid"])
    assert places(answer) == ["Bundle.entry[2].resource.gender"]
    assert count(fhir, value) == 0


def test_a_read_that_fails_undoes_all(fhir: Fhir) -> None:
    value = unique()
    answer = fhir.transaction(entry("POST", "Patient", patient(value)), entry("GET", "Patient/nobody"))
    assert (answer.status_code, codes(answer), places(answer)) == (404, ["not-found"], ["Bundle.entry[1]"])
    assert count(fhir, value) == 0


def test_entries_run_as_delete_post_put_get(fhir: Fhir) -> None:
    value = unique()
    old, kept = fhir.create(patient(value)), fhir.create(patient())
    answer = fhir.transaction(
        entry("GET", f"Patient?identifier={value}"),
        entry("PUT", f"Patient/{kept['id']}", kept | {"active": True}),
        entry("POST", "Patient", patient(value), ifNoneExist=f"identifier={value}"),
        entry("DELETE", f"Patient/{old['id']}"),
    )
    assert statuses(answer) == ["200", "200", "201", "204"]
    found = answer.json["entry"][0]["resource"]["entry"]
    assert [match["resource"]["id"] for match in found] == [made_id(answer, 2)]


def test_the_entries_of_a_bundle_that_is_stored_keep_their_names(fhir: Fhir) -> None:
    url = urn()
    inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": url, "resource": patient()}]}
    answer = fhir.transaction(entry("POST", "Patient", patient(), url), entry("POST", "Bundle", inner, urn()))
    assert fhir.get("/" + made(answer)[1]).json["entry"][0]["fullUrl"] == url


def test_the_reads_of_a_transaction_see_one_state(application: flask.Flask, fhir: Fhir) -> None:
    pair = [fhir.create(patient()) for _ in range(2)]
    urls = [f"Patient/{one['id']}" for one in pair]

    def write(_: int) -> int:
        entries = [entry("PUT", url, one) for url, one in zip(urls, pair, strict=True)]
        return Fhir(application).transaction(*entries).status_code

    with ThreadPoolExecutor(3) as pool:
        writes = pool.map(write, range(25))
        for _ in range(25):
            answer = fhir.transaction(*[entry("GET", url) for url in (urls[0], *urls)])
            assert len({found["response"]["etag"] for found in answer.json["entry"]}) == 1
        assert set(writes) == {200}


def made_id(answer: Any, index: int) -> str:
    return local(answer.json["entry"][index]["response"]["location"]).partition("/")[2]


def test_conditions_of_entries_are_held_to(fhir: Fhir) -> None:
    one = fhir.create(patient())
    url = f"Patient/{one['id']}"
    assert fhir.transaction(entry("PUT", url, one, ifMatch='W/"7"')).status_code == 412
    assert statuses(fhir.transaction(entry("PUT", url, one, ifMatch='W/"1"'))) == ["200"]
    assert statuses(fhir.transaction(entry("GET", url, ifNoneMatch='W/"2"'))) == ["304"]


def test_a_repeated_condition_means_one_resource(fhir: Fhir) -> None:
    value = unique()
    same = entry("POST", "Patient", patient(value), ifNoneExist=f"identifier={value}")
    answer = fhir.transaction(same, same)
    assert statuses(answer) == ["201", "200"]
    assert len(set(made(answer))) == 1
    assert statuses(fhir.transaction(same)) == ["200"]
    assert count(fhir, value) == 1


def test_a_search_by_post_sees_what_the_transaction_leaves(fhir: Fhir) -> None:
    value = unique()
    answer = fhir.transaction(
        entry("POST", f"Patient/_search?identifier={value}"), entry("PUT", f"Patient/{value}", patient(value, id=value))
    )
    assert answer.json["entry"][0]["resource"]["total"] == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_conditional_reference_means_what_an_entry_with_its_condition_creates(fhir: Fhir, method: str) -> None:
    value = unique()
    criteria = f"identifier=urn:oid:1.2.36.146|{value}"
    if method == "POST":
        person = entry("POST", "Patient", patient(value), ifNoneExist=criteria)
    else:
        person = entry("PUT", f"Patient?{criteria}", patient(value))
    answer = fhir.transaction(person, entry("POST", "Observation", observation(f"Patient?{criteria}")))
    assert statuses(answer) == ["201", "201"]
    places = [local(found["response"]["location"]) for found in answer.json["entry"]]
    assert fhir.get(f"/{places[1]}").json["subject"]["reference"] == places[0]


def test_a_question_mark_in_a_value_belongs_to_the_condition(fhir: Fhir) -> None:
    value = unique() + "?x"
    same = entry("POST", "Patient", patient(value), ifNoneExist=f"identifier={value}")
    assert statuses(fhir.transaction(same)) == ["201"]
    assert statuses(fhir.transaction(same)) == ["200"]
    reference = observation(f"Patient?identifier={value}")
    assert statuses(fhir.transaction(entry("POST", "Observation", reference))) == ["201"]


def test_a_condition_on_another_type_is_400(fhir: Fhir) -> None:
    for prefix, status in (("Observation?", 400), ("Patient?", 200), ("?", 200)):
        condition = f"{prefix}identifier={unique()}"
        assert fhir.transaction(entry("POST", "Patient", patient(), ifNoneExist=condition)).status_code == status


def test_a_duplicate_full_url_is_400(fhir: Fhir) -> None:
    url = urn()
    answer = fhir.transaction(entry("POST", "Patient", patient(), url), entry("POST", "Patient", patient(), url))
    assert (answer.status_code, codes(answer), places(answer)) == (400, ["duplicate"], ["Bundle.entry[1].fullUrl"])


@pytest.mark.parametrize("second", ["PUT", "DELETE", "conditional"])
def test_the_same_resource_twice_is_400(fhir: Fhir, second: str) -> None:
    value = unique()
    one = fhir.create(patient(value))
    url = f"Patient/{one['id']}"
    if second == "conditional":
        other = entry("PUT", f"Patient?identifier={value}", patient(value))
    else:
        other = entry(second, url, one if second == "PUT" else None)
    answer = fhir.transaction(entry("PUT", url, one), other)
    assert (answer.status_code, codes(answer)) == (400, ["duplicate"])
    assert fhir.get(f"/{url}").headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(
    "bad, place",
    [
        (entry("POST", "Nothing", {"resourceType": "Nothing"}), "Bundle.entry[1].request.url"),
        (entry("POST", "", patient()), "Bundle.entry[1].request.url"),
        (entry("GET", "http://elsewhere.example/fhir/Patient/1"), "Bundle.entry[1].request.url"),
        (entry("GET", "Patient/a_b"), "Bundle.entry[1].request.url"),
        (entry("POST", "Patient"), "Bundle.entry[1]"),
        (entry("POST", "Patient", observation()), "Bundle.entry[1].resource"),
        (entry("PUT", "Patient/1", patient(), ifMatch="x"), "Bundle.entry[1]"),
        (entry("TRACE", "Patient/1"), "Bundle.entry[1].request"),
        (patient(), "Bundle.entry[1]"),
    ],
)
def test_an_entry_that_makes_no_request_is_named(fhir: Fhir, bad: dict[str, Any], place: str) -> None:
    answer = fhir.transaction(entry("POST", "Patient", patient()), bad)
    assert 400 <= answer.status_code < 500
    assert any(found.startswith(place) for found in places(answer)), answer.text


@pytest.mark.parametrize(
    "body", [patient(), {"resourceType": "Bundle", "type": "collection"}, {"resourceType": "Bundle"}]
)
def test_only_a_batch_or_transaction_is_posted_to_the_base(fhir: Fhir, body: dict[str, Any]) -> None:
    assert fhir.post("", body).status_code == 400


def test_more_entries_than_the_limit_are_413(strict: Fhir) -> None:
    answer = strict.transaction(*[entry("POST", "Patient", patient())] * 4)
    assert (answer.status_code, codes(answer)) == (413, ["too-costly"])
    assert statuses(strict.transaction(*[entry("POST", "Patient", patient())] * 3)) == ["201"] * 3


def test_a_bundle_is_stored_where_it_is_posted_to_its_type(fhir: Fhir) -> None:
    inner = {"resourceType": "Bundle", "type": "collection"}
    assert statuses(fhir.transaction(entry("POST", "Bundle", inner))) == ["201"]


def test_operations_take_part(fhir: Fhir) -> None:
    one = fhir.create(patient())
    tag = {"system": "urn:x", "code": "a"}
    add = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [tag]}}]}
    answer = fhir.transaction(
        entry("POST", f"Patient/{one['id']}/$meta-add", add),
        entry("GET", f"Patient/{one['id']}/$meta"),
        entry("POST", "Patient/$validate?mode=create", patient(gender="banana")),
    )
    assert statuses(answer) == ["200"] * 3
    added, read, judged = (found["resource"] for found in answer.json["entry"])
    assert added["parameter"] == read["parameter"]
    assert read["parameter"][0]["valueMeta"]["tag"] == [tag]
    assert judged["resourceType"] == "OperationOutcome"


def test_an_absolute_url_of_our_own_is_understood(fhir: Fhir) -> None:
    one = fhir.create(patient())
    assert statuses(fhir.transaction(entry("GET", f"{BASE}/Patient/{one['id']}"))) == ["200"]


class TestReferences:
    """https://hl7.org/fhir/R4/http.html#trules"""

    def test_circular_references_are_resolved(self, fhir: Fhir) -> None:
        a, b = urn(), urn()
        links = [[{"other": {"reference": url}, "type": "seealso"}] for url in (b, a)]
        answer = fhir.transaction(
            entry("POST", "Patient", patient(link=links[0]), a), entry("POST", "Patient", patient(link=links[1]), b)
        )
        first, second = made(answer)
        assert fhir.get(f"/{first}").json["link"][0]["other"]["reference"] == second
        assert fhir.get(f"/{second}").json["link"][0]["other"]["reference"] == first

    def test_references_are_resolved_wherever_they_stand(self, fhir: Fhir) -> None:
        target, binary = urn(), urn()
        reference = {"reference": target}
        body = observation(
            target,
            performer=[reference, reference],
            extension=[{"url": "http://example.org/who", "valueReference": reference}],
            contained=[{"resourceType": "Observation", "id": "in", "subject": reference} | observation()],
            hasMember=[{"reference": "#in"}],
            text={
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{target}">x</a> {target}</div>',
            },
        )
        body["contained"][0]["subject"] = reference
        report = {
            "resourceType": "DiagnosticReport",
            "status": "final",
            "code": {"text": "x"},
            "presentedForm": [{"contentType": "text/plain", "url": binary}],
        }
        answer = fhir.transaction(
            entry("POST", "Observation", body, urn()),
            entry("POST", "DiagnosticReport", report),
            entry("POST", "Patient", patient(), target),
            entry("POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain"}, binary),
        )
        place, form, who, file = made(answer)
        stored = fhir.get(f"/{place}").json
        assert stored["subject"]["reference"] == who
        assert [one["reference"] for one in stored["performer"]] == [who, who]
        assert stored["extension"][0]["valueReference"]["reference"] == who
        assert stored["contained"][0]["subject"]["reference"] == who
        assert f'href="{who}"' in stored["text"]["div"]
        assert f" {target}</div>" in stored["text"]["div"], "text is no reference"
        assert fhir.get(f"/{form}").json["presentedForm"][0]["url"] == file

    def test_relative_references_follow_the_full_urls_of_another_server(self, fhir: Fhir) -> None:
        base = "http://elsewhere.example/fhir"
        answer = fhir.transaction(
            entry("POST", "Observation", observation("Patient/p1"), f"{base}/Observation/o1"),
            entry("POST", "Patient", patient(), f"{base}/Patient/p1"),
            entry("POST", "Observation", observation(f"{base}/Patient/p1")),
        )
        first, who, third = made(answer)
        for place in (first, third):
            assert fhir.get(f"/{place}").json["subject"]["reference"] == who

    def test_a_reference_to_an_entry_that_is_updated_names_it(self, fhir: Fhir) -> None:
        name, url = unique(), urn()
        answer = fhir.transaction(
            entry("POST", "Observation", observation(url)), entry("PUT", f"Patient/{name}", patient(id=name), url)
        )
        assert fhir.get(f"/{made(answer)[0]}").json["subject"]["reference"] == f"Patient/{name}"

    def test_a_urn_that_no_entry_has_is_400(self, fhir: Fhir) -> None:
        answer = fhir.transaction(entry("POST", "Observation", observation(urn())))
        assert (answer.status_code, codes(answer)) == (400, ["invalid"])
        assert places(answer) == ["Bundle.entry[0].resource.subject.reference"]

    def test_a_urn_that_is_no_reference_stays(self, fhir: Fhir) -> None:
        name = urn()
        answer = fhir.transaction(entry("POST", "Patient", patient(identifier=[{"system": name, "value": "1"}])))
        assert fhir.get(f"/{made(answer)[0]}").json["identifier"][0]["system"] == name

    def test_a_conditional_reference_names_its_match(self, fhir: Fhir) -> None:
        value = unique()
        one = fhir.create(patient(value))
        answer = fhir.transaction(
            entry("POST", "Observation", observation(f"Patient?identifier=urn:oid:1.2.36.146|{value}"))
        )
        assert fhir.get(f"/{made(answer)[0]}").json["subject"]["reference"] == f"Patient/{one['id']}"

    @pytest.mark.parametrize("matches, status, code", [(0, 400, "invalid"), (2, 412, "multiple-matches")])
    def test_a_conditional_reference_must_match_once(self, fhir: Fhir, matches: int, status: int, code: str) -> None:
        value = unique()
        for _ in range(matches):
            fhir.create(patient(value))
        answer = fhir.transaction(entry("POST", "Observation", observation(f"Patient?identifier={value}")))
        assert (answer.status_code, codes(answer), places(answer)) == (status, [code], ["Bundle.entry[0]"])

    def test_a_conditional_reference_may_mean_what_the_transaction_creates(self, fhir: Fhir) -> None:
        value = unique()
        answer = fhir.transaction(
            entry("POST", "Observation", observation(f"Patient?identifier={value}")),
            entry("POST", "Patient", patient(value), ifNoneExist=f"identifier={value}"),
        )
        place, who = made(answer)
        assert fhir.get(f"/{place}").json["subject"]["reference"] == who

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    def test_a_reference_to_a_conditional_entry_names_what_it_found(self, fhir: Fhir, method: str) -> None:
        value, url = unique(), urn()
        one = fhir.create(patient(value))
        if method == "POST":
            conditional = entry("POST", "Patient", patient(value), url, ifNoneExist=f"identifier={value}")
        else:
            conditional = entry("PUT", f"Patient?identifier={value}", patient(value), url)
        answer = fhir.transaction(entry("POST", "Observation", observation(url)), conditional)
        assert statuses(answer) == ["201", "200"]
        assert fhir.get(f"/{made(answer)[0]}").json["subject"]["reference"] == f"Patient/{one['id']}"

    def test_a_patch_may_refer_to_an_entry(self, fhir: Fhir) -> None:
        one, url = fhir.create(observation()), urn()
        parts = [
            {"name": "type", "valueCode": "add"},
            {"name": "path", "valueString": "Observation"},
            {"name": "name", "valueString": "subject"},
            {"name": "value", "valueReference": {"reference": url}},
        ]
        parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
        answer = fhir.transaction(
            entry("PATCH", f"Observation/{one['id']}", parameters), entry("POST", "Patient", patient(), url)
        )
        place, who = made(answer)
        assert fhir.get(f"/{place}").json["subject"]["reference"] == who

    def test_a_target_of_the_wrong_type_is_refused(self, fhir: Fhir) -> None:
        url = urn()
        answer = fhir.transaction(
            entry("POST", "Observation", observation(url)), entry("POST", "Observation", observation(), url)
        )
        assert answer.status_code == 422
        assert places(answer)[0].startswith("Bundle.entry[0].resource.subject")
