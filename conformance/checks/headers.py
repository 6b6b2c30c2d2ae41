"""Headers: ETag, Last-Modified, Prefer, request ids, Allow, CORS.

https://hl7.org/fhir/R4/http.html#versioning
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.exchange import Response
from conformance.json_content import NotJson, decode
from conformance.patches import change_active
from conformance.target import Target


def _etag(target: Target) -> None:
    stored = target.sample()
    response = target.get(stored.path)
    if response.header("ETag") is None:
        raise Skipped("the server returns no ETag")
    if expect.etag_of(response) != stored.version:
        expect.fail(f"ETag is {response.header('ETag')!r}, meta.versionId is {stored.version!r}")


def _etag_there(target: Target) -> None:
    value = expect.header(target.get(target.sample().path), "ETag")
    if not (value.startswith('W/"') and value.endswith('"')):
        expect.fail(f'ETag is {value!r}; it should be weak and in quotes, as W/"23"')


def _etag_create(target: Target) -> None:
    response = target.send("POST", target.type, target.samples.person())
    stored = target.stored(response, target.type)
    for name in ("ETag", "Last-Modified"):
        expect.header(response, name)
    if expect.etag_of(response) != stored.version:
        expect.fail(f"ETag is {response.header('ETag')!r}, meta.versionId is {stored.version!r}")


def _etag_vread(target: Target) -> None:
    stored = target.sample()
    response = target.get(f"{stored.path}/_history/{stored.version}")
    expect.header(response, "Last-Modified")
    if expect.etag_of(response) != stored.version:
        expect.fail(f"ETag is {response.header('ETag')!r}, the version is {stored.version!r}")


def _last_modified(target: Target) -> None:
    stored = target.sample()
    response = target.get(stored.path)
    expect.header(response, "Last-Modified")
    seen = expect.http_date(response, "Last-Modified")
    updated = expect.meta(expect.json(response), "lastUpdated")
    if seen is None or abs(seen - datetime.fromisoformat(updated).timestamp()) > 1:
        expect.fail(f"Last-Modified is {response.header('Last-Modified')!r}, meta.lastUpdated is {updated!r}")


def _etag_unmodified(target: Target) -> None:
    stored = target.sample()
    etag = expect.header(target.get(stored.path), "ETag")
    response = target.get(stored.path, headers={"If-None-Match": etag})
    if response.status != 304:
        raise Skipped("the server does not answer 304")
    if response.header("ETag") != etag:
        expect.fail(f"304 with the ETag {response.header('ETag')!r}, expected {etag!r}")


def _kind(response: Response) -> str | None:
    """Return the resource type of a JSON body, or None when there is no body."""
    if not response.body:
        return None
    try:
        body = decode(response.body)
    except NotJson:
        return "something that is not JSON"
    return str(body.get("resourceType")) if isinstance(body, dict) else "something that is no resource"


def _create_preferring(target: Target, preference: str) -> Response:
    response = target.send("POST", target.type, target.samples.person(), headers={"Prefer": preference})
    expect.status(response, 201)
    return response


def _minimal(target: Target) -> None:
    response = _create_preferring(target, "return=minimal")
    expect.header(response, "Location")
    if (kind := _kind(response)) is not None:
        expect.fail(f"return=minimal is answered with a body: {kind}")


def _representation(target: Target) -> None:
    if (kind := _kind(_create_preferring(target, "return=representation"))) != target.type:
        expect.fail(f"return=representation is answered with {kind or 'no body'}")


def _outcome(target: Target) -> None:
    response = _create_preferring(target, "return=OperationOutcome")
    expect.outcome(response)
    if expect.has_errors(expect.json(response)):
        expect.fail("the OperationOutcome of a success holds an error")


def _no_preference(target: Target) -> None:
    response = target.send("POST", target.type, target.samples.person())
    expect.status(response, 201)
    if (kind := _kind(response)) == "OperationOutcome":
        expect.fail("without Prefer an OperationOutcome is returned")
    elif kind not in (None, target.type):
        expect.fail(f"without Prefer {kind} is returned")


def _update_preferring(target: Target) -> None:
    stored = target.create(active=True)
    body = {**stored.resource, "active": False}
    headers = {**target.guard(stored), "Prefer": "return=minimal"}
    response = target.send("PUT", stored.path, body, headers=headers)
    expect.status(response, 200, 204)
    if (kind := _kind(response)) is not None:
        expect.fail(f"return=minimal is answered with a body: {kind}")
    now = target.read(stored)
    headers = {**target.guard(now), "Prefer": "return=representation"}
    response = target.send("PUT", stored.path, {**now.resource, "active": True}, headers=headers)
    if (kind := _kind(response)) != target.type:
        expect.fail(f"return=representation is answered with {kind or 'no body'}")


def _patch_preferring(target: Target) -> None:
    stored = target.create(active=True)
    headers = {**target.guard(stored), "Prefer": "return=representation"}
    response = change_active(target, stored.path, value=False, headers=headers)
    expect.status(response, 200)
    if (kind := _kind(response)) != target.type:
        expect.fail(f"return=representation is answered with {kind or 'no body'}")


def _error_despite_minimal(target: Target) -> None:
    body = {"resourceType": target.type, "active": {"not": "a boolean"}}
    response = target.send("POST", target.type, body, headers={"Prefer": "return=minimal"})
    expect.refused(response)
    expect.outcome(response)


def _request_id(target: Target) -> None:
    expect.header(target.get(target.sample().path, headers={"X-Request-Id": str(uuid4())}), "X-Request-Id")


def _correlation_id(target: Target) -> None:
    sent = str(uuid4())
    response = target.get(target.sample().path, headers={"X-Request-Id": sent})
    answered = response.header("X-Request-Id")
    if answered is None:
        raise Skipped("the server returns no X-Request-Id")
    if answered != sent and response.header("X-Correlation-Id") != sent:
        expect.fail("the server has its own X-Request-Id and does not return the client's as X-Correlation-Id")


def _allow(target: Target) -> None:
    response = target.send("PUT", "metadata", {"resourceType": "CapabilityStatement"})
    if 200 <= response.status < 300:
        expect.fail(f"{response}, although the CapabilityStatement cannot be written there")
    if response.status != 405:
        raise Skipped(f"{response}, so there is nothing to allow")
    expect.header(response, "Allow")


def _cors(target: Target) -> None:
    response = target.get("metadata", headers={"Origin": "https://app.example.org"})
    allowed = expect.header(response, "Access-Control-Allow-Origin")
    if allowed not in ("*", "https://app.example.org"):
        expect.fail(f"Access-Control-Allow-Origin is {allowed!r} for the origin https://app.example.org")


def _date(target: Target) -> None:
    if expect.http_date(target.get("metadata"), "Date") is None:
        expect.fail("there is no Date")


def _two_preferences(target: Target) -> None:
    response = _create_preferring(target, "handling=strict, return=minimal")
    if (kind := _kind(response)) is not None:
        expect.fail(f"return=minimal beside another preference is answered with a body: {kind}")


_READ = need.interactions("read")
_CREATE = need.interactions("create", "read")

GROUP = Group(
    "headers",
    "Headers",
    (
        Check(
            "header-etag-value",
            "An ETag holds the version id of the resource",
            "http.html#concurrency",
            Level.SHALL,
            _etag,
            (_READ, need.versions),
        ),
        Check(
            "header-etag",
            "A read returns a weak ETag with the version id",
            "http.html#versioning",
            Level.SHOULD,
            _etag_there,
            (_READ, need.versions),
        ),
        Check(
            "header-etag-create",
            "A create returns an ETag with the version id, and Last-Modified",
            "http.html#create",
            Level.SHOULD,
            _etag_create,
            (_CREATE, need.versions),
        ),
        Check(
            "header-etag-vread",
            "A vread returns an ETag with its version id, and Last-Modified",
            "http.html#vread",
            Level.SHOULD,
            _etag_vread,
            (need.interactions("read", "vread"),),
        ),
        Check(
            "header-etag-304",
            "A 304 returns the same ETag as the 200 would",
            "http.html#cread",
            Level.SHOULD,
            _etag_unmodified,
            (_READ, need.versions),
        ),
        Check(
            "header-last-modified",
            "Last-Modified of a read is meta.lastUpdated",
            "http.html#versioning",
            Level.SHOULD,
            _last_modified,
            (_READ,),
        ),
        Check(
            "header-prefer-minimal",
            "Prefer: return=minimal on a create returns no body",
            "http.html#prefer",
            Level.SHOULD,
            _minimal,
            (_CREATE,),
        ),
        Check(
            "header-prefer-representation",
            "Prefer: return=representation on a create returns the resource",
            "http.html#prefer",
            Level.SHOULD,
            _representation,
            (_CREATE,),
        ),
        Check(
            "header-prefer-outcome",
            "Prefer: return=OperationOutcome on a create returns an OperationOutcome without errors",
            "http.html#prefer",
            Level.SHOULD,
            _outcome,
            (_CREATE,),
        ),
        Check(
            "header-prefer-absent",
            "Without Prefer the resource or nothing is returned, not an OperationOutcome",
            "http.html#prefer",
            Level.SHOULD,
            _no_preference,
            (_CREATE,),
        ),
        Check(
            "header-prefer-update",
            "Prefer is honored on an update",
            "http.html#prefer",
            Level.SHOULD,
            _update_preferring,
            (need.interactions("create", "read", "update"),),
        ),
        Check(
            "header-prefer-patch",
            "Prefer is honored on a patch",
            "http.html#prefer",
            Level.SHOULD,
            _patch_preferring,
            (need.interactions("create", "read", "patch"),),
        ),
        Check(
            "header-prefer-error",
            "A failure returns an OperationOutcome even with Prefer: return=minimal",
            "http.html#prefer",
            Level.SHOULD,
            _error_despite_minimal,
            (_CREATE,),
        ),
        Check(
            "header-request-id",
            "A response has an X-Request-Id",
            "http.html#custom",
            Level.MAY,
            _request_id,
            (_READ,),
        ),
        Check(
            "header-correlation-id",
            "A server that gives its own X-Request-Id returns the client's as X-Correlation-Id",
            "http.html#custom",
            Level.SHOULD,
            _correlation_id,
            (_READ,),
        ),
        Check(
            "header-allow",
            "A 405 lists the methods that are allowed",
            "http.html#Status-Codes",
            Level.SHOULD,
            _allow,
        ),
        Check(
            "header-date",
            "A response has a Date",
            "http.html#return",
            Level.SHOULD,
            _date,
        ),
        Check(
            "header-cors",
            "Cross-origin requests are supported",
            "security.html#cors",
            Level.SHOULD,
            _cors,
        ),
        Check(
            "header-prefer-two",
            "Prefer may hold several preferences",
            "http.html#prefer",
            Level.SHOULD,
            _two_preferences,
            (_CREATE,),
        ),
    ),
)
