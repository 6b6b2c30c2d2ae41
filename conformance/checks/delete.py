"""delete, and what can still be read afterwards.

https://hl7.org/fhir/R4/http.html#delete
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.target import Stored, Target

_DONE = (200, 202, 204)
_GONE = (404, 410)


def _deleted(target: Target) -> Stored:
    stored = target.create()
    expect.status(target.delete(stored), *_DONE)
    return stored


def _answer(target: Target) -> None:
    response = target.delete(target.create())
    expect.status(response, *_DONE)
    if response.status == 204 and response.body:
        expect.fail("204 with a body")


def _unreadable(target: Target) -> None:
    response = target.get(_deleted(target).path)
    expect.status(response, *_GONE)
    if response.status == 404 and need.versions(target.claims) is None:
        target.note("a deleted resource is answered 404 like one that never was; 410 tells that it was deleted")


def _head(target: Target) -> None:
    stored = _deleted(target)
    response = target.send("HEAD", stored.path)
    expect.status(response, target.get(stored.path).status, 405, 501)
    if response.body:
        expect.fail("HEAD answered with a body")


def _unfound(target: Target) -> None:
    stored = target.create()
    criteria = target.criteria(target.value_of(stored))
    if len(target.found(stored.type, criteria, 1)) != 1:
        expect.fail("the resource is not found by its identifier even before it is deleted")
    expect.status(target.delete(stored), *_DONE)
    if target.found(stored.type, criteria, 0):
        expect.fail("the deleted resource is still found by a search")


def _unknown(target: Target) -> None:
    expect.status(target.send("DELETE", f"{target.type}/{target.samples.value()}"), *_DONE)


def _unknown_no_crash(target: Target) -> None:
    expect.status(target.send("DELETE", f"{target.type}/{target.samples.value()}"), *_DONE, 404, 405)


def _twice(target: Target) -> None:
    stored = _deleted(target)
    expect.status(target.delete(stored), *_DONE)
    expect.status(target.get(stored.path), *_GONE)


def _keeps_versions(target: Target) -> None:
    stored = target.create()
    expect.status(target.delete(stored), *_DONE)
    found = expect.resource(target.get(f"{stored.path}/_history/{stored.version}"), stored.type)
    if found.get("id") != stored.id:
        expect.fail("another resource is returned for the version before the delete")


def _keeps_history(target: Target) -> None:
    stored = _deleted(target)
    entries = expect.entries(expect.bundle(target.get(f"{stored.path}/_history"), "history"))
    if len(entries) < 2:
        expect.fail(f"the history has {len(entries)} entries after a create and a delete")
    newest = entries[0]
    if newest.get("request", {}).get("method") != "DELETE" or "resource" in newest:
        expect.fail("the newest entry of the history is not a DELETE without a resource")


def _version_of_delete(target: Target) -> None:
    stored = _deleted(target)
    entries = expect.entries(expect.bundle(target.get(f"{stored.path}/_history"), "history"))
    etag = str(entries[0].get("response", {}).get("etag", "")).removeprefix("W/").strip('"')
    gone = target.get(stored.path)
    version = etag or expect.etag_of(gone)
    if not version or version == stored.version:
        expect.fail("neither the history nor the read names the version id of the delete")
    expect.status(target.get(f"{stored.path}/_history/{version}"), 410)


_DELETE = need.interactions("create", "read", "delete")

GROUP = Group(
    "delete",
    "delete",
    (
        Check(
            "delete-answer",
            "A delete returns 200, 202, or 204 without a body",
            "http.html#delete",
            Level.SHALL,
            _answer,
            (_DELETE,),
        ),
        Check(
            "delete-unreadable",
            "A read of a deleted resource returns 410, or 404 where deletes are not tracked",
            "http.html#delete",
            Level.SHALL,
            _unreadable,
            (_DELETE,),
        ),
        Check(
            "delete-head",
            "HEAD of a deleted resource is answered as GET, or with 405 or 501",
            "http.html#head",
            Level.SHALL,
            _head,
            (_DELETE,),
        ),
        Check(
            "delete-unfound",
            "A deleted resource is no longer found by a search",
            "http.html#delete",
            Level.SHALL,
            _unfound,
            (_DELETE, need.interactions("search-type"), need.search_param("identifier")),
        ),
        Check(
            "delete-unknown",
            "A delete of a resource that does not exist returns 200, 202 or 204",
            "http.html#delete",
            Level.SHOULD,
            _unknown,
            (_DELETE,),
        ),
        Check(
            "delete-unknown-status",
            "A delete of a resource that does not exist is no error of the server",
            "http.html#summary",
            Level.SHALL,
            _unknown_no_crash,
            (_DELETE,),
        ),
        Check(
            "delete-twice",
            "A delete of a deleted resource has no effect and returns 200 or 204",
            "http.html#delete",
            Level.SHOULD,
            _twice,
            (_DELETE,),
        ),
        Check(
            "delete-keeps-versions",
            "A delete does not remove the versions before it",
            "http.html#delete",
            Level.SHALL,
            _keeps_versions,
            (_DELETE, need.interactions("vread")),
        ),
        Check(
            "delete-keeps-history",
            "A delete adds an entry without content to the history",
            "http.html#history",
            Level.SHALL,
            _keeps_history,
            (_DELETE, need.interactions("history-instance")),
        ),
        Check(
            "delete-version",
            "A vread of the version that is the delete returns 410",
            "http.html#vread",
            Level.SHOULD,
            _version_of_delete,
            (_DELETE, need.interactions("vread", "history-instance")),
        ),
    ),
)
