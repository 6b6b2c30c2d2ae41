"""history of an instance, a type and the system, with its parameters and paging.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

import re
import time
import urllib.parse
from datetime import datetime
from typing import Any

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.target import Stored, Target

_MOST_PAGES = 20
_FUTURE, _PAST = "2199-01-01T00:00:00Z", "2000-01-01T00:00:00Z"


def _three(target: Target) -> list[Stored]:
    """Create a resource and update it twice; newest last."""
    first = target.create(active=True)
    second = target.update(first, active=False)
    return [first, second, target.update(second, active=True)]


def _history(target: Target, path: str) -> list[dict[str, Any]]:
    return expect.entries(expect.bundle(target.get(path), "history"))


def _versions(entries: list[dict[str, Any]]) -> list[str]:
    return [expect.meta(entry["resource"], "versionId") for entry in entries if "resource" in entry]


def _instance(target: Target) -> None:
    states = _three(target)
    entries = _history(target, f"{states[0].path}/_history")
    if (seen := _versions(entries)) != (wanted := [str(state.version) for state in reversed(states)]):
        expect.fail(f"the history has the versions {seen}, expected {wanted}, newest first")
    actives = [entry["resource"].get("active") for entry in entries]
    if actives != [True, False, True]:
        expect.fail("an entry does not hold the content of its version")


def _entries(target: Target) -> None:
    states = _three(target)
    for number, entry in enumerate(_history(target, f"{states[0].path}/_history")):
        request, response = entry.get("request"), entry.get("response")
        if not isinstance(request, dict) or not request.get("method") or not request.get("url"):
            expect.fail(f"entry {number} has no request with method and url (bdl-3)")
        if not isinstance(response, dict) or not response.get("status"):
            expect.fail(f"entry {number} has no response with a status (bdl-4)")
        if request["method"] in ("PUT", "POST") and "resource" not in entry:
            expect.fail(f"entry {number} is a {request['method']} without a resource")
        if "_history" in str(entry.get("fullUrl", "")):
            expect.fail(f"entry {number} has a version-specific fullUrl (bdl-8)")
        if not response.get("lastModified"):
            target.note(f"entry {number} has no response.lastModified")


def _total(target: Target) -> None:
    states = _three(target)
    found = expect.bundle(target.get(f"{states[0].path}/_history?_count=1"), "history")
    total = found.get("total")
    if total is None:
        raise Skipped("the history gives no total")
    if total != len(states):
        expect.fail(f"total is {total}, the resource has {len(states)} versions")


def _count(target: Target) -> None:
    states = _three(target)
    entries = _history(target, f"{states[0].path}/_history?_count=2")
    if len(entries) > 2:
        expect.fail(f"{len(entries)} entries on a page although _count is 2")


def _paging(target: Target) -> None:
    states = _three(target)
    page: str | None = f"{states[0].path}/_history?_count=1"
    seen: list[str] = []
    for _ in range(_MOST_PAGES):
        if page is None:
            break
        found = expect.bundle(target.get(page), "history")
        entries = expect.entries(found)
        if len(entries) > 1:
            expect.fail(f"{len(entries)} entries on a page although _count is 1")
        seen += _versions(entries)
        page = expect.link(found, "next")
    if seen != (wanted := [str(state.version) for state in reversed(states)]):
        expect.fail(f"following the next links gives the versions {seen}, expected {wanted}")


def _since(target: Target) -> None:
    first = target.create(active=True)
    time.sleep(1.1)  # servers need not be more precise than a second
    second = target.update(first, active=False)
    instant = re.sub(r"\.\d+", "", expect.meta(second.resource, "lastUpdated"))
    seen = _versions(_history(target, f"{first.path}/_history?_since={urllib.parse.quote(instant, safe='')}"))
    if seen != [str(second.version)]:
        expect.fail(f"_since={instant} gives the versions {seen}, expected only {second.version!r}")


def _since_ends(target: Target) -> None:
    states = _three(target)
    path = f"{states[0].path}/_history?_since="
    if len(_history(target, path + _PAST)) != len(states):
        expect.fail(f"_since={_PAST} does not give all versions")
    if _history(target, path + _FUTURE):
        expect.fail(f"_since={_FUTURE} gives versions")


def _at(target: Target) -> None:
    states = _three(target)
    if seen := _versions(_history(target, f"{states[0].path}/_history?_at={_PAST}")):
        expect.fail(f"_at={_PAST} gives the versions {seen}, none was current then")
    if (seen := _versions(_history(target, f"{states[0].path}/_history?_at={_FUTURE}"))) != [states[-1].version]:
        expect.fail(f"_at={_FUTURE} gives the versions {seen}, expected only {states[-1].version!r}")


def _unknown(target: Target) -> None:
    expect.status(target.get(f"{target.type}/conformance-no-such-id/_history"), 404)


def _of_type(target: Target) -> None:
    stored = target.create()
    entries = _history(target, f"{target.type}/_history?_count=50")
    for entry in entries:
        body = entry.get("resource")
        if body is not None and body.get("resourceType") != target.type:
            expect.fail(f"the history of {target.type} holds a {body.get('resourceType')}")
    _holds(entries, stored)
    _newest_first(entries)


def _of_system(target: Target) -> None:
    stored = target.create()
    entries = _history(target, "_history?_count=50")
    _holds(entries, stored)
    _newest_first(entries)


def _holds(entries: list[dict[str, Any]], stored: Stored) -> None:
    keys = {(b.get("resourceType"), b.get("id")) for entry in entries if isinstance(b := entry.get("resource"), dict)}
    if (stored.type, stored.id) not in keys:
        expect.fail("the resource that was just created is not among the newest entries")


def _newest_first(entries: list[dict[str, Any]]) -> None:
    times = [t for entry in entries if (t := entry.get("response", {}).get("lastModified"))]
    moments = [_time_of(str(t)) for t in times]
    if moments != sorted(moments, reverse=True):
        expect.fail("the entries are not sorted with the oldest last")


def _time_of(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def _of_revived(target: Target) -> None:
    stored = target.create(active=True)
    expect.success(target.delete(stored))
    expect.status(target.send("PUT", stored.path, {**stored.resource, "active": False}), 200, 201)
    entries = _history(target, f"{stored.path}/_history")
    methods = [entry.get("request", {}).get("method") for entry in entries]
    if len(entries) != 3 or methods[1] != "DELETE" or "resource" in entries[1]:
        expect.fail(f"create, delete and update give the entries {methods}, expected the delete in the middle")


def _type_since(target: Target) -> None:
    target.create()
    if _history(target, f"{target.type}/_history?_since={_FUTURE}"):
        expect.fail(f"_since={_FUTURE} gives versions")


def _type_paging(target: Target) -> None:
    made = [target.create() for _ in range(3)]
    page: str | None = f"{target.type}/_history?_count=2"
    seen: list[tuple[str, str]] = []
    for _ in range(2):
        found = expect.bundle(target.get(page or ""), "history")
        seen += [(b["id"], expect.meta(b, "versionId")) for e in expect.entries(found) if (b := e.get("resource"))]
        page = expect.link(found, "next")
        if page is None:
            expect.fail("there is no next link after two entries, although three resources were made")
    if len(set(seen)) != len(seen):
        expect.fail("two pages hold the same version")
    if missing := {one.id for one in made} - {id_ for id_, _ in seen}:
        expect.fail(f"the first two pages of two entries lack {len(missing)} of the three newest resources")


_WRITES = need.interactions("create", "update", "read")
_INSTANCE = need.interactions("history-instance")

GROUP = Group(
    "history",
    "history",
    (
        Check(
            "history-instance",
            "The history of a resource holds all its versions, the oldest last",
            "http.html#history",
            Level.SHALL,
            _instance,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-entries",
            "Every entry has a request and a response; a PUT or POST also its resource",
            "bundle.html#invs",
            Level.SHALL,
            _entries,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-total",
            "A total is the number of all versions, not of those on the page",
            "bundle-definitions.html#Bundle.total",
            Level.SHALL,
            _total,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-count",
            "A page has no more entries than _count",
            "http.html#history",
            Level.SHALL,
            _count,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-paging",
            "The next links lead through all versions, each once",
            "http.html#paging",
            Level.SHALL,
            _paging,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-since",
            "_since leaves out the versions made before that instant",
            "http.html#history",
            Level.SHALL,
            _since,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-since-ends",
            "_since in the past gives all versions, in the future none",
            "http.html#history",
            Level.SHALL,
            _since_ends,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-at",
            "_at gives the versions that were current at that time",
            "http.html#history",
            Level.MAY,
            _at,
            (_WRITES, _INSTANCE),
        ),
        Check(
            "history-unknown",
            "The history of an unknown resource returns 404",
            "http.html#history",
            Level.SHOULD,
            _unknown,
            (_INSTANCE,),
        ),
        Check(
            "history-type",
            "The history of a type holds the changes of that type only, the oldest last",
            "http.html#history",
            Level.SHALL,
            _of_type,
            (need.interactions("create", "read", "history-type"),),
        ),
        Check(
            "history-system",
            "The history of the system holds the changes of all types, the oldest last",
            "http.html#history",
            Level.SHALL,
            _of_system,
            (need.interactions("create", "read"), need.system("history-system")),
        ),
        Check(
            "history-revived",
            "The history of a resource that was deleted and brought back holds all of it",
            "http.html#history",
            Level.SHALL,
            _of_revived,
            (_WRITES, _INSTANCE, need.interactions("delete"), need.update_create),
        ),
        Check(
            "history-type-since",
            "_since applies to the history of a type",
            "http.html#history",
            Level.SHALL,
            _type_since,
            (need.interactions("create", "read", "history-type"),),
        ),
        Check(
            "history-type-paging",
            "The next links of the history of a type repeat nothing and leave out nothing",
            "http.html#paging",
            Level.SHALL,
            _type_paging,
            (need.interactions("create", "read", "history-type"),),
        ),
    ),
)
