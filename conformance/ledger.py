"""Everything a run made on the target, learned from the answers, so that it can be removed.

https://hl7.org/fhir/R4/http.html#delete
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from conformance.exchange import Response
from conformance.json_content import NotJson, decode
from conformance.r4 import RESOURCE_TYPES

Key = tuple[str, str]
"""Resource type and logical id."""

_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?/?$")


@dataclass(frozen=True, slots=True)
class Run:
    """The identity of a run, which marks all it makes.

    id  a UUID; `system` is its URN, used as the system of every identifier and tag of the run
    """

    id: str

    @classmethod
    def new(cls) -> Run:
        """Return a run with an id that no other run has."""
        return cls(str(uuid4()))

    @property
    def system(self) -> str:
        """The system of identifiers and tags."""
        return f"urn:uuid:{self.id}"

    @property
    def short(self) -> str:
        """The start of values, names and client-chosen ids."""
        return "cf" + self.id[:8]


def located(location: str | None) -> tuple[str, str, str | None] | None:
    """Return type, id and version of a Location, absolute or relative, or None when it is not one."""
    found = _LOCATION.search(urllib.parse.urlsplit(location or "").path)
    return (found[1], found[2], found[3]) if found and found[1] in RESOURCE_TYPES else None


class Ledger:
    """The resources of a run that may still stand on the target, oldest first."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._standing: dict[Key, None] = {}
        self._deleted: set[Key] = set()
        self._types: set[str] = set()

    @property
    def standing(self) -> tuple[Key, ...]:
        """What was made, and not yet seen to be gone."""
        return tuple(self._standing)

    def is_said_deleted(self, key: Key) -> bool:
        """Whether the target answered that it deleted the resource; whether it did is another question."""
        return key in self._deleted

    @property
    def types(self) -> tuple[str, ...]:
        """Every type that was written to."""
        return tuple(sorted(self._types))

    def add(self, key: Key) -> None:
        """Note a resource of this run."""
        self._types.add(key[0])
        self._deleted.discard(key)
        self._standing.setdefault(key)

    def discard(self, key: Key) -> None:
        """Note that a resource was seen to be gone."""
        self._standing.pop(key, None)

    def attempt(self, resource_type: str) -> None:
        """Note that a write to a type is about to be sent; its answer may get lost."""
        self._types.add(resource_type)

    def is_ours(self, resource: Any) -> bool:
        """Whether a decoded resource carries the mark of this run."""
        return self._run.id in str(resource) or self._run.short in str(resource)

    def observe(self, response: Response) -> None:
        """Learn from the answer to a write what now stands, and what no longer does."""
        if not 200 <= response.status < 300 or response.method not in ("POST", "PUT", "PATCH", "DELETE"):
            return
        if response.method == "DELETE":
            place = located(response.url)
            if place and response.status != 202:
                self._deleted.add(place[:2])
            return
        for key in self._written(response):
            self.add(key)

    def _written(self, response: Response) -> Iterator[Key]:
        body = _body(response)
        place = located(response.header("Location")) or located(response.header("Content-Location"))
        if place and (response.status == 201 or self.is_ours(body) or self.is_ours(response.url)):
            yield place[:2]
        if body.get("resourceType") == "Bundle" and str(body.get("type")).endswith("-response"):
            yield from self._answered_entries(body)
        elif (
            response.status == 201
            and isinstance(body.get("id"), str)
            and body.get("resourceType") != "OperationOutcome"
        ):
            yield str(body["resourceType"]), body["id"]
        if response.method == "PUT" and (place := located(response.url)):
            yield place[:2]

    def _answered_entries(self, bundle: dict[str, Any]) -> Iterator[Key]:
        entries = bundle.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict) or not isinstance(entry.get("response"), dict):
                continue
            answer = entry["response"]
            place = located(str(answer.get("location") or ""))
            if place and str(answer.get("status", "")).startswith("201"):
                yield place[:2]
            made = entry.get("resource")
            if (
                isinstance(made, dict)
                and made.get("id")
                and self.is_ours(made)
                and made.get("resourceType") != "Bundle"
            ):
                yield str(made.get("resourceType")), str(made["id"])


def _body(response: Response) -> dict[str, Any]:
    try:
        body = decode(response.body) if response.body else {}
    except NotJson:
        return {}
    return body if isinstance(body, dict) else {}
