"""The command line and its exit codes."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance import run
from conformance.__main__ import listing, main
from conformance.checks import GROUPS
from conformance.runner import EXIT_FAIL, EXIT_PASS, EXIT_UNUSABLE
from tests.conformance import faults as f
from tests.conformance.running import FAST, whole_run
from tests.conformance.small_http import serving
from tests.conformance.small_server import SmallServer
from tests.paths import ROOT


def test_list_names_every_group_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == EXIT_PASS
    printed = capsys.readouterr().out
    assert printed == listing()
    for group in GROUPS:
        assert f"{group.name}: " in printed
        assert all(check.id in printed for check in group.checks)


def test_a_url_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_UNUSABLE
    assert "--url" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://h/fhir", "nonsense"])
def test_an_unusable_url_is_told(url: str) -> None:
    out = io.StringIO()
    assert run(url=url, out=out) == EXIT_UNUSABLE
    assert "not an http or https URL" in out.getvalue()


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    out = io.StringIO()
    assert run(url=f"http://127.0.0.1:{port}/fhir", out=out, limits=FAST) == EXIT_UNUSABLE
    assert "cannot be tested" in out.getvalue()


def test_an_unknown_group_is_told_with_the_known_ones() -> None:
    out = io.StringIO()
    assert run(url="http://h/fhir", only=["reed"], out=out) == EXIT_UNUSABLE
    assert "reed: no such group or check" in out.getvalue()
    assert "capabilities, read" in out.getvalue()


def test_only_picks_groups_and_single_checks() -> None:
    _, printed = whole_run(SmallServer(), only=["create-location", "batch"])
    ids = [line.split()[2] for line in printed.splitlines() if line.startswith(("pass", "WARN", "FAIL", "skip"))]
    assert "create-location" in ids
    assert "create-twice" not in ids
    assert {check for check in ids if check != "create-location"} == {
        check.id for group in GROUPS if group.name == "batch" for check in group.checks
    }


def test_a_broken_shall_gives_1_and_a_broken_should_0() -> None:
    assert whole_run(f.changed(f.on(f.is_write, f.status(200))), only=["create-location"])[0] == EXIT_FAIL
    code, printed = whole_run(f.Drops("contact"), only=["create-keeps-content"])
    assert (code, "1 warnings" in printed) == (EXIT_PASS, True)


def test_without_a_capability_statement_the_rest_is_skipped() -> None:
    server = f.changed(f.on(lambda c, a: c.path == "metadata", f.status(404)))
    code, printed = whole_run(server)
    assert code == EXIT_FAIL
    assert "no CapabilityStatement could be read" in printed
    assert server.store == {}


def test_a_page_link_to_another_server_is_skipped_and_gets_no_token() -> None:
    def elsewhere(_: f.Call, answer: f.Answer) -> None:
        answer.body["link"].append({"relation": "next", "url": "http://127.0.0.1:9/fhir?page=2"})

    _, printed = whole_run(f.changed(f.on(f.is_bundle("history"), elsewhere)), only=["history-paging"])
    assert "skip" in printed
    assert "leads to another server" in printed


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_sigterm_to_the_command_cleans_up(tmp_path: Path) -> None:
    server = SmallServer()
    with serving(server) as url:
        command = [sys.executable, "-m", "conformance", "--url", url, "--report", str(tmp_path)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        deadline = time.monotonic() + 20
        while len(server.store) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"nothing left" in printed
    assert server.standing == []
    assert (tmp_path / "testreport.json").exists()
