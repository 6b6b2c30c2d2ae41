"""No check is vacuous: for each there is a server that it does not pass."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any

from conformance.checks import GROUPS
from tests.conformance.running import broken, results
from tests.conformance.small_server import Answer, Call, Choices, SmallServer

_TRACE = "<html><pre>Traceback (most recent call last):\n"
_OLD = "Wed, 01 Jan 2020 00:00:00 GMT"


class ClaimsAll(SmallServer):
    """Claims everything, once, and then answers each request in one senseless way."""

    def __init__(self, answer: Callable[[Call], Answer], **choices: Any) -> None:
        super().__init__(Choices(**choices))
        self._answer = answer
        self._claimed = False

    def entry(self, call: Call) -> Answer:
        if self._claimed:
            return self._answer(call)
        self._claimed = True
        statement = self.statement()
        statement["format"] = ["json", "xml"]
        statement["patchFormat"].append("application/xml-patch+xml")
        rest = statement["rest"][0]
        rest["interaction"] = [{"code": c} for c in ("batch", "transaction", "history-system", "search-system")]
        for resource in rest["resource"]:
            names = ("validate", "everything", "meta", "meta-add", "meta-delete")
            resource["operation"] = [{"name": name} for name in names]
        return Answer(200, statement)


def _page(status: int) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        text = _TRACE + urllib.parse.unquote(call.path + str(call.query))
        headers = {"Content-Type": "text/html", "X-Injected": "yes", "Date": ""}
        return Answer(status, text.encode(), headers)

    return answer


def _same_patient(call: Call) -> Answer:
    patient = {
        "resourceType": "Patient",
        "id": "1",
        "active": True,
        "meta": {"versionId": "1", "lastUpdated": "2020-01-01T00:00:00Z"},
        "identifier": [{"value": "1"}],
        "telecom": [],
    }
    headers = {"Location": "Patient/1/_history/1", "ETag": 'W/"1"', "Last-Modified": _OLD}
    return Answer(201 if call.method in ("POST", "PUT") else 200, patient, headers)


def test_every_check_fails_against_some_server() -> None:
    groups = [group for group in GROUPS if not group.name.startswith("search-")]  # those have test_search_part.py
    names = [group.name for group in groups]
    failed: set[str] = set()
    unusual: dict[str, Any] = {"update_create": False, "conditional_delete": "single", "versioned_update": True}
    for answer in (_page(404), _page(500), _page(200), lambda _: Answer(200, {}), _same_patient):
        for choices in ({}, unusual):
            failed |= broken(results(ClaimsAll(answer, **choices), names, token="secret")).keys()
    every = {check.id for group in groups for check in group.checks}
    assert every - failed == set()


def test_ids_are_unique_and_sections_are_pages_of_the_specification() -> None:
    checks = [check for group in GROUPS for check in group.checks]
    assert len({check.id for check in checks}) == len(checks)
    assert len({check.title for check in checks}) == len(checks)
    for check in checks:
        assert check.url.startswith("http://hl7.org/fhir/R4/")
        assert ".html" in check.url
