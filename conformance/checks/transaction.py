"""transaction: all or nothing, in any order of entries.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.bundles import (
    absent,
    answered,
    code,
    codes,
    entry,
    if_match,
    path,
    place,
    post,
    refused,
    transact,
    urn,
)
from conformance.check import Check, Group, Level
from conformance.patches import fhirpath_parameters
from conformance.r4 import JSON
from conformance.samples import Resource
from conformance.target import Target


def _answer(target: Target) -> None:
    changed, deleted = target.create(active=True), target.create()
    made = transact(
        target,
        entry("POST", target.type, target.samples.person(), urn()),
        entry("PUT", changed.path, {**changed.resource, "active": False}, **if_match(changed)),
        entry("DELETE", deleted.path),
    )
    seen = codes(made)
    if seen[:2] != [201, 200] or seen[2] not in (200, 202, 204):
        expect.fail(f"POST, PUT and DELETE were answered {seen}, expected 201, 200, 204 in the order of the request")
    expect.resource(target.get(path(made[0])), target.type)
    if target.read(changed).resource.get("active") is not False:
        expect.fail("the PUT was answered 200 and not made")
    expect.status(target.get(deleted.path), 404, 410)


def _versions(target: Target) -> None:
    (made,) = transact(target, entry("POST", target.type, target.samples.person()))
    kind, found, version = place(made)
    stored = target.stored(target.get(f"{kind}/{found}"), kind, found)
    etag = str(made["response"].get("etag") or "").removeprefix("W/").strip('"')
    if not etag and version is None:
        expect.fail("neither the location nor the etag of the entry tells the version")
    if (etag and etag != stored.version) or (version and version != stored.version):
        expect.fail(f"location says version {version!r}, etag {etag!r}, the resource {stored.version!r}")


def _atomic(target: Target) -> None:
    first, last = target.samples.person(), target.samples.person()
    broken: Resource = {"resourceType": target.type, "active": {"not": "a boolean"}}
    response = post(
        target,
        "transaction",
        [
            entry("POST", target.type, first, urn()),
            entry("POST", target.type, broken, urn()),
            entry("POST", target.type, last, urn()),
        ],
    )
    refused(target, response)
    for body in (first, last):
        absent(target, target.value_of(body))


def _atomic_update(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    other = target.create(active=True)
    new = target.samples.person()
    response = post(
        target,
        "transaction",
        [
            entry("POST", target.type, new, urn()),
            entry("PUT", other.path, {**other.resource, "active": False}, **if_match(other)),
            entry("PUT", first.path, {**first.resource, "active": True}, ifMatch=first.etag),
        ],
    )
    refused(target, response)
    absent(target, target.value_of(new))
    if target.read(other).version != other.version or target.read(first).version != second.version:
        expect.fail("the transaction was refused, yet an update of it was made")


def _outcome(target: Target) -> None:
    broken: Resource = {"resourceType": target.type, "active": {"not": "a boolean"}}
    response = post(target, "transaction", [entry("POST", target.type, broken)])
    refused(target, response)
    expect.outcome(response)


def _read(target: Target) -> None:
    stored = target.create()
    (made,) = transact(target, entry("GET", stored.path))
    body = made.get("resource", {})
    if code(made) != 200 or (body.get("resourceType"), body.get("id")) != (stored.type, stored.id):
        expect.fail("a GET in a transaction does not return the resource in its entry")


def _empty(target: Target) -> None:
    transact(target)


def _no_request(target: Target) -> None:
    body = target.samples.person()
    refused(target, post(target, "transaction", [{"fullUrl": urn(), "resource": body}]))
    absent(target, target.value_of(body))


def _unknown_type(target: Target) -> None:
    body = target.samples.person()
    response = post(
        target,
        "transaction",
        [entry("POST", target.type, body, urn()), entry("GET", "NoSuchType/1")],
    )
    refused(target, response)
    absent(target, target.value_of(body))


def _prefer(target: Target) -> None:
    one = entry("POST", target.type, target.samples.person(), urn())
    (made,) = transact(target, one, Prefer="return=representation")
    if made.get("resource", {}).get("resourceType") != target.type:
        expect.fail("return=representation does not put the created resource into the entry")
    two = entry("POST", target.type, target.samples.person(), urn())
    (made,) = transact(target, two, Prefer="return=minimal")
    if "resource" in made:
        expect.fail("return=minimal puts the created resource into the entry")


def _patch(target: Target) -> None:
    stored = target.create(active=True)
    body = fhirpath_parameters({"type": "replace", "path": f"{target.type}.active", "value": ("valueBoolean", False)})
    (made,) = transact(target, entry("PATCH", stored.path, body, **if_match(stored)))
    if code(made) not in (200, 204) or target.read(stored).resource.get("active") is not False:
        expect.fail(f"a FHIRPath Patch in a transaction was answered {code(made)} and not made")


def _slash(target: Target) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry("POST", target.type, target.samples.person(), urn())],
    }
    answered(target.send("POST", "/", body), "transaction", 1)


_TRANSACTION = (need.system("transaction"), need.interactions("create", "read"))
_SEARCH = (need.interactions("search-type"), need.search_param("identifier"))

GROUP = Group(
    "transaction",
    "transaction",
    (
        Check(
            "transaction-answer",
            "A transaction returns 200 and a transaction-response with the entries in the order of the request",
            "http.html#transaction-response",
            Level.SHALL,
            _answer,
            (*_TRANSACTION, need.interactions("update", "delete")),
        ),
        Check(
            "transaction-versions",
            "An entry of the answer tells the version of what it made, by location or etag",
            "http.html#transaction-response",
            Level.SHALL,
            _versions,
            (*_TRANSACTION, need.versions),
        ),
        Check(
            "transaction-atomic",
            "A transaction with an invalid entry is refused, and nothing of it is stored",
            "http.html#trules",
            Level.SHALL,
            _atomic,
            (*_TRANSACTION, *_SEARCH),
        ),
        Check(
            "transaction-atomic-update",
            "A transaction with a stale ifMatch is refused, and none of its updates is made",
            "http.html#trules",
            Level.SHALL,
            _atomic_update,
            (*_TRANSACTION, *_SEARCH, need.interactions("update"), need.versions),
        ),
        Check(
            "transaction-outcome",
            "A failed transaction returns a single OperationOutcome",
            "http.html#transaction-response",
            Level.SHALL,
            _outcome,
            _TRANSACTION,
        ),
        Check(
            "transaction-read",
            "A read in a transaction returns the resource in its entry",
            "http.html#transaction",
            Level.SHALL,
            _read,
            _TRANSACTION,
        ),
        Check(
            "transaction-empty",
            "A transaction without entries is no error",
            "http.html#trules",
            Level.SHALL,
            _empty,
            (need.system("transaction"),),
        ),
        Check(
            "transaction-no-request",
            "A transaction with an entry that has no request is refused",
            "bundle.html#invs",
            Level.SHALL,
            _no_request,
            (*_TRANSACTION, *_SEARCH),
        ),
        Check(
            "transaction-unknown-type",
            "A transaction with an entry for a type that is none is refused, and nothing of it is stored",
            "http.html#trules",
            Level.SHALL,
            _unknown_type,
            (*_TRANSACTION, *_SEARCH),
        ),
        Check(
            "transaction-prefer",
            "Prefer decides whether the entries of the answer hold the resources",
            "http.html#transaction-response",
            Level.SHOULD,
            _prefer,
            _TRANSACTION,
        ),
        Check(
            "transaction-patch",
            "A FHIRPath Patch may be an entry of a transaction",
            "http.html#patch",
            Level.MAY,
            _patch,
            (*_TRANSACTION, need.interactions("patch"), need.patch_format(JSON)),
        ),
        Check(
            "transaction-slash",
            "A transaction may be posted to [base] with a slash at the end",
            "http.html#summary",
            Level.SHOULD,
            _slash,
            _TRANSACTION,
        ),
    ),
)
