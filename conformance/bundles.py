"""Bundles of requests, as the checks post them, and reading the answers.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from conformance import expect
from conformance.exchange import Response
from conformance.ledger import located
from conformance.samples import Resource, linked_to
from conformance.target import Stored, Target


def urn() -> str:
    """Return a new urn:uuid for a fullUrl."""
    return f"urn:uuid:{uuid4()}"


def entry(
    method: str, url: str, resource: Resource | None = None, full_url: str | None = None, **request: Any
) -> Resource:
    """Return one entry; `request` may add ifMatch, ifNoneExist and the like."""
    made: Resource = {"fullUrl": full_url} if full_url else {}
    if resource is not None:
        made["resource"] = resource
    return {**made, "request": {"method": method, "url": url, **request}}


def if_match(stored: Stored) -> dict[str, str]:
    """Return the ifMatch of an entry that changes a resource, where versions are kept."""
    return {"ifMatch": stored.etag} if stored.version else {}


def post(target: Target, kind: str, entries: Iterable[Resource], **headers: str) -> Response:
    """Post a Bundle of type batch or transaction to the base."""
    held = list(entries)
    body: Resource = {"resourceType": "Bundle", "type": kind}
    if held:
        body["entry"] = held
    return target.send("POST", "", body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def answered(response: Response, kind: str, number: int) -> list[Resource]:
    """Return the entries of an answer to a Bundle: 200, the right type, as many as were sent, each with a response."""
    expect.status(response, 200)
    entries = expect.entries(expect.bundle(response, f"{kind}-response"))
    if len(entries) != number:
        expect.fail(f"the answer has {len(entries)} entries, the request had {number}")
    for index, one in enumerate(entries):
        if not isinstance(one.get("response"), dict) or not str(one["response"].get("status", ""))[:3].isdigit():
            expect.fail(f"entry {index} of the answer has no response with a status")
    return entries


def code(one: Resource) -> int:
    """Return the HTTP status of an answered entry."""
    return int(str(one["response"]["status"])[:3])


def codes(entries: Iterable[Resource]) -> list[int]:
    """Return the HTTP status of every answered entry."""
    return [code(one) for one in entries]


def place(one: Resource) -> tuple[str, str, str | None]:
    """Return type, id and version of what an entry made, by its location; raises Failed when there is none."""
    found = located(str(one["response"].get("location") or ""))
    return found or expect.fail(f"an entry answered {one['response']['status']} has no location")


def path(one: Resource) -> str:
    """Return type/id of what an entry made; raises Failed when its location does not tell."""
    return "/".join(place(one)[:2])


def transact(target: Target, *entries: Resource, **headers: str) -> list[Resource]:
    """Post a transaction that is to succeed, and return the entries of the answer."""
    return answered(post(target, "transaction", entries, **headers), "transaction", len(entries))


def chain(target: Target, *entries: Resource) -> list[Stored]:
    """Post a transaction that is to succeed, and return what its entries stored, as read afterwards."""
    made = transact(target, *entries)
    if any(number not in (200, 201) for number in codes(made)):
        expect.fail(f"the entries were answered {codes(made)}")
    return [target.stored(target.get(path(one)), *place(one)[:2]) for one in made]


def points(source: Stored, to: Stored) -> None:
    """The link of a stored resource refers to another stored resource."""
    reference = linked_to(source.resource)
    if reference is None or not f"/{reference}".endswith(f"/{to.path}"):
        expect.fail(f"the reference was stored as {reference!r}, expected {to.path}")


def refused(target: Target, response: Response) -> None:
    """A transaction was refused; a 5xx is allowed, though the request is at fault and not the server."""
    if not 400 <= response.status < 600:
        expect.fail(f"{response}, expected the transaction to be refused")
    if response.status >= 500:
        target.note(f"{response}: the request is at fault, not the server")


def absent(target: Target, value: str) -> None:
    """Nothing of a refused transaction is stored: no resource has that identifier value."""
    if target.found(target.type, target.criteria(value), 0):
        expect.fail("the transaction was refused, yet a resource of it is stored")
