"""update, update as create, and version aware updates.

https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.target import Stored, Target


def _updates(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send("PUT", stored.path, {**stored.resource, "active": False}, headers=target.guard(stored))
    expect.status(response, 200)
    if target.read(stored).resource.get("active") is not False:
        expect.fail("a read after the update returns the content from before it")


def _headers(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send("PUT", stored.path, {**stored.resource, "active": False}, headers=target.guard(stored))
    expect.status(response, 200)
    expect.header(response, "Last-Modified")
    expect.header(response, "ETag")
    now = target.read(stored)
    if expect.etag_of(response) != now.version:
        expect.fail(f"ETag is {response.header('ETag')!r}, the new version id is {now.version!r}")


def _new_version(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    if second.version is None or second.version == first.version:
        expect.fail(f"meta.versionId is {first.version!r} before and {second.version!r} after the update")


def _replaces(target: Target) -> None:
    stored = target.create()
    smaller = {name: value for name, value in stored.resource.items() if name != "telecom"}
    expect.status(target.send("PUT", stored.path, smaller, headers=target.guard(stored)), 200)
    if "telecom" in target.read(stored).resource:
        expect.fail("an element that the update left out is still there: update replaces the whole content")


def _other_id(target: Target) -> None:
    stored = target.create(active=True)
    body = {**stored.resource, "id": target.samples.value(), "active": False}
    expect.status(target.send("PUT", stored.path, body, headers=target.guard(stored)), 400)
    _unchanged(target, stored)


def _no_id(target: Target) -> None:
    stored = target.create(active=True)
    body = {name: value for name, value in stored.resource.items() if name != "id"} | {"active": False}
    expect.status(target.send("PUT", stored.path, body, headers=target.guard(stored)), 400)
    _unchanged(target, stored)


def _other_type(target: Target) -> None:
    stored = target.create(active=True)
    other = "Organization" if target.type != "Organization" else "Patient"
    body = target.samples.of(other, id=stored.id)
    expect.refused(target.send("PUT", stored.path, body, headers=target.guard(stored)))
    _unchanged(target, stored)


def _ignores_meta(target: Target) -> None:
    stored = target.create(active=True)
    meta = {**stored.resource["meta"], "versionId": "no-such-version", "lastUpdated": "1999-12-31T23:59:59Z"}
    body = {**stored.resource, "meta": meta, "active": False}
    expect.status(target.send("PUT", stored.path, body, headers=target.guard(stored)), 200)
    found = target.read(stored)
    if found.version == "no-such-version" or expect.meta(found.resource, "lastUpdated").startswith("1999"):
        expect.fail("versionId or lastUpdated of the body was taken over")


def _as_create(target: Target) -> None:
    chosen = target.samples.value()
    body = target.samples.person(id=chosen)
    response = target.send("PUT", f"{target.type}/{chosen}", body)
    expect.status(response, 201)
    if not response.header("Location"):
        target.note("201 without a Location")
    found = expect.resource(target.get(f"{target.type}/{chosen}"), target.type)
    if found.get("id") != chosen:
        expect.fail(f"the resource was stored with the id {found.get('id')!r}, not {chosen!r}")


def _as_create_refused(target: Target) -> None:
    if target.subject.update_create:
        raise Skipped("the server claims updateCreate")
    chosen = target.samples.value()
    response = target.send("PUT", f"{target.type}/{chosen}", target.samples.person(id=chosen))
    if 200 <= response.status < 300:
        expect.fail(f"{response}, although the CapabilityStatement does not claim updateCreate")
    expect.status(target.get(f"{target.type}/{chosen}"), 404)


def _if_match(target: Target) -> None:
    stored = target.create(active=True)
    etag = expect.header(target.get(stored.path), "ETag")
    response = target.send("PUT", stored.path, {**stored.resource, "active": False}, headers={"If-Match": etag})
    expect.status(response, 200)
    if target.read(stored).resource.get("active") is not False:
        expect.fail("the update was answered 200 and not made")


def _if_match_stale(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    body = {**first.resource, "active": True}
    response = target.send("PUT", first.path, body, headers={"If-Match": first.etag})
    expect.status(response, 412, 409)
    if response.status == 409:
        target.note("a stale If-Match is answered 409; the status for it is 412")
    _unchanged(target, second)


def _if_match_unknown(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send(
        "PUT", stored.path, {**stored.resource, "active": False}, headers={"If-Match": 'W/"no-such-one"'}
    )
    expect.refused(response)
    _unchanged(target, stored)


def _if_match_required(target: Target) -> None:
    if target.subject.versioning != "versioned-update":
        raise Skipped("the server does not claim versioned-update")
    stored = target.create(active=True)
    expect.refused(target.send("PUT", stored.path, {**stored.resource, "active": False}))
    _unchanged(target, stored)


def _revives(target: Target) -> None:
    stored = target.create()
    expect.success(target.delete(stored))
    gone = target.get(stored.path)
    if gone.status not in (404, 410):
        expect.fail(f"{gone} after the delete")
    response = target.send("PUT", stored.path, stored.resource)
    expect.status(response, 200, 201)
    if response.status == 200:
        target.note("bringing a deleted resource back is answered 200; it is a create, 201")
    expect.resource(target.get(stored.path), stored.type)


def _unchanged(target: Target, stored: Stored) -> None:
    now = target.read(stored)
    if now.version != stored.version or now.resource.get("active") != stored.resource.get("active"):
        expect.fail(f"the update was refused, yet {stored.path} has changed")


def _longest_id(target: Target) -> None:
    chosen = (f"{target.samples.value()}-A.z." + "0" * 64)[:64]
    expect.status(target.send("PUT", f"{target.type}/{chosen}", target.samples.person(id=chosen)), 201)
    expect.resource(target.get(f"{target.type}/{chosen}"), target.type)


def _case_of_ids(target: Target) -> None:
    chosen = target.samples.value()
    lower, upper = f"{chosen}-a", f"{chosen}-A"
    expect.status(target.send("PUT", f"{target.type}/{lower}", target.samples.person(id=lower, active=True)), 201)
    expect.status(target.send("PUT", f"{target.type}/{upper}", target.samples.person(id=upper, active=False)), 201)
    for one, active in ((lower, True), (upper, False)):
        if expect.resource(target.get(f"{target.type}/{one}"), target.type).get("active") is not active:
            expect.fail(f"the ids {lower} and {upper} are taken for the same")


_UPDATE = need.interactions("create", "read", "update")

GROUP = Group(
    "update",
    "update, update as create, version aware update",
    (
        Check(
            "update-content",
            "An update returns 200, and a read then returns the new content",
            "http.html#update",
            Level.SHALL,
            _updates,
            (_UPDATE,),
        ),
        Check(
            "update-headers",
            "An update returns Last-Modified, and an ETag with the new version id",
            "http.html#update",
            Level.SHALL,
            _headers,
            (_UPDATE, need.versions),
        ),
        Check(
            "update-new-version",
            "An update gives the resource a new version id",
            "http.html#update",
            Level.SHALL,
            _new_version,
            (_UPDATE, need.versions),
        ),
        Check(
            "update-replaces",
            "An update replaces the whole content",
            "http.html#update",
            Level.SHOULD,
            _replaces,
            (_UPDATE,),
        ),
        Check(
            "update-other-id",
            "An update whose body has another id than the URL returns 400",
            "http.html#update",
            Level.SHALL,
            _other_id,
            (_UPDATE,),
        ),
        Check(
            "update-no-id",
            "An update whose body has no id returns 400",
            "http.html#update",
            Level.SHALL,
            _no_id,
            (_UPDATE,),
        ),
        Check(
            "update-other-type",
            "An update whose body is of another type than the URL is refused",
            "http.html#update",
            Level.SHALL,
            _other_type,
            (_UPDATE,),
        ),
        Check(
            "update-ignores-meta",
            "The server ignores versionId and lastUpdated in the body of an update",
            "http.html#update",
            Level.SHALL,
            _ignores_meta,
            (_UPDATE,),
        ),
        Check(
            "update-as-create",
            "Where updateCreate is claimed, a PUT to a new id creates the resource with that id and returns 201",
            "http.html#upsert",
            Level.SHALL,
            _as_create,
            (need.interactions("read", "update"), need.update_create),
        ),
        Check(
            "update-as-create-unclaimed",
            "Where updateCreate is not claimed, a PUT to a new id is refused and stores nothing",
            "http.html#upsert",
            Level.SHOULD,
            _as_create_refused,
            (need.interactions("read", "update"),),
        ),
        Check(
            "update-if-match",
            "An update with the current ETag in If-Match is made",
            "http.html#concurrency",
            Level.SHALL,
            _if_match,
            (_UPDATE, need.versions),
        ),
        Check(
            "update-if-match-stale",
            "An update with the ETag of an older version in If-Match returns 412 and changes nothing",
            "http.html#concurrency",
            Level.SHALL,
            _if_match_stale,
            (_UPDATE, need.versions),
        ),
        Check(
            "update-if-match-unknown",
            "An update with an ETag in If-Match that never was is refused and changes nothing",
            "http.html#concurrency",
            Level.SHALL,
            _if_match_unknown,
            (_UPDATE, need.versions),
        ),
        Check(
            "update-if-match-required",
            "Where versioned-update is claimed, an update without If-Match is refused",
            "http.html#versions",
            Level.SHOULD,
            _if_match_required,
            (_UPDATE,),
        ),
        Check(
            "update-revives",
            "A deleted resource can be brought back to life by a PUT",
            "http.html#delete",
            Level.MAY,
            _revives,
            (_UPDATE, need.interactions("delete"), need.update_create),
        ),
        Check(
            "update-longest-id",
            "An id may have 64 characters, with letters of both cases, digits, - and .",
            "datatypes.html#id",
            Level.SHALL,
            _longest_id,
            (need.interactions("read", "update"), need.update_create),
        ),
        Check(
            "update-case-of-ids",
            "Ids that differ in case only are different",
            "datatypes.html#id",
            Level.SHALL,
            _case_of_ids,
            (need.interactions("read", "update"), need.update_create),
        ),
    ),
)
