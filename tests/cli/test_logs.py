"""The access log tells what was asked for without a single value of the request."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from fhir_server.cli.logs import AccessLog, JsonLines, PathTemplate

TEMPLATE = PathTemplate("/fhir", ["Patient", "Observation"], ["everything", "validate"])


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/fhir", "/fhir"),
        ("/fhir/metadata", "/fhir/metadata"),
        ("/fhir/Patient", "/fhir/Patient"),
        ("/fhir/Patient/123-secret", "/fhir/Patient/{id}"),
        ("/fhir/Patient/1/_history/2", "/fhir/Patient/{id}/_history/{vid}"),
        ("/fhir/Patient/_search", "/fhir/Patient/_search"),
        ("/fhir/Patient/1/Observation", "/fhir/Patient/{id}/Observation"),
        ("/fhir/Patient/1/$everything", "/fhir/Patient/{id}/$everything"),
        ("/fhir/Patient/$john-doe", "/fhir/Patient/{operation}"),
        ("/fhir/Hans-Meier/1", "/fhir/{other}/{other}"),
        ("/fhir/a/b/c/d/e/f/g/h", "/fhir/{other}/{other}/{other}/{other}/{other}/{other}"),
        ("/fhirx/Patient", "{other}"),
        ("/fhirxPatient/1", "{other}"),
        ("/docs", "/docs"),
        ("/Hans-Meier", "{other}"),
        ("/readyz", "/readyz"),
    ],
)
def test_a_path_is_logged_as_a_template(path, template) -> None:
    assert TEMPLATE.of(path) == template


def environ(path: str, method: str = "GET", query: str = "name=secret") -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query}


def logged(application: Any, request: dict[str, Any]) -> dict[str, Any]:
    written: list[bytes] = []
    list(AccessLog(application, TEMPLATE, written.append)(request, lambda *_: lambda _: None))
    (line,) = written
    assert line.endswith(b"\n")
    return json.loads(line)


def answer(status: str, request_id: str) -> Any:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [("X-Request-Id", request_id)])
        return [b"body"]

    return application


def test_a_request_is_one_line_with_status_time_and_id_and_no_query() -> None:
    line = logged(answer("201 Created", "abc-1"), environ("/fhir/Patient/77", "PUT"))
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "event": "request",
        "request_id": "abc-1",
        "method": "PUT",
        "path": "/fhir/Patient/{id}",
        "status": 201,
    }


def test_a_request_id_or_method_that_could_hold_anything_is_not_logged() -> None:
    line = logged(answer("200 OK", "Hans Meier, born 1970"), environ("/fhir", "HANS"))
    assert (line["request_id"], line["method"]) == ("", "{other}")


def test_a_crash_is_logged_as_500_and_passed_on() -> None:
    def broken(_environ: Any, _start: Any) -> list[bytes]:
        raise RuntimeError("secret")

    written: list[bytes] = []
    with pytest.raises(RuntimeError):
        AccessLog(broken, TEMPLATE, written.append)(environ("/fhir/Patient"), lambda *_: lambda _: None)
    assert json.loads(written[0])["status"] == 500
    assert b"secret" not in written[0]


def test_a_log_line_is_json_and_holds_the_kind_of_an_exception_but_not_its_text() -> None:
    try:
        raise ValueError("Hans Meier")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("fhir", logging.ERROR, "f", 1, "request %s failed", ("r1",), info)
    line = json.loads(JsonLines().format(record))
    assert line["event"] == "request r1 failed"
    assert (line["level"], line["exception"]) == ("error", "ValueError")
    assert "Hans" not in json.dumps(line)
