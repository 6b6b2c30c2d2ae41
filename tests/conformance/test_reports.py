"""The reports: readable by people and machines, safe to open, without secrets."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

from conformance.check import Check, Level, Outcome, Result
from conformance.claims import Claims
from conformance.cleanup import Leftover
from conformance.client import Base, Client
from conformance.exchange import Exchange
from conformance.reports import Report, junit, testreport, write
from conformance.reports import html as html_report
from tests.conformance import faults as f
from tests.conformance.running import whole_run
from tests.conformance.small_http import serving
from tests.conformance.small_server import SmallServer

_EVIL = "<script>alert('x')</script>\x00\x1b&\"]]>"


def _exchange() -> Exchange:
    return Exchange("GET", f"http://h/{_EVIL}", (("Accept", _EVIL),), _EVIL, 200, (("X", _EVIL),), _EVIL, 0.1)


def _result(outcome: Outcome, level: Level = Level.SHALL) -> Result:
    check = Check(f"c-{outcome.value}", "A sentence", "http.html#read", level, lambda _: None)
    messages = () if outcome is Outcome.PASS else (_EVIL,)
    return Result("group", check, outcome, messages, (_exchange(),), 0.25)


def _report(*outcomes: Outcome, leftovers: tuple[Leftover, ...] = (), interrupted: bool = False) -> Report:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    claims = Claims.read({"software": {"name": _EVIL, "version": "1"}})
    results = tuple(_result(outcome) for outcome in outcomes)
    return Report("http://h/fhir", claims, "run-1", now, now, results, leftovers, interrupted)


def test_junit_counts_and_survives_any_text() -> None:
    report = _report(*Outcome, leftovers=(Leftover("Patient", "1", _EVIL),))
    root = etree.fromstring(junit.render(report))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "1", "1")
    suite = root[0]
    assert [case.get("name") for case in suite] == ["c-pass", "c-warn", "c-fail", "c-skip"]
    failure = suite[2].find("failure")
    assert failure is not None
    assert "<script>" in (failure.text or "")
    assert suite[1].findtext("system-out", "").startswith("warning (SHALL)")
    assert suite[3].find("skipped") is not None
    assert root[1].get("name") == "cleanup"


def test_html_escapes_everything_and_loads_nothing() -> None:
    text = html_report.render(_report(*Outcome, leftovers=(Leftover("Patient", "1", _EVIL),)))
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!#|http://hl7\.org/fhir/R4/)", text)
    assert "url(" not in text
    assert "default-src 'none'" in text
    etree.fromstring(text.replace("\x00", "").replace("\x1b", ""), etree.HTMLParser())


def test_testreport_is_complete() -> None:
    found: dict[str, Any] = json.loads(testreport.render(_report(*Outcome)))
    assert found["resourceType"] == "TestReport"
    assert (found["status"], found["result"]) == ("completed", "fail")
    assert found["score"] == 66.67
    assert [test["action"][0]["assert"]["result"] for test in found["test"]] == ["pass", "warning", "fail", "skip"]
    assert "\x00" not in json.dumps(found, ensure_ascii=False)
    assert found["teardown"]["action"][0]["operation"]["result"] == "pass"


def test_testreport_of_an_interrupted_run_without_results() -> None:
    found = testreport.resource(_report(leftovers=(Leftover("Patient", "1", "DELETE answered 405"),), interrupted=True))
    assert (found["status"], found["result"], str(found["score"])) == ("stopped", "pass", "0.00")
    assert "test" not in found
    assert "DELETE answered 405" in found["teardown"]["action"][0]["operation"]["message"]


def test_a_run_writes_three_files_that_agree(tmp_path: Path) -> None:
    server = f.changed(f.on(f.is_write, f.header("Location", None)))
    code, printed = whole_run(server, only=["create"], report=tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert code == 1
    assert {path.name for path in folder.iterdir()} == {"index.html", "junit.xml", "testreport.json"}
    root = etree.fromstring((folder / "junit.xml").read_bytes())
    found = json.loads((folder / "testreport.json").read_text())
    results = [test["action"][0]["assert"]["result"] for test in found["test"]]
    assert int(root.get("failures", "")) == results.count("fail") >= 1
    assert f"{results.count('fail')} failed" in printed
    page = (folder / "index.html").read_text()
    assert "POST" in page
    assert "create-location" in page
    assert "without the header Location" in page


def test_write_replaces_an_older_report(tmp_path: Path) -> None:
    write(_report(Outcome.FAIL), tmp_path)
    write(_report(Outcome.PASS), tmp_path)
    assert json.loads((tmp_path / "testreport.json").read_text())["result"] == "pass"


def test_the_token_is_in_no_evidence() -> None:
    def echo(call: f.Call, answer: f.Answer) -> f.Answer:
        answer.headers["X-Echo"] = call.headers.get("authorization", "")
        answer.body = {"resourceType": "Basic", "text": call.headers.get("authorization", "")}
        return answer

    server = SmallServer(fault=echo)
    with serving(server) as url:
        client = Client(Base.parse(url), "s3cret-token", timeout=5.0)
        response = client.send("GET", "Patient/1?x=s3cret-token")
        client.send("GET", "metadata", anonymous=True)
        client.close()
    assert "s3cret-token" in response.text
    assert server.seen[0].headers["authorization"] == "Bearer s3cret-token"
    assert "authorization" not in server.seen[1].headers
    for exchange in client.exchanges:
        assert "s3cret" not in str(exchange)
        assert "s3cret" not in repr(exchange)


def test_of_many_exchanges_those_that_matter_are_shown() -> None:
    good = [Exchange("GET", f"http://h/{n}", (), "", 200, (), "", 0.1) for n in range(500)]
    good[250] = Exchange("GET", "http://h/odd", (), "", 400, (), "", 0.1)
    good[260] = Exchange("GET", "http://h/lost", (), "", None, (), "", 0.1, "reset")
    check = Check("c", "A sentence", "http.html#read", Level.SHALL, lambda _: None)
    shown = Result("group", check, Outcome.FAIL, ("no",), tuple(good), 1.0).evidence
    assert [one.url.rpartition("/")[2] for one in shown] == [*"01234", "odd", "lost", "495", "496", "497", "498", "499"]
    few = Result("group", check, Outcome.FAIL, ("no",), tuple(good[:40]), 1.0)
    assert few.evidence == few.exchanges
