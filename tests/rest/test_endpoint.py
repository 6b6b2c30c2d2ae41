"""https://hl7.org/fhir/R4/http.html#transaction, through the endpoint without HTTP"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhir_server.errors import BadRequest, FhirError, Forbidden, Invalid
from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.message import Request, Response
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.repository import WriteUnit
from tests.stores import BASE_URL, EVERYONE, Clock

URN = "urn:uuid:0c9f8a2e-0000-4000-8000-000000000001"


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def observation(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": subject},
    }


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def post(resource: dict[str, Any], full_url: str = "", **request: str) -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}
    return entry | ({"fullUrl": full_url} if full_url else {})


def get(
    endpoint: Endpoint, path: str, access: Access = EVERYONE, query: list[tuple[str, str]] | None = None
) -> Response:
    return endpoint.handle(Request("GET", path, query or [], access))


def test_a_transaction_leaves_the_bundle_as_it_was(endpoint: Endpoint) -> None:
    given = bundle(post(patient(), URN), post(observation(URN)))
    before = copy.deepcopy(given)
    answers = endpoint.transaction(given, EVERYONE)
    assert [answer.status for answer in answers] == [201, 201]
    assert given == before
    assert get(endpoint, "Observation/new-2").resource()["subject"]["reference"] == "Patient/new-1"


def test_a_refused_transaction_can_be_handed_over_again(endpoint: Endpoint) -> None:
    given = bundle(post(patient(), URN), post(observation(URN)), post(observation("Patient/nobody")))
    before = copy.deepcopy(given)
    for _ in range(2):
        with pytest.raises(Invalid) as caught:
            endpoint.transaction(given, EVERYONE)
        assert caught.value.all_issues()[0].expression.startswith("Bundle.entry[2]")
        assert given == before
    del given["entry"][2]
    assert len(endpoint.transaction(given, EVERYONE)) == 2


def test_what_else_is_done_belongs_to_the_transaction(endpoint: Endpoint) -> None:
    def fail(_unit: WriteUnit) -> None:
        raise BadRequest("not so")

    with pytest.raises(BadRequest):
        endpoint.transaction(bundle(post(patient())), EVERYONE, also=fail)
    assert get(endpoint, "Patient", query=[("_summary", "count")]).resource().get("entry") is None


def test_a_batch_answers_every_entry(endpoint: Endpoint) -> None:
    answers = endpoint.batch(bundle(post(patient()), post(patient(gender="banana"))) | {"type": "batch"}, EVERYONE)
    assert [(answer.status, answer.outcome) for answer in answers] == [(201, False), (422, True)]


def test_answers_carry_the_time_of_the_store(endpoint: Endpoint, clock: Clock) -> None:
    (answer,) = endpoint.transaction(bundle(post(patient())), EVERYONE)
    assert answer.modified == clock.now
    assert answer.headers["Location"] == f"{BASE_URL}/Patient/new-1/_history/1"
    assert get(endpoint, "Patient/new-1").headers["Last-Modified"] == "Fri, 20 Nov 2026 08:30:00 GMT"


def test_every_search_parameter_that_is_promised_is_answered(endpoint: Endpoint) -> None:
    for name in ("Patient", "Task", "Slot"):
        assert {"_id", "_lastUpdated", "identifier"} <= set(endpoint.search_parameters(name))


class TestAccess:
    """What a caller may not reach is as if it did not exist."""

    @pytest.fixture
    def own(self, endpoint: Endpoint) -> Access:
        """Two patients with an observation each, and the rights of the first one."""
        for number in (1, 2):
            urn = URN[:-1] + str(number)
            endpoint.transaction(bundle(post(patient(), urn), post(observation(urn))), EVERYONE)
        return Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", "new-1"))])

    def test_reads_and_searches_stay_inside(self, endpoint: Endpoint, own: Access) -> None:
        assert get(endpoint, "Patient/new-1", own).status == 200
        for path in ("Patient/new-3", "Patient/new-3/_history", "Patient/new-3/_history/1", "Observation/new-4"):
            assert get(endpoint, path, own).status == 404
        found = get(endpoint, "Observation", own).resource()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["new-2"]
        assert found["total"] == 1

    def test_everything_stays_inside(self, endpoint: Endpoint, own: Access) -> None:
        for path in ("Patient/new-1/$everything", "Patient/$everything"):
            found = get(endpoint, path, own).resource()
            assert {entry["resource"]["id"] for entry in found["entry"]} == {"new-1", "new-2"}
        assert get(endpoint, "Patient/new-3/$everything", own).status == 404

    def test_writes_without_the_right_are_403(self, endpoint: Endpoint, own: Access) -> None:
        for method, path in (("PUT", "Patient/new-1"), ("DELETE", "Patient/new-1"), ("POST", "Patient")):
            request = Request(method, path, [], own, resource=patient(id="new-1"))
            answer = endpoint.handle(request)
            assert (answer.status, answer.resource()["issue"][0]["code"]) == (403, "forbidden")
        with pytest.raises(Forbidden) as caught:
            endpoint.transaction(bundle(post(patient())), own)
        assert caught.value.all_issues()[0].expression == "Bundle.entry[0]"

    def test_a_next_link_of_another_caller_is_refused(self, endpoint: Endpoint, own: Access) -> None:
        page = get(endpoint, "Patient", EVERYONE, [("_count", "1")]).resource()
        token = page["link"][1]["url"].partition("_page=")[2]
        assert get(endpoint, "Patient", own, [("_count", "1"), ("_page", token)]).status == 400

    def test_a_caller_without_rights_sees_nothing(self, endpoint: Endpoint, own: Access) -> None:
        nobody = Access.nothing()
        assert get(endpoint, "Patient/new-1", nobody).status == 404
        assert get(endpoint, "Patient", nobody).resource()["total"] == 0
        with pytest.raises(FhirError):
            endpoint.transaction(bundle(post(patient())), nobody)
