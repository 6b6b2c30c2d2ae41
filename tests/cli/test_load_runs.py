"""Whole runs of `fhir-server load`: interrupted, killed, with several workers, over HTTP, with all of Synthea."""

from __future__ import annotations

import bz2
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.records import bundle, chart, load, patient, practitioner, report, stored, write
from tests.cli.running import COMMAND, call, environment, serving
from tests.paths import SYNTHEA, needs_shared
from tests.stores import store_url, templates

__all__ = ["store_url", "templates"]

_CHARTS = 60
_OBSERVATIONS = 40
_ALL = {"Patient": _CHARTS, "Observation": _CHARTS * _OBSERVATIONS}


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    """A folder with the transactions of some patients."""
    folder = tmp_path / "charts"
    folder.mkdir()
    for number in range(_CHARTS):
        write(folder / f"{number:03}.json", chart(number, _OBSERVATIONS))
    return folder


def stop_midway(url: str, folder: Path, send: Callable[[subprocess.Popen[bytes]], None]) -> int:
    """Start a load with two workers, call `send` once something is stored, and return the exit code."""
    process = subprocess.Popen(
        [COMMAND, "load", "--database", url, "--workers", "2", folder],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while stored(url, "Patient")["Patient"] < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    send(process)
    return process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_goes_on_where_it_stopped(store_url, charts, number) -> None:
    # From a terminal Ctrl-C reaches the workers too.
    code = stop_midway(store_url, charts, lambda process: os.killpg(process.pid, number))
    before = stored(store_url, *_ALL)
    assert code == 130
    assert 0 < before["Patient"] < _CHARTS
    assert before["Observation"] == before["Patient"] * _OBSERVATIONS
    done = call("load", "--database", store_url, charts, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert f"{before['Patient']} of them loaded before" in done.stdout
    assert stored(store_url, *_ALL) == _ALL


def test_a_killed_load_stores_no_transaction_twice_or_in_part(store_url, charts) -> None:
    stop_midway(store_url, charts, lambda process: os.killpg(process.pid, signal.SIGKILL))
    before = stored(store_url, *_ALL)
    assert before["Observation"] == before["Patient"] * _OBSERVATIONS
    assert load(store_url, charts).exit_code == 0
    assert stored(store_url, *_ALL) == _ALL


def test_workers_end_with_a_killed_parent_and_another_run_completes_the_load(store_url, charts) -> None:
    process_ids: list[int] = []

    def kill(process: subprocess.Popen[bytes]) -> None:
        process_ids.append(process.pid)
        process.kill()

    stop_midway(store_url, charts, kill)
    end = time.monotonic() + 20
    while group_lives(process_ids[0]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not group_lives(process_ids[0])
    assert load(store_url, charts).exit_code == 0
    assert stored(store_url, *_ALL) == _ALL


def group_lives(group: int) -> bool:
    """Return whether any process of a process group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_loads_of_the_same_files_at_once_store_them_once(store_url, charts) -> None:
    command = [COMMAND, "load", "--database", store_url, "--workers", "2", charts]
    running = [
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert stored(store_url, *_ALL) == _ALL


def test_a_copy_of_a_file_is_not_stored_twice(store_url, charts) -> None:
    for path in sorted(charts.iterdir())[:3]:
        (charts / f"copy-{path.name}").write_bytes(path.read_bytes())
    assert load(store_url, charts).exit_code == 0
    assert stored(store_url, *_ALL) == _ALL


def test_several_workers_load_providers_before_those_who_refer_to_them(store_url, tmp_path) -> None:
    for number in range(6):
        write(tmp_path / f"{number}.json", chart(number, 3, npi=str(number + 1)))
    write(tmp_path / "z.json", bundle("batch", *(practitioner(str(number + 1)) for number in range(6))))
    lines = [patient(id=f"p{number}") for number in range(1_200)]
    write(tmp_path / "Patient.ndjson.gz", lines)
    done = call("load", "--database", store_url, tmp_path, "--workers", 2, "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr + done.stdout
    _, summary = report(tmp_path / "report")
    assert summary["created"] == {"Observation": 18, "Patient": 1_206, "Practitioner": 6}
    assert stored(store_url, *summary["created"]) == summary["created"]


def test_a_load_over_http_stores_and_remembers_the_same(tmp_path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    write(files / "practitioners.json", bundle("batch", practitioner("1"), practitioner("2")))
    write(files / "chart.json", chart(1, 3, npi="2"))
    write(files / "Patient.ndjson", [patient(id="a"), patient(gender="banana"), patient(id="b")])
    database = f"sqlite:///{tmp_path / 'served.db'}"
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with serving("serve", "--workers", 1, "--database", database) as running:
        url = f"http://127.0.0.1:{running.port}/fhir/"
        done = call("load", files, "--url", url, "--workers", 2, "--report", tmp_path / "report", **state)
        assert done.returncode == 1, done.stderr
        (refusal,), summary = report(tmp_path / "report")
        assert (refusal["place"], refusal["expression"]) == ("line 2", "Patient.gender")
        assert summary["created"] == {"Observation": 3, "Patient": 3, "Practitioner": 2}
        again = call("load", files, "--url", url, "--workers", 1, "--report", tmp_path / "report", **state)
        (refusal,), summary = report(tmp_path / "report")
        assert again.returncode == 1
        assert (refusal["place"], summary["created"]) == ("line 2", {})
        assert summary["files_skipped"] == 2
        running.stop()
    assert stored(database, "Patient", "Observation", "Practitioner") == {
        "Patient": 3,
        "Observation": 3,
        "Practitioner": 2,
    }


@pytest.mark.parametrize(
    ("database", "code", "sentence"),
    [
        ("sqlite:///:memory:", 2, "needs a file"),
        ("postgresql+psycopg://fhir:hunter2@127.0.0.1:1/none", 1, "cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_loaded_is_one_sentence_with_workers_too(tmp_path, database, code, sentence) -> None:
    path = write(tmp_path / "Patient.ndjson", [patient(id="a")])
    done = call("load", path, "--database", database, "--workers", 2)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert sentence in done.stderr
    assert "hunter2" not in done.stderr


def test_a_server_that_is_not_there_stops_the_load_with_one_sentence(tmp_path) -> None:
    write(tmp_path / "a.json", patient(id="a"))
    done = call(
        "load", tmp_path / "a.json", "--url", "http://127.0.0.1:1/fhir", "--journal", tmp_path / "journal", timeout=60
    )
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org/fhir", "http://"])
def test_a_url_that_is_none_is_a_usage_error(tmp_path, url) -> None:
    done = call("load", write(tmp_path / "a.json", patient()), "--url", url)
    assert done.returncode == 2
    assert "--url" in done.stderr


def counts_of(folder: Path) -> Counter[str]:
    """Return how many resources of each type the bundles in `folder` hold."""
    found: Counter[str] = Counter()
    for path in folder.glob("*.bz2"):
        entries = json.loads(bz2.decompress(path.read_bytes()))["entry"]
        found.update(entry["resource"]["resourceType"] for entry in entries)
    return found


@needs_shared
@pytest.mark.slow
def test_all_of_synthea_is_loaded_without_a_refusal_and_a_second_load_adds_nothing(store_url, tmp_path) -> None:
    expected = counts_of(SYNTHEA)
    done = call("load", "--database", store_url, SYNTHEA, "--report", tmp_path / "report", timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    refusals, summary = report(tmp_path / "report")
    assert refusals == []
    assert summary["found"] == summary["created"] == dict(sorted(expected.items()))
    assert stored(store_url, *expected) == expected
    assert load(store_url, SYNTHEA).exit_code == 0
    providers = list(SYNTHEA.glob("0-*"))
    assert load(store_url, *providers, "--again").exit_code == 0
    now = stored(store_url, *expected)
    assert {name: now[name] for name in expected if name != "PractitionerRole"} == {
        name: expected[name] for name in expected if name != "PractitionerRole"
    }
