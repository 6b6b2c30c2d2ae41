"""This server, served as users serve it, on both databases: nothing fails, nothing is left behind."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from conformance import Limits, run
from conformance.checks import GROUPS
from tests.paths import ROOT
from tests.ports import free_port

# Checks of a SHOULD or a MAY that this server does not fulfil, each with the reason. Nothing else may warn.
NOT_DONE: dict[str, str] = {
    "header-cors": "browsers of other origins are let in only where the settings name them",
    "search-string-family-parts": "a family name is searched from its beginning; :contains finds the words within",
}

# Checks that do not apply to this server, each with the reason. Nothing else may be skipped.
NOT_APPLICABLE: dict[str, str] = {
    "update-as-create-unclaimed": "updateCreate is claimed",
    "update-if-match-required": "If-Match is used when it is there, and required only where a setting says so",
    "conditional-delete-many": "a conditional delete is for one resource",
    "search-canonical-below": ":below is for elements of type uri and canonical under a uri parameter",
    "search-total": "a total that costs a count is given only where it is asked for",
    "security-token-needed": "the server runs without authentication here",
    "security-token-wrong": "the server runs without authentication here",
}

KINDS = (
    *("Patient", "Organization", "Practitioner", "Observation", "Binary"),
    *("RiskAssessment", "CarePlan", "Location", "List", "CodeSystem", "ValueSet"),
)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode} before it answered"
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/metadata", timeout=10):
            return
        time.sleep(0.1)
    raise AssertionError("the server did not answer within 90 s")


@pytest.fixture
def served(database_url: str) -> Iterator[str]:
    """The base URL of a server process over a new database."""
    port = free_port()
    environment = os.environ | {"FHIR_DATABASE": database_url, "FHIR_ACCESS_LOG": "false"}
    command = [sys.executable, "-m", "fhir_server.cli", "serve", "--migrate", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}/fhir"
    try:
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@pytest.mark.slow
def test_nothing_fails_and_nothing_is_left_behind(served: str, tmp_path: Path) -> None:
    out = io.StringIO()
    code = run(url=served, report=tmp_path, out=out, limits=Limits(run=400.0))
    printed = out.getvalue()
    lines = printed.splitlines()
    assert [line for line in lines if line.startswith("FAIL")] == [], printed
    assert code == 0
    assert "nothing left" in printed
    warned = {line.split()[2] for line in lines if line.startswith("WARN")}
    assert warned <= NOT_DONE.keys(), printed
    skipped = {line.split()[2] for line in lines if line.startswith("skip")}
    assert skipped <= NOT_APPLICABLE.keys(), printed
    for kind in KINDS:
        assert _get(f"{served}/{kind}?_summary=count")["total"] == 0, kind

    report = json.loads((tmp_path / "testreport.json").read_text())
    assert len(report["test"]) == sum(len(group.checks) for group in GROUPS)
    assert etree.parse(tmp_path / "junit.xml").getroot().get("failures") == "0"
    request = urllib.request.Request(
        f"{served}/TestReport/$validate",
        (tmp_path / "testreport.json").read_bytes(),
        {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        issues = json.load(answer)["issue"]
    assert [issue for issue in issues if issue["severity"] in ("error", "fatal")] == []
