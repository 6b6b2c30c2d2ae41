"""The server under test, as the checks use it: requests, new resources, and the ledger of what was made.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance import expect
from conformance.check import Failed, Skipped
from conformance.claims import Claims, ResourceClaims
from conformance.client import Client
from conformance.exchange import Response
from conformance.json_content import decode, encode
from conformance.ledger import Ledger, Run, located
from conformance.r4 import JSON
from conformance.samples import Resource, Samples

_INDEX_WAITS = (0.0, 0.05, 0.15, 0.3, 0.5)  # parts of the time that a search index may lag behind a write


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource that stands on the target, as it was last answered.

    version  its version id, or None on a server that keeps none
    """

    type: str
    id: str
    version: str | None
    resource: Resource
    response: Response

    @property
    def path(self) -> str:
        """Its URL relative to the base."""
        return f"{self.type}/{self.id}"

    @property
    def etag(self) -> str:
        """The ETag of its version, as FHIR writes it."""
        return f'W/"{self.version}"'


class Target:
    """One server under test.

    client   HTTP
    claims   what its CapabilityStatement says
    run      marks what is made
    ledger   remembers what was made
    samples  new resources
    notes    remarks of the running check: things that SHOULD be otherwise
    shelves  what several checks search among, made once (see conformance.shelf)

    index_wait: seconds that a search index may lag behind a write.
    """

    def __init__(self, client: Client, claims: Claims, run: Run, *, index_wait: float) -> None:
        self._index_wait = index_wait
        self.client = client
        self.claims = claims
        self.run = run
        self.ledger = Ledger(run)
        self.samples = Samples(run, claims.subject.type)
        self.notes: list[str] = []
        self.shelves: dict[str, object] = {}

    @property
    def subject(self) -> ResourceClaims:
        """The claims about the type that most checks use."""
        return self.claims.subject

    @property
    def type(self) -> str:
        """The type that most checks use."""
        return self.claims.subject.type

    def note(self, text: str) -> None:
        """Remark on something that SHOULD be otherwise: turns a pass into a warning."""
        self.notes.append(text)

    def send(
        self,
        method: str,
        path: str = "",
        body: Resource | list[Any] | bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: str | None = JSON,
        content_type: str | None = JSON,
        anonymous: bool = False,
    ) -> Response:
        """Send a request and note in the ledger what it made.

        body          a dict or list is sent as JSON
        accept        None leaves the header out
        content_type  of the body, when there is one; None leaves the header out
        """
        raw = encode(body) if isinstance(body, dict | list) else body
        sent = {"Accept": accept} if accept else {}
        if raw is not None and content_type:
            sent["Content-Type"] = content_type
        sent |= headers or {}
        if method in ("POST", "PUT", "PATCH"):
            self._attempt(path, body)
        response = self.client.send(method, path, tuple(sent.items()), raw, anonymous=anonymous)
        self.ledger.observe(response)
        return response

    def get(self, path: str, **options: Any) -> Response:
        """Send a GET; options as in `send`."""
        return self.send("GET", path, **options)

    def _attempt(self, path: str, body: object) -> None:
        name = path.partition("/")[0].partition("?")[0]
        if name[:1].isupper():
            self.ledger.attempt(name)
        entries = body.get("entry") if isinstance(body, dict) else None
        for entry in entries if isinstance(entries, list) else []:
            held = entry.get("resource")
            self.ledger.attempt(str(held["resourceType"]) if isinstance(held, dict) else self.type)

    # What checks start from

    def create(self, resource: Resource | None = None, **elements: Any) -> Stored:
        """Create a resource (by default a new one of the subject type) and return it as stored.

        Raises Failed when the server does not do it: nothing further can be shown then.
        """
        body = resource if resource is not None else self.samples.person(**elements)
        response = self.send("POST", body["resourceType"], body, headers={"Prefer": "return=representation"})
        if response.status != 201:
            raise Failed(f"the resource that this check needs was not created: {response}, expected 201")
        return self.stored(response, body["resourceType"])

    def update(self, stored: Stored, **elements: Any) -> Stored:
        """Update a stored resource with changed elements and return its new state; raises Failed."""
        changed = {**stored.resource, **elements}
        response = self.send("PUT", stored.path, changed, headers=self.guard(stored, representation=True))
        if response.status not in (200, 201):
            raise Failed(f"the resource that this check needs was not updated: {response}, expected 200")
        return self.stored(response, stored.type, stored.id)

    def guard(self, stored: Stored, *, representation: bool = False) -> dict[str, str]:
        """Return the headers of an update: If-Match where the server claims that it must be there."""
        headers = {"Prefer": "return=representation"} if representation else {}
        if self.claims.of(stored.type).versioning == "versioned-update" and stored.version:
            headers["If-Match"] = stored.etag
        return headers

    def stored(self, response: Response, resource_type: str, known_id: str | None = None) -> Stored:
        """Return what a successful write or read stored, reading it when the answer has no body."""
        place = located(response.header("Location"))
        body = decode(response.body) if response.media_type.endswith("json") and response.body else {}
        if not isinstance(body, dict) or body.get("resourceType") != resource_type:
            found = known_id or (place[1] if place else None)
            if found is None:
                raise Failed(f"{response} with neither a Location nor a resource: its id cannot be known")
            response = self.get(f"{resource_type}/{found}")
            body = expect.resource(response, resource_type)
        meta = body.get("meta")
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if not isinstance(body.get("id"), str):
            raise Failed(f"{response} with a resource that has no id")
        return Stored(resource_type, body["id"], version if isinstance(version, str) else None, body, response)

    def read(self, stored: Stored) -> Stored:
        """Read a resource again; raises Failed when it is not there."""
        response = self.get(stored.path)
        expect.resource(response, stored.type)
        return self.stored(response, stored.type, stored.id)

    def sample(self) -> Stored:
        """Return a resource to read: a new one, or on a server without create one that a search finds."""
        if "create" in self.subject.interactions:
            return self.create()
        for name, resource in self.claims.resources.items():
            if {"read", "search-type"} <= resource.interactions:
                found = expect.bundle(self.get(f"{name}?_count=1"), "searchset")
                for entry in expect.entries(found):
                    if entry.get("resource", {}).get("resourceType") == name:
                        return self.read(Stored(name, str(entry["resource"].get("id")), None, {}, self._no_response()))
        raise Skipped("the server claims no create, and no resource was found that could be read")

    def delete(self, stored: Stored) -> Response:
        """Delete a resource and return the answer."""
        return self.send("DELETE", stored.path)

    # Searching

    def criteria(self, value: str) -> str:
        """Return search criteria that match the identifier `value` of this run, and nothing else."""
        return "identifier=" + urllib.parse.quote(f"{self.run.system}|{value}", safe="")

    def value_of(self, stored: Stored | Resource) -> str:
        """Return the value of the first identifier of a resource."""
        resource = stored.resource if isinstance(stored, Stored) else stored
        return str(resource["identifier"][0]["value"])

    def found(self, resource_type: str, criteria: str, expected: int) -> list[Resource]:
        """Return the matches of a search, waiting a little for the expected number: an index may lag."""
        matches: list[Resource] = []
        for pause in _INDEX_WAITS:
            time.sleep(pause * self._index_wait)
            response = self.get(f"{resource_type}?{criteria}", headers={"Cache-Control": "no-cache"})
            bundle = expect.bundle(response, "searchset")
            matches = [entry["resource"] for entry in expect.matches(bundle)]
            if len(matches) == expected:
                break
        return matches

    def only_ours(self, resource_type: str, criteria: str, expected: int) -> None:
        """Make sure that criteria match what this run made and nothing else, before a conditional write uses them.

        Raises Skipped otherwise: a server that ignores a criterion would change the records of others.
        """
        matches = self.found(resource_type, criteria, expected)
        if len(matches) != expected or not all(self.ledger.is_ours(match) for match in matches):
            raise Skipped(
                f"a search by {criteria} finds {len(matches)} resources where {expected} of this run were expected; "
                "a conditional write could touch the records of others and was not sent"
            )

    def _no_response(self) -> Response:
        return Response("GET", str(self.client.base), 0, (), b"")
