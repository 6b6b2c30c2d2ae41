"""batch: independent entries in one request.

https://hl7.org/fhir/R4/http.html#brules
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.bundles import answered, code, codes, entry, if_match, path, post
from conformance.check import Check, Group, Level
from conformance.patches import fhirpath_parameters
from conformance.r4 import JSON
from conformance.target import Target

_ABSENT = "conformance-no-such-id"


def _answer(target: Target) -> None:
    entries = [entry("POST", target.type, target.samples.person()) for _ in range(2)]
    made = answered(post(target, "batch", entries), "batch", 2)
    if codes(made) != [201, 201]:
        expect.fail(f"the entries were answered {codes(made)}, expected 201 for each")
    for one in made:
        expect.resource(target.get(path(one)), target.type)


def _order(target: Target) -> None:
    stored = target.create()
    entries = [
        entry("GET", stored.path),
        entry("POST", target.type, target.samples.person()),
        entry("GET", f"{target.type}/{_ABSENT}"),
    ]
    if (seen := codes(answered(post(target, "batch", entries), "batch", 3))) != [200, 201, 404]:
        expect.fail(f"the entries were answered {seen}, expected 200, 201, 404 in the order of the request")


def _independent(target: Target) -> None:
    good, last = target.samples.person(), target.samples.person()
    entries = [
        entry("POST", target.type, good),
        entry("POST", target.type, {"resourceType": target.type, "active": {"not": "a boolean"}}),
        entry("PUT", f"{target.type}/{target.samples.value()}", target.samples.person(id="another-id")),
        entry("POST", target.type, last),
    ]
    made = answered(post(target, "batch", entries), "batch", 4)
    seen = codes(made)
    if seen[0] != 201 or seen[3] != 201:
        expect.fail(f"the entries were answered {seen}: a failing entry must not touch the others")
    if not (400 <= seen[1] < 500 and 400 <= seen[2] < 500):
        expect.fail(f"the entries were answered {seen}: the second and third are invalid")
    for one in (made[0], made[3]):
        expect.resource(target.get(path(one)), target.type)


def _outcome(target: Target) -> None:
    made = answered(post(target, "batch", [entry("GET", f"{target.type}/{_ABSENT}")]), "batch", 1)
    held = made[0]["response"].get("outcome") or made[0].get("resource") or {}
    if held.get("resourceType") != "OperationOutcome":
        expect.fail("the entry that failed has no OperationOutcome")


def _changes(target: Target) -> None:
    changed, deleted = target.create(active=True), target.create()
    body = {**changed.resource, "active": False}
    entries = [entry("PUT", changed.path, body, **if_match(changed)), entry("DELETE", deleted.path)]
    seen = codes(answered(post(target, "batch", entries), "batch", 2))
    if seen[0] != 200 or seen[1] not in (200, 202, 204):
        expect.fail(f"a PUT and a DELETE were answered {seen}")
    if target.read(changed).resource.get("active") is not False:
        expect.fail("the PUT was answered 200 and not made")
    expect.status(target.get(deleted.path), 404, 410)


def _read(target: Target) -> None:
    stored = target.create()
    made = answered(post(target, "batch", [entry("GET", stored.path)]), "batch", 1)
    body = made[0].get("resource", {})
    if code(made[0]) != 200 or (body.get("resourceType"), body.get("id")) != (stored.type, stored.id):
        expect.fail("a GET in a batch does not return the resource in its entry")


def _search(target: Target) -> None:
    stored = target.create()
    value = target.value_of(stored)
    target.only_ours(stored.type, target.criteria(value), 1)
    made = answered(post(target, "batch", [entry("GET", f"{target.type}?{target.criteria(value)}")]), "batch", 1)
    body = made[0].get("resource", {})
    if code(made[0]) != 200 or body.get("type") != "searchset" or len(expect.matches(body)) != 1:
        expect.fail("a search in a batch does not return a searchset with the match in its entry")


def _if_match(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    one = entry("PUT", first.path, {**first.resource, "active": True}, ifMatch=first.etag)
    seen = codes(answered(post(target, "batch", [one]), "batch", 1))
    if seen[0] not in (409, 412) or target.read(first).version != second.version:
        expect.fail(f"an entry with a stale ifMatch was answered {seen[0]}, expected 412 and no change")


def _if_none_exist(target: Target) -> None:
    stored = target.create()
    value = target.value_of(stored)
    criteria = target.criteria(value)
    target.only_ours(stored.type, criteria, 1)
    body = target.samples.person(identifier=[target.samples.identifier(value)])
    made = answered(post(target, "batch", [entry("POST", target.type, body, ifNoneExist=criteria)]), "batch", 1)
    if code(made[0]) != 200 or len(target.found(target.type, criteria, 1)) != 1:
        expect.fail(
            f"an entry whose ifNoneExist has a match was answered {code(made[0])}, expected 200 and no new resource"
        )


def _patch(target: Target) -> None:
    stored = target.create(active=True)
    body = fhirpath_parameters({"type": "replace", "path": f"{target.type}.active", "value": ("valueBoolean", False)})
    one = entry("PATCH", stored.path, body, **if_match(stored))
    seen = codes(answered(post(target, "batch", [one]), "batch", 1))
    if seen[0] not in (200, 204) or target.read(stored).resource.get("active") is not False:
        expect.fail(f"a FHIRPath Patch in a batch was answered {seen[0]} and not made")


def _empty(target: Target) -> None:
    answered(post(target, "batch", []), "batch", 0)


def _no_request(target: Target) -> None:
    response = post(target, "batch", [{"resource": target.samples.person()}])
    if response.status == 200:
        made = answered(response, "batch", 1)
        if code(made[0]) < 400:
            expect.fail("an entry without a request was carried out")
    else:
        expect.refused(response)


def _vread(target: Target) -> None:
    first = target.create(active=True)
    target.update(first, active=False)
    entries = [entry("GET", f"{first.path}/_history/{first.version}"), entry("GET", f"{first.path}/_history")]
    made = answered(post(target, "batch", entries), "batch", 2)
    if code(made[0]) != 200 or made[0].get("resource", {}).get("active") is not True:
        expect.fail("a vread in a batch does not return the version in its entry")
    if code(made[1]) != 200 or made[1].get("resource", {}).get("type") != "history":
        expect.fail("a history in a batch does not return a history in its entry")


def _operation(target: Target) -> None:
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": target.samples.person()}]}
    made = answered(post(target, "batch", [entry("POST", f"{target.type}/$validate", body)]), "batch", 1)
    held = made[0].get("resource") or made[0]["response"].get("outcome") or {}
    if code(made[0]) != 200 or held.get("resourceType") != "OperationOutcome":
        expect.fail(f"$validate in a batch was answered {code(made[0])} with {held.get('resourceType', 'nothing')}")


_BATCH = (need.system("batch"), need.interactions("create", "read"))

GROUP = Group(
    "batch",
    "batch",
    (
        Check(
            "batch-answer",
            "A batch returns 200 and a batch-response with the status and location of each entry",
            "http.html#transaction-response",
            Level.SHALL,
            _answer,
            _BATCH,
        ),
        Check(
            "batch-order",
            "The entries of the answer stand in the order of the request",
            "http.html#transaction-response",
            Level.SHALL,
            _order,
            _BATCH,
        ),
        Check(
            "batch-independent",
            "A batch returns 200 though entries fail, and an entry that fails does not touch the others",
            "http.html#brules",
            Level.SHALL,
            _independent,
            (*_BATCH, need.interactions("update")),
        ),
        Check(
            "batch-outcome",
            "An entry that failed carries an OperationOutcome",
            "bundle-definitions.html#Bundle.entry.response.outcome",
            Level.SHOULD,
            _outcome,
            _BATCH,
        ),
        Check(
            "batch-changes",
            "PUT and DELETE in a batch are carried out",
            "http.html#transaction",
            Level.SHALL,
            _changes,
            (*_BATCH, need.interactions("update", "delete")),
        ),
        Check(
            "batch-read",
            "A read in a batch returns the resource in its entry",
            "http.html#transaction",
            Level.SHALL,
            _read,
            _BATCH,
        ),
        Check(
            "batch-search",
            "A search in a batch returns a searchset in its entry",
            "http.html#transaction",
            Level.SHALL,
            _search,
            (*_BATCH, need.interactions("search-type"), need.search_param("identifier")),
        ),
        Check(
            "batch-if-match",
            "A stale ifMatch of an entry fails that entry and changes nothing",
            "http.html#transaction",
            Level.SHALL,
            _if_match,
            (*_BATCH, need.interactions("update"), need.versions),
        ),
        Check(
            "batch-if-none-exist",
            "An ifNoneExist of an entry that has a match creates nothing",
            "http.html#transaction",
            Level.SHALL,
            _if_none_exist,
            (*_BATCH, need.conditional_create, need.interactions("search-type"), need.search_param("identifier")),
        ),
        Check(
            "batch-patch",
            "A FHIRPath Patch may be an entry of a batch",
            "http.html#patch",
            Level.MAY,
            _patch,
            (*_BATCH, need.interactions("patch"), need.patch_format(JSON)),
        ),
        Check(
            "batch-empty",
            "A batch without entries is no error",
            "http.html#transaction",
            Level.SHOULD,
            _empty,
            (need.system("batch"),),
        ),
        Check(
            "batch-no-request",
            "An entry without a request is not carried out",
            "bundle.html#invs",
            Level.SHALL,
            _no_request,
            _BATCH,
        ),
        Check(
            "batch-vread",
            "vread and history in a batch return the version and the history in their entries",
            "http.html#transaction",
            Level.SHALL,
            _vread,
            (*_BATCH, need.interactions("update", "vread", "history-instance")),
        ),
        Check(
            "batch-operation",
            "An operation may be an entry of a batch",
            "http.html#transaction",
            Level.SHALL,
            _operation,
            (*_BATCH, need.operation("validate")),
        ),
    ),
)
