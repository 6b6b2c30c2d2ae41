"""Binary: content of any format, as it is and as a resource.

https://hl7.org/fhir/R4/binary.html#rest
"""

from __future__ import annotations

from base64 import b64encode

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.r4 import JSON
from conformance.target import Stored, Target

_CONTENT = b"conformance suite \xc3\xa9\n"


def _create_binary(target: Target) -> Stored:
    data = b64encode(_CONTENT).decode()
    return target.create(
        {"resourceType": "Binary", "meta": target.samples.meta(), "contentType": "text/plain", "data": data}
    )


def _resource(target: Target) -> None:
    stored = _create_binary(target)
    found = expect.resource(target.get(stored.path, accept=JSON), "Binary")
    if found.get("contentType") != "text/plain" or found.get("data") != stored.resource.get("data"):
        expect.fail("the Binary read as a resource does not hold what was stored")


def _raw(target: Target) -> None:
    stored = _create_binary(target)
    for accept in ("text/plain", "*/*"):
        response = target.get(stored.path, accept=accept)
        expect.status(response, 200)
        if response.media_type != "text/plain" or response.body != _CONTENT:
            expect.fail(f"{response} as {response.media_type!r} to Accept: {accept}, expected the content itself")


def _raw_create(target: Target) -> None:
    response = target.send("POST", "Binary", _CONTENT, content_type="text/plain")
    expect.status(response, 201)
    stored = target.stored(response, "Binary")
    found = expect.resource(target.get(stored.path, accept=JSON), "Binary")
    if found.get("contentType") != "text/plain" or found.get("data") != b64encode(_CONTENT).decode():
        expect.fail("the content that was posted is not what the Binary holds")


_BINARY = need.interactions("create", "read", of="Binary")

GROUP = Group(
    "binary",
    "Binary",
    (
        Check(
            "binary-resource",
            "A Binary read with a FHIR format in Accept is the resource",
            "binary.html#rest",
            Level.SHALL,
            _resource,
            (_BINARY,),
        ),
        Check(
            "binary-raw",
            "A Binary read without a FHIR format in Accept is its content, in its own media type",
            "binary.html#rest",
            Level.SHOULD,
            _raw,
            (_BINARY,),
        ),
        Check(
            "binary-raw-create",
            "Content that is posted in its own media type becomes a Binary",
            "binary.html#rest",
            Level.SHOULD,
            _raw_create,
            (_BINARY,),
        ),
    ),
)
