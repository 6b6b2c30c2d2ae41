"""Cases 69, 71-76, 78-80: writes that meet each other, bundles that are wrong in one place.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def post(resource: dict[str, Any], full_url: str = "", **request: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], **request},
    }
    return entry | ({"fullUrl": full_url} if full_url else {})


def patient(value: str = "", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Patient", **more}
    if value:
        found["identifier"] = [{"system": "http://example.org/mrn", "value": value}]
    return found


def together(work: Callable[[int], Answer], count: int, threads: int = 8) -> list[Answer]:
    """Run `work` `count` times, all starting at the same moment as far as threads allow."""
    barrier = threading.Barrier(min(count, threads))

    def run(number: int) -> Answer:
        if number < threads:
            barrier.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(count)))


def total(wire: Wire, query: str) -> int:
    found = wire.get(f"/Patient?{query}&_total=accurate").json()
    return int(found["total"])


def test_case_69_of_two_puts_on_one_version_one_wins(wire: Wire) -> None:
    id_ = wire.post("/Patient", patient()).json()["id"]
    answers = together(
        lambda n: wire.put(f"/Patient/{id_}", patient(id=id_, active=bool(n % 2)), If_Match='W/"1"'), 2, 2
    )
    assert sorted(answer.status for answer in answers) == [200, 412]


def test_case_71_writers_that_lock_in_opposite_order_all_finish(wire: Wire) -> None:
    ids = [wire.post("/Patient", patient()).json()["id"] for _ in range(4)]

    def swap(number: int) -> Answer:
        order = ids if number % 2 else ids[::-1]
        entries = [
            {
                "resource": patient(id=id_, active=bool(number % 3)),
                "request": {"method": "PUT", "url": f"Patient/{id_}"},
            }
            for id_ in order
        ]
        return wire.post("/", bundle(*entries))

    answers = together(swap, 24)
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) >= 20
    for answer in answers:
        if answer.status == 503:
            assert answer.codes() == {"lock-error"}
            assert "retry-after" in answer.headers


@pytest.mark.parametrize("kind, status", [("transaction", {400, 422}), ("batch", {200})])
def test_cases_72_and_73_one_bad_entry(wire: Wire, kind: str, status: set[int]) -> None:
    good, bad = patient(f"case-72-{kind}"), patient(gender="banana")
    answer = wire.post("/", bundle(post(good), post(bad), post(good), kind=kind))
    assert answer.status in status, answer.body
    stored = total(wire, f"identifier=http://example.org/mrn|case-72-{kind}")
    if kind == "transaction":
        assert stored == 0, "nothing of a refused transaction is kept"
        assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    else:
        assert stored == 2
        assert [entry["response"]["status"][:3] for entry in answer.json()["entry"]] == ["201", "422", "201"]
        assert answer.json()["entry"][1]["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_case_74_a_duplicate_full_url_is_refused(wire: Wire, refused: Refused) -> None:
    url = "urn:uuid:0c9f8a2e-0000-4000-8000-000000000001"
    refused(wire.post("/", bundle(post(patient(), url), post(patient(), url))), {400}, {"duplicate", "invalid"})


def test_case_74_one_resource_written_twice_is_refused(wire: Wire, refused: Refused) -> None:
    put = {"resource": patient(id="twice"), "request": {"method": "PUT", "url": "Patient/twice"}}
    refused(wire.post("/", bundle(put, put)), {400}, {"duplicate", "invalid"})


def test_case_75_circular_references_between_entries_are_resolved(wire: Wire) -> None:
    a, b = (f"urn:uuid:0c9f8a2e-0000-4000-8000-00000000000{n}" for n in "ab")
    first = patient(link=[{"other": {"reference": b}, "type": "seealso"}])
    second = patient(link=[{"other": {"reference": a}, "type": "seealso"}])
    answer = wire.post("/", bundle(post(first, a), post(second, b)))
    assert answer.status == 200, answer.body
    places = [entry["response"]["location"].split("/_history")[0] for entry in answer.json()["entry"]]
    ids = ["Patient/" + place.rsplit("/", 1)[1] for place in places]
    for own, other in (ids, ids[::-1]):
        assert wire.get(f"/{own}").json()["link"][0]["other"]["reference"] == other


def test_case_75_an_unresolved_urn_is_refused(wire: Wire, refused: Refused) -> None:
    lost = patient(link=[{"other": {"reference": "urn:uuid:0c9f8a2e-0000-4000-8000-00000000dead"}, "type": "seealso"}])
    answer = refused(wire.post("/", bundle(post(lost))), {400, 422}, {"invalid", "not-found", "value"})
    assert "Bundle.entry[0]" in answer.json()["issue"][0]["expression"][0]


@pytest.mark.parametrize("matches, statuses", [(0, {400, 404, 412, 422}), (2, {400, 412})])
def test_case_75_a_conditional_reference_must_match_once(wire: Wire, matches: int, statuses: set[int]) -> None:
    for _ in range(matches):
        assert wire.post("/Patient", patient(f"case-75-{matches}")).status == 201
    reference = f"Patient?identifier=http://example.org/mrn|case-75-{matches}"
    lost = patient(link=[{"other": {"reference": reference}, "type": "seealso"}])
    before = wire.newest()
    answer = wire.post("/", bundle(post(lost)))
    assert answer.status in statuses
    assert "Bundle.entry[0]" in answer.json()["issue"][0]["expression"][0]
    assert wire.newest() == before


def test_case_76_entries_run_delete_post_put_get(wire: Wire) -> None:
    old = wire.post("/Patient", patient("case-76-old")).json()["id"]
    kept = wire.post("/Patient", patient("case-76-kept")).json()["id"]
    answer = wire.post(
        "/",
        bundle(
            {"request": {"method": "GET", "url": f"Patient/{kept}"}},
            {
                "resource": patient("case-76-kept", id=kept, active=True),
                "request": {"method": "PUT", "url": f"Patient/{kept}"},
            },
            post(patient("case-76-old"), ifNoneExist="identifier=http://example.org/mrn|case-76-old"),
            {"request": {"method": "DELETE", "url": f"Patient/{old}"}},
        ),
    )
    assert answer.status == 200, answer.body
    got, put, posted, deleted = (entry["response"]["status"][:3] for entry in answer.json()["entry"])
    assert (got, put, posted, deleted) in {("200", "200", "201", "204"), ("200", "200", "201", "200")}
    assert answer.json()["entry"][0]["resource"]["active"] is True, "GET sees what the transaction wrote"


def test_case_76_a_bundle_inside_a_bundle_is_only_a_resource(wire: Wire) -> None:
    inner = {"resourceType": "Bundle", "type": "collection"}
    answer = wire.post("/", bundle(post(inner)))
    assert answer.status == 200, answer.body
    nested = {"resource": bundle(post(patient())), "request": {"method": "POST", "url": ""}}
    assert wire.post("/", bundle(nested)).status in {400, 422}


def test_case_78_a_retry_with_if_none_exist_makes_one_resource(wire: Wire) -> None:
    criteria = "identifier=http://example.org/mrn|case-78"
    answers = together(lambda _: wire.post("/Patient", patient("case-78"), If_None_Exist=criteria), 24)
    assert sorted({answer.status for answer in answers}) == [200, 201]
    assert sum(answer.status == 201 for answer in answers) == 1
    assert total(wire, criteria) == 1


def test_case_79_a_referenced_resource_is_not_deleted(wire: Wire, refused: Refused) -> None:
    id_ = wire.post("/Patient", patient()).json()["id"]
    seen = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{id_}"},
    }
    assert wire.post("/Observation", seen).status == 201
    answer = wire.send("DELETE", f"/Patient/{id_}")
    assert (answer.status, answer.codes()) == (409, {"conflict"})
    assert wire.get(f"/Patient/{id_}").status == 200


def test_case_80_a_hundred_writers_leave_dense_versions(wire: Wire) -> None:
    id_ = wire.post("/Patient", patient()).json()["id"]
    answers = together(lambda n: wire.put(f"/Patient/{id_}", patient(id=id_, active=bool(n % 2))), 100)
    written = [answer for answer in answers if answer.status == 200]
    assert len(written) >= 95
    assert {answer.status for answer in answers} <= {200, 503}
    versions = sorted(int(answer.json()["meta"]["versionId"]) for answer in written)
    assert versions == list(range(2, 2 + len(written)))
