"""transaction: all or nothing, in any order of entries.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.bundles import absent, code, codes, entry, if_match, path, place, points, post, refused, transact, urn
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


def _if_none_exist(target: Target) -> None:
    stored = target.create()
    value = target.value_of(stored)
    criteria, name = target.criteria(value), urn()
    target.only_ours(target.type, criteria, 1)
    body = target.samples.person(identifier=[target.samples.identifier(value)])
    made = transact(
        target,
        entry("POST", target.type, body, name, ifNoneExist=criteria),
        entry("POST", target.type, target.samples.linked(name), urn()),
    )
    if codes(made) != [200, 201]:
        expect.fail(f"the entries were answered {codes(made)}, expected 200 for the match and 201")
    points(target.stored(target.get(path(made[1])), *place(made[1])[:2]), stored)
    if len(target.found(target.type, criteria, 1)) != 1:
        expect.fail("a second resource was created, although ifNoneExist had a match")


def _if_none_exist_new(target: Target) -> None:
    body = target.samples.person()
    criteria = target.criteria(target.value_of(body))
    (made,) = transact(target, entry("POST", target.type, body, urn(), ifNoneExist=criteria))
    if code(made) != 201 or len(target.found(target.type, criteria, 1)) != 1:
        expect.fail(f"an ifNoneExist without a match was answered {code(made)}, expected 201 and one resource")


def _if_none_exist_many(target: Target) -> None:
    value = target.samples.value()
    for _ in range(2):
        target.create(identifier=[target.samples.identifier(value)])
    criteria, other = target.criteria(value), target.samples.person()
    target.only_ours(target.type, criteria, 2)
    body = target.samples.person(identifier=[target.samples.identifier(value)])
    response = post(
        target,
        "transaction",
        [entry("POST", target.type, other, urn()), entry("POST", target.type, body, urn(), ifNoneExist=criteria)],
    )
    refused(target, response)
    absent(target, target.value_of(other))
    if len(target.found(target.type, criteria, 2)) != 2:
        expect.fail("a third resource was created, although ifNoneExist had two matches")


def _delete_before_post(target: Target) -> None:
    stored = target.create()
    value = target.value_of(stored)
    criteria = target.criteria(value)
    target.only_ours(target.type, criteria, 1)
    body = target.samples.person(identifier=[target.samples.identifier(value)])
    made = transact(target, entry("POST", target.type, body, urn(), ifNoneExist=criteria), entry("DELETE", stored.path))
    if code(made[0]) != 201 or place(made[0])[1] == stored.id:
        expect.fail(f"the POST was answered {code(made[0])}; the DELETE comes before it and removes the only match")


def _get_after_post(target: Target) -> None:
    body = target.samples.person()
    search = entry("GET", f"{target.type}?{target.criteria(target.value_of(body))}")
    made = transact(target, search, entry("POST", target.type, body, urn()))
    found = expect.matches(made[0].get("resource", {}))
    if [one["resource"].get("id") for one in found] != [place(made[1])[1]]:
        expect.fail("a search in the transaction does not find what a POST after it creates; GET comes last")


def _read(target: Target) -> None:
    stored = target.create()
    (made,) = transact(target, entry("GET", stored.path))
    body = made.get("resource", {})
    if code(made) != 200 or (body.get("resourceType"), body.get("id")) != (stored.type, stored.id):
        expect.fail("a GET in a transaction does not return the resource in its entry")


def _same_twice(target: Target) -> None:
    stored = target.create(active=True)
    entries = [entry("PUT", stored.path, {**stored.resource, "active": active}) for active in (False, True)]
    refused(target, post(target, "transaction", entries))
    if target.read(stored).version != stored.version:
        expect.fail("the transaction was refused, yet the resource has changed")


def _put_and_delete(target: Target) -> None:
    stored = target.create(active=True)
    entries = [entry("PUT", stored.path, {**stored.resource, "active": False}), entry("DELETE", stored.path)]
    refused(target, post(target, "transaction", entries))
    if target.read(stored).version != stored.version:
        expect.fail("the transaction was refused, yet the resource has changed")


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
            "transaction-if-none-exist",
            "An ifNoneExist with one match creates nothing, and references to the entry lead to the match",
            "http.html#trules",
            Level.SHALL,
            _if_none_exist,
            (*_TRANSACTION, *_SEARCH, need.conditional_create, need.linkable),
        ),
        Check(
            "transaction-if-none-exist-new",
            "An ifNoneExist without a match creates the resource",
            "http.html#ccreate",
            Level.SHALL,
            _if_none_exist_new,
            (*_TRANSACTION, *_SEARCH, need.conditional_create),
        ),
        Check(
            "transaction-if-none-exist-many",
            "An ifNoneExist with several matches fails the whole transaction",
            "http.html#ccreate",
            Level.SHALL,
            _if_none_exist_many,
            (*_TRANSACTION, *_SEARCH, need.conditional_create),
        ),
        Check(
            "transaction-delete-first",
            "DELETE is processed before POST, whatever the order of the entries",
            "http.html#trules",
            Level.SHALL,
            _delete_before_post,
            (*_TRANSACTION, *_SEARCH, need.conditional_create, need.interactions("delete")),
        ),
        Check(
            "transaction-get-last",
            "GET is processed after POST, whatever the order of the entries",
            "http.html#trules",
            Level.SHALL,
            _get_after_post,
            (*_TRANSACTION, *_SEARCH),
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
            "transaction-same-twice",
            "A transaction that updates a resource twice is refused",
            "http.html#trules",
            Level.SHALL,
            _same_twice,
            (*_TRANSACTION, need.interactions("update")),
        ),
        Check(
            "transaction-put-and-delete",
            "A transaction that updates and deletes the same resource is refused",
            "http.html#trules",
            Level.SHALL,
            _put_and_delete,
            (*_TRANSACTION, need.interactions("update", "delete")),
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
    ),
)
