"""Clients that write and keep a book of what the server said: acknowledged, or nobody knows.

What was acknowledged must be there exactly once; what nobody knows may be there once or not at all; a transaction is
there with all its parts or with none.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fhir_server.storage.access import Access
from fhir_server.storage.model import HistoryRequest, SearchRequest
from fhir_server.storage.repository import Store

SYSTEM = "urn:example:ledger"
_JSON = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}


@dataclass(slots=True)
class Entry:
    """One write. `kind` is create, update or transaction; `token` is unique; outcome is "ack" or "unknown"."""

    kind: str
    token: str
    outcome: str = "unknown"
    statuses: list[int] = field(default_factory=list)


class Client(threading.Thread):
    """Writes one after the other until it is told to stop."""

    def __init__(self, port: int, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._port, self._halt = port, stop
        self._connection: http.client.HTTPConnection | None = None
        self.entries: list[Entry] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        number = 0
        while not self._halt.is_set():
            number += 1
            kind = ("create", "update", "transaction")[number % 3]
            entry = Entry(kind, f"{self.name}-{number}")
            self.entries.append(entry)  # before it is sent: whatever happens next, it is in the book
            method, path, body = _request(entry, self.name, number)
            status = self._send(method, path, body)
            self.statuses[status] += 1
            if status in (200, 201):
                entry.outcome = "ack"
            else:
                time.sleep(0.05)
        if self._connection is not None:
            self._connection.close()

    def _send(self, method: str, path: str, body: dict[str, Any]) -> int:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            self._connection.request(method, path, json.dumps(body), _JSON)
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0
        return response.status


def _identifier(token: str) -> list[dict[str, str]]:
    return [{"system": SYSTEM, "value": token}]


def _request(entry: Entry, name: str, number: int) -> tuple[str, str, dict[str, Any]]:
    patient = {"resourceType": "Patient", "identifier": _identifier(entry.token), "multipleBirthInteger": number}
    if entry.kind == "create":
        return "POST", "/fhir/Patient", patient
    if entry.kind == "update":
        return "PUT", f"/fhir/Patient/own-{name}", {**patient, "id": f"own-{name}"}
    observation = {
        "resourceType": "Observation",
        "identifier": _identifier(entry.token),
        "status": "final",
        "code": {"text": "ledger"},
        "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"},
        "performer": [{"reference": f"Practitioner/shared-{number % 5}"}],
    }
    shared = {"resourceType": "Practitioner", "id": f"shared-{number % 5}", "identifier": _identifier(entry.token)}
    return (
        "POST",
        "/fhir",
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001",
                    "resource": patient,
                    "request": {"method": "POST", "url": "Patient"},
                },
                {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
                {"resource": shared, "request": {"method": "PUT", "url": f"Practitioner/shared-{number % 5}"}},
            ],
        },
    )


@dataclass(slots=True)
class Balance:
    """What the book and the database say about one another; `wrong` is empty when they agree."""

    acknowledged: int = 0
    unknown: int = 0
    unknown_present: int = 0
    wrong: list[str] = field(default_factory=list)


def reconcile(store: Store, entries: list[Entry], names: list[str]) -> Balance:
    """Compare what the clients wrote down with what is stored."""
    everyone = Access.unrestricted()
    there: dict[str, Counter[str]] = {kind: _tokens(store, kind) for kind in ("Patient", "Observation")}
    own, shared = Counter[str](), Counter[str]()
    ids = [("Patient", f"own-{name}", own) for name in names]
    ids += [("Practitioner", f"shared-{number}", shared) for number in range(5)]
    for kind, id_, found in ids:
        versions = store.history(everyone, HistoryRequest(kind, id_, count=100_000)).rows
        found.update(json.loads(version.content)["identifier"][0]["value"] for version in versions)
    there["Patient"] -= Counter(
        json.loads(row.content)["identifier"][0]["value"]
        for name in names
        if (row := store.read(everyone, "Patient", f"own-{name}")) is not None
    )
    balance = Balance()
    known = {entry.token for entry in entries}
    for found in (*there.values(), own, shared):
        balance.wrong += [f"{token} was never sent" for token in found if token not in known]
    for entry in entries:
        match entry.kind:
            case "create":
                parts = [there["Patient"][entry.token]]
            case "update":
                parts = [own[entry.token]]
            case _:
                parts = [there["Patient"][entry.token], there["Observation"][entry.token], shared[entry.token]]
        if len(set(parts)) != 1:
            balance.wrong.append(f"half a transaction: {entry.token} {parts}")
        if entry.outcome == "ack":
            balance.acknowledged += 1
            if parts[0] != 1:
                balance.wrong.append(f"acknowledged and there {parts[0]} times: {entry.kind} {entry.token}")
        else:
            balance.unknown += 1
            balance.unknown_present += parts[0]
            if parts[0] > 1:
                balance.wrong.append(f"there {parts[0]} times: {entry.kind} {entry.token}")
    return balance


def _tokens(store: Store, kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = store.search(Access.unrestricted(), SearchRequest(kind, count=1_000, cursor=cursor))
        found.update(json.loads(row.content)["identifier"][0]["value"] for row in page.rows)
        cursor = page.next_cursor
        if not cursor:
            return found
