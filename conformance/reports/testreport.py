"""The report as a FHIR R4 TestReport.

https://hl7.org/fhir/R4/testreport.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from conformance.check import Outcome, Result
from conformance.json_content import encode
from conformance.reports.report import Report

_ACTION = {Outcome.PASS: "pass", Outcome.WARN: "warning", Outcome.FAIL: "fail", Outcome.SKIP: "skip"}
_NOT_STRING = re.compile(r"[^\t\n\r\x20-\x7e\u00a0-\ud7ff\ue000-\U0010ffff]")
_LONGEST = 8_000  # characters of one message


def render(report: Report) -> bytes:
    """Return the resource as JSON."""
    return encode(resource(report))


def resource(report: Report) -> dict[str, Any]:
    """Return the resource."""
    failed = bool(report.count(Outcome.FAIL))
    made: dict[str, Any] = {
        "resourceType": "TestReport",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{report.run_id}"},
        "name": "FHIR R4 conformance",
        "status": "stopped" if report.interrupted else "completed",
        "testScript": {"display": "FHIR R4 conformance suite"},
        "result": "fail" if failed else "pass",
        "score": _score(report),
        "tester": "FHIR R4 conformance suite",
        "issued": report.finished.isoformat(timespec="seconds"),
        "participant": [
            {"type": "test-engine", "uri": f"urn:uuid:{report.run_id}", "display": "FHIR R4 conformance suite"},
            {"type": "server", "uri": report.url, **({"display": _string(report.server)} if report.server else {})},
        ],
    }
    if report.results:
        made["test"] = [_test(result) for result in report.results]
    made["teardown"] = {"action": _teardown(report)}
    return made


def _score(report: Report) -> Decimal:
    """Return the percentage of the checks made that passed; warnings count as passed."""
    made = len(report.results) - report.count(Outcome.SKIP)
    good = made - report.count(Outcome.FAIL)
    return Decimal(100 * good / made).quantize(Decimal("0.01")) if made else Decimal("0.00")


def _test(result: Result) -> dict[str, Any]:
    check = result.check
    assertion: dict[str, Any] = {"result": _ACTION[result.outcome], "detail": f"{check.level.value} {check.url}"}
    if result.messages:
        assertion["message"] = _string("\n".join(result.messages))
    return {"name": check.id, "description": check.title, "action": [{"assert": assertion}]}


def _teardown(report: Report) -> list[dict[str, Any]]:
    if not report.leftovers:
        return [{"operation": {"result": "pass", "message": "everything that the run made was removed"}}]
    return [{"operation": {"result": "fail", "message": _string(f"not removed: {item}")}} for item in report.leftovers]


def _string(text: str) -> str:
    """Return text that a FHIR string may hold."""
    return _NOT_STRING.sub("\ufffd", text)[:_LONGEST].strip() or "-"
