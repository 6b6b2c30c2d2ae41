"""Entries of a transaction that depend on what is stored, or on each other: conditions, order, and the same twice.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.bundles import absent, code, codes, entry, if_match, path, place, points, post, refused, transact, urn
from conformance.check import Check, Group, Level
from conformance.target import Target


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


def _conditional_update(target: Target) -> None:
    stored = target.create(active=True)
    value = target.value_of(stored)
    criteria, new = target.criteria(value), target.samples.value()
    target.only_ours(target.type, criteria, 1)
    target.only_ours(target.type, target.criteria(new), 0)
    changed = target.samples.person(identifier=[target.samples.identifier(value)], active=False)
    made = transact(
        target,
        entry("PUT", f"{target.type}?{criteria}", changed, urn(), **if_match(stored)),
        entry(
            "PUT",
            f"{target.type}?{target.criteria(new)}",
            target.samples.person(identifier=[target.samples.identifier(new)]),
            urn(),
        ),
    )
    if codes(made) != [200, 201]:
        expect.fail(f"the entries were answered {codes(made)}, expected 200 for the match and 201 for none")
    if target.read(stored).resource.get("active") is not False:
        expect.fail("the match was not updated")


def _conditional_delete(target: Target) -> None:
    stored = target.create()
    criteria = target.criteria(target.value_of(stored))
    target.only_ours(target.type, criteria, 1)
    (made,) = transact(target, entry("DELETE", f"{target.type}?{criteria}"))
    if code(made) not in (200, 202, 204):
        expect.fail(f"the entry was answered {code(made)}")
    expect.status(target.get(stored.path), 404, 410)


def _conditional_overlap(target: Target) -> None:
    stored = target.create(active=True)
    value = target.value_of(stored)
    criteria = target.criteria(value)
    target.only_ours(target.type, criteria, 1)
    alike = target.samples.person(identifier=[target.samples.identifier(value)], active=False)
    entries = [
        entry("PUT", stored.path, {**stored.resource, "active": False}, **if_match(stored)),
        entry("PUT", f"{target.type}?{criteria}", alike, urn(), **if_match(stored)),
    ]
    refused(target, post(target, "transaction", entries))
    if target.read(stored).version != stored.version:
        expect.fail("the transaction was refused, yet the resource has changed")


def _same_full_url(target: Target) -> None:
    name = urn()
    first, second = target.samples.person(), target.samples.person()
    entries = [entry("POST", target.type, body, name) for body in (first, second)]
    refused(target, post(target, "transaction", entries))
    absent(target, target.value_of(first))


def _chosen_id(target: Target) -> None:
    chosen, name = target.samples.value(), urn()
    made = transact(
        target,
        entry("POST", target.type, target.samples.linked(f"{target.type}/{chosen}"), name),
        entry("PUT", f"{target.type}/{chosen}", target.samples.person(id=chosen)),
    )
    if codes(made) != [201, 201]:
        expect.fail(f"the entries were answered {codes(made)}, expected 201 for each")
    to = target.stored(target.get(f"{target.type}/{chosen}"), target.type, chosen)
    points(target.stored(target.get(path(made[0])), *place(made[0])[:2]), to)


_TRANSACTION = (need.system("transaction"), need.interactions("create", "read"))
_SEARCH = (need.interactions("search-type"), need.search_param("identifier"))

GROUP = Group(
    "ordering",
    "Conditions and order within a transaction",
    (
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
            "transaction-conditional-update",
            "A conditional update in a transaction updates its match, or creates",
            "http.html#cond-update",
            Level.SHALL,
            _conditional_update,
            (*_TRANSACTION, *_SEARCH, need.conditional_update),
        ),
        Check(
            "transaction-conditional-delete",
            "A conditional delete in a transaction deletes its match",
            "http.html#trules",
            Level.SHALL,
            _conditional_delete,
            (*_TRANSACTION, *_SEARCH, need.conditional_delete()),
        ),
        Check(
            "transaction-conditional-overlap",
            "A transaction that reaches one resource by its id and by a condition is refused",
            "http.html#trules",
            Level.SHALL,
            _conditional_overlap,
            (*_TRANSACTION, *_SEARCH, need.interactions("update"), need.conditional_update, need.versions),
        ),
        Check(
            "transaction-same-full-url",
            "A transaction that names two entries by the same fullUrl is refused",
            "bundle.html#invs",
            Level.SHOULD,
            _same_full_url,
            (*_TRANSACTION, *_SEARCH),
        ),
        Check(
            "transaction-chosen-id",
            "A PUT may create with the client's id, and a POST of the same transaction may refer to it",
            "http.html#trules",
            Level.SHALL,
            _chosen_id,
            (*_TRANSACTION, need.update_create, need.linkable),
        ),
    ),
)
