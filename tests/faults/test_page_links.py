"""https://hl7.org/fhir/R4/http.html#paging: a link works on every process of a server, and says so when it does not"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.cli.running import Running, serving
from tests.faults.test_crashes import back, kill_one_worker, workers
from tests.stores import Templates, open_store, put


def next_link(page: dict[str, Any]) -> str:
    (url,) = [link["url"] for link in page["link"] if link["relation"] == "next"]
    return str(url[url.index("/fhir") :])


def follows(running: Running, link: str, times: int = 12) -> set[int]:
    return {running.get(link)[0] for _ in range(times)}


def test_links_survive_the_death_of_workers_but_not_the_server_and_an_old_one_is_refused_with_a_sentence(
    templates: Templates, tmp_path: Path
) -> None:
    url = templates.copy("sqlite", tmp_path)
    store = open_store(url)
    put(store, *({"resourceType": "Patient", "id": f"p{number}"} for number in range(5)))
    store.database.close()
    paths = ("/fhir/Patient?_count=2", "/fhir/_history?_count=2", "/fhir/Patient/$everything?_count=1")
    with serving("serve", "--workers", 2, "--no-access-log", "--database", url) as running:
        links = [next_link(running.get(path)[1]) for path in paths]
        before = {process.pid for process in workers(running)}
        for _ in range(2):
            kill_one_worker(running)
            time.sleep(0.3)
        back(running)
        end = time.monotonic() + 20
        while time.monotonic() < end and (len(workers(running)) < 2 or before & {p.pid for p in workers(running)}):
            time.sleep(0.1)
        assert not before & {process.pid for process in workers(running)}, "both workers are new ones"
        for link in links:
            assert follows(running, link) == {200}
    with serving("serve", "--workers", 1, "--no-access-log", "--database", url) as running:
        for link in links:
            status, outcome = running.get(link)
            assert status == 400
            assert "Please search again" in outcome["issue"][0]["diagnostics"]


def test_a_link_survives_a_restart_where_the_settings_name_the_secret(templates: Templates, tmp_path: Path) -> None:
    url = templates.copy("sqlite", tmp_path)
    store = open_store(url)
    put(store, *({"resourceType": "Patient", "id": f"p{number}"} for number in range(3)))
    store.database.close()
    options = ("--workers", 1, "--no-access-log", "--database", url, "--link-secret", "of this test")
    with serving("serve", *options) as running:
        link = next_link(running.get("/fhir/Patient?_count=2")[1])
    with serving("serve", *options) as running:
        assert running.get(link)[0] == 200
