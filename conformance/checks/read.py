"""read, conditional read, vread and HEAD.

https://hl7.org/fhir/R4/http.html#read
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.claims import SUBJECTS
from conformance.exchange import Response
from conformance.target import Stored, Target

_ABSENT = "conformance-no-such-id"
_TOO_LONG = "a" * 65
_HEAD_REFUSED = (405, 501)
_LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


def _resource(target: Target) -> None:
    stored = target.sample()
    found = expect.resource(target.get(stored.path), stored.type)
    if found.get("id") != stored.id:
        expect.fail(f"the resource read from {stored.path} has the id {found.get('id')!r}")


def _unknown(target: Target) -> None:
    expect.status(target.get(f"{target.type}/{_ABSENT}"), 404)


def _case(target: Target) -> None:
    stored = target.sample()
    expect.refused(target.get(f"{stored.type.lower()}/{stored.id}"))


def _other_type(target: Target) -> None:
    stored = target.sample()
    others = [name for name in (*SUBJECTS, "Observation") if "read" in target.claims.of(name).interactions]
    other = next((name for name in others if name != stored.type), None)
    if other is None:
        raise Skipped("the server claims read for one type only")
    expect.status(target.get(f"{other}/{stored.id}"), 404)


def _illegal_id(target: Target) -> None:
    expect.status(target.get(f"{target.type}/{_TOO_LONG}"), 400, 404)


def _none_match(target: Target) -> None:
    stored = target.sample()
    response = target.get(stored.path, headers={"If-None-Match": _etag(target, stored)})
    expect.status(response, 304)
    _empty(response)


def _none_match_either(target: Target) -> None:
    stored = target.sample()
    response = target.get(stored.path, headers={"If-None-Match": _etag(target, stored)})
    expect.status(response, 200, 304)
    if response.status == 304:
        _empty(response)
    else:
        expect.resource(response, stored.type)


def _none_match_other(target: Target) -> None:
    stored = target.sample()
    expect.resource(target.get(stored.path, headers={"If-None-Match": 'W/"no-such-version"'}), stored.type)


def _modified_since(target: Target) -> None:
    stored = target.sample()
    seen = expect.header(target.get(stored.path), "Last-Modified")
    response = target.get(stored.path, headers={"If-Modified-Since": seen})
    expect.status(response, 304)
    _empty(response)


def _modified_since_old(target: Target) -> None:
    stored = target.sample()
    expect.resource(target.get(stored.path, headers={"If-Modified-Since": _LONG_AGO}), stored.type)


def _head(target: Target) -> None:
    stored = target.sample()
    seen, response = target.get(stored.path), target.send("HEAD", stored.path)
    expect.status(response, seen.status, *_HEAD_REFUSED)
    _empty(response)
    if response.status not in _HEAD_REFUSED:
        for name in ("ETag", "Last-Modified", "Content-Type"):
            if response.header(name) != seen.header(name):
                target.note(f"{name} is {response.header(name)!r} for HEAD and {seen.header(name)!r} for GET")


def _head_unknown(target: Target) -> None:
    response = target.send("HEAD", f"{target.type}/{_ABSENT}")
    expect.status(response, 404, *_HEAD_REFUSED)
    _empty(response)


def _head_metadata(target: Target) -> None:
    response = target.send("HEAD", "metadata")
    expect.status(response, 200, *_HEAD_REFUSED)
    _empty(response)


def _vread(target: Target) -> None:
    stored = target.sample()
    response = target.get(_version_path(stored))
    found = expect.resource(response, stored.type)
    if found.get("id") != stored.id or expect.meta(found, "versionId") != stored.version:
        expect.fail(f"{response} with id {found.get('id')!r} and version {found['meta']['versionId']!r}")


def _vread_previous(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    if second.version == first.version:
        expect.fail(f"the version id is still {first.version!r} after an update")
    old = expect.resource(target.get(_version_path(first)), first.type)
    if old.get("active") is not True or expect.meta(old, "versionId") != first.version:
        expect.fail(f"version {first.version} is not returned as it was before the update")


def _vread_unknown(target: Target) -> None:
    stored = target.sample()
    expect.status(target.get(f"{stored.path}/_history/no-such-version"), 400, 404)


def _vread_of_other(target: Target) -> None:
    stored = target.sample()
    expect.status(target.get(f"{stored.type}/{_ABSENT}/_history/{stored.version}"), 404)


def _version_path(stored: Stored) -> str:
    if stored.version is None:
        expect.fail(f"{stored.path} has no meta.versionId, although versions are claimed")
    return f"{stored.path}/_history/{stored.version}"


def _etag(target: Target, stored: Stored) -> str:
    return expect.header(target.get(stored.path), "ETag")


def _empty(response: Response) -> None:
    if response.body:
        expect.fail(f"{response} with a body of {len(response.body)} bytes")


_READ = need.interactions("read")
_VREAD = need.interactions("read", "vread")

GROUP = Group(
    "read",
    "read, conditional read, vread and HEAD",
    (
        Check(
            "read-resource",
            "A read returns the resource, with the id of the URL",
            "http.html#read",
            Level.SHALL,
            _resource,
            (_READ,),
        ),
        Check(
            "read-unknown",
            "A read of an unknown resource returns 404",
            "http.html#read",
            Level.SHALL,
            _unknown,
            (_READ,),
        ),
        Check(
            "read-case-sensitive",
            "URLs are case sensitive: a type in lower case is no type",
            "http.html#root",
            Level.SHOULD,
            _case,
            (_READ,),
        ),
        Check(
            "read-other-type",
            "An id belongs to its type: read with another type it returns 404",
            "http.html#read",
            Level.SHALL,
            _other_type,
            (_READ,),
        ),
        Check(
            "read-illegal-id",
            "An id longer than 64 characters returns 404 or 400",
            "datatypes.html#id",
            Level.SHALL,
            _illegal_id,
            (_READ,),
        ),
        Check(
            "read-if-none-match",
            "If-None-Match with the current ETag returns 304 or the full content",
            "http.html#cread",
            Level.SHALL,
            _none_match_either,
            (_READ, need.versions),
        ),
        Check(
            "read-if-none-match-claimed",
            "Where conditional read is claimed, If-None-Match with the current ETag returns 304 without a body",
            "http.html#cread",
            Level.SHALL,
            _none_match,
            (_READ, need.conditional_read("not-match")),
        ),
        Check(
            "read-if-none-match-other",
            "If-None-Match with another ETag returns the full content",
            "http.html#cread",
            Level.SHALL,
            _none_match_other,
            (_READ,),
        ),
        Check(
            "read-if-modified-since-claimed",
            "Where conditional read is claimed, If-Modified-Since with the current date returns 304 without a body",
            "http.html#cread",
            Level.SHALL,
            _modified_since,
            (_READ, need.conditional_read("modified-since")),
        ),
        Check(
            "read-if-modified-since-old",
            "If-Modified-Since with an older date returns the full content",
            "http.html#cread",
            Level.SHALL,
            _modified_since_old,
            (_READ,),
        ),
        Check(
            "read-head",
            "HEAD is answered as GET without a body, or with 405 or 501",
            "http.html#head",
            Level.SHALL,
            _head,
            (_READ,),
        ),
        Check(
            "read-head-unknown",
            "HEAD of an unknown resource is answered as GET without a body, or with 405 or 501",
            "http.html#head",
            Level.SHALL,
            _head_unknown,
            (_READ,),
        ),
        Check(
            "read-head-metadata",
            "HEAD of the CapabilityStatement is answered as GET without a body, or with 405 or 501",
            "http.html#head",
            Level.SHALL,
            _head_metadata,
        ),
        Check(
            "vread-current",
            "A vread returns the resource with the id and the version id of the URL",
            "http.html#vread",
            Level.SHALL,
            _vread,
            (_VREAD,),
        ),
        Check(
            "vread-previous",
            "A vread of a previous version returns the content of that version",
            "http.html#vread",
            Level.SHALL,
            _vread_previous,
            (_VREAD, need.interactions("create", "update")),
        ),
        Check(
            "vread-unknown-version",
            "A vread of a version that never was returns 404",
            "http.html#vread",
            Level.SHALL,
            _vread_unknown,
            (_VREAD,),
        ),
        Check(
            "vread-unknown-resource",
            "A vread of an unknown resource returns 404",
            "http.html#vread",
            Level.SHALL,
            _vread_of_other,
            (_VREAD,),
        ),
    ),
)
