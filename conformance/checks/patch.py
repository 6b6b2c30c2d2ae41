"""patch: JSON Patch, FHIRPath Patch and XML Patch.

https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.exchange import Response
from conformance.patches import change_active, fhirpath_parameters, json_patch, xml_patch
from conformance.r4 import FHIR_NAMESPACE, JSON, JSON_PATCH, XML_PATCH
from conformance.samples import Resource
from conformance.target import Stored, Target

_EMAIL = {"system": "email", "value": "suite@example.org"}


def _taken(target: Target, response: Response) -> Response:
    """Skip when the server does not take the format and never claimed to."""
    if response.status == 415 and not target.claims.patch_formats:
        raise Skipped("the server claims patch without a format, and does not take this one")
    expect.status(response, 200)
    return response


def _refused(target: Target, response: Response, stored: Stored) -> None:
    if response.status == 415 and not target.claims.patch_formats:
        raise Skipped("the server claims patch without a format, and does not take this one")
    expect.refused(response)
    _unchanged(target, stored)


def _unchanged(target: Target, stored: Stored) -> None:
    now = target.read(stored)
    if now.version != stored.version or now.resource.get("active") != stored.resource.get("active"):
        expect.fail("the patch was refused, yet the resource has changed")


# JSON Patch


def _json(target: Target) -> None:
    stored = target.create(active=True)
    operations: list[Resource] = [
        {"op": "test", "path": "/active", "value": True},
        {"op": "replace", "path": "/active", "value": False},
        {"op": "add", "path": "/telecom/-", "value": _EMAIL},
        {"op": "remove", "path": "/address"},
    ]
    _taken(target, json_patch(target, stored.path, *operations, headers=target.guard(stored)))
    now = target.read(stored)
    _patched(now)
    if now.version is not None and now.version == stored.version:
        expect.fail("the version id is the same after the patch")


def _json_move(target: Target) -> None:
    stored = target.create(identifier=[target.samples.identifier(), target.samples.identifier()])
    first, second = (one["value"] for one in stored.resource["identifier"])
    operations: list[Resource] = [
        {"op": "move", "from": "/identifier/0", "path": "/identifier/1"},
        {"op": "copy", "from": "/telecom/0", "path": "/telecom/0"},
    ]
    _taken(target, json_patch(target, stored.path, *operations, headers=target.guard(stored)))
    now = target.read(stored).resource
    if [one["value"] for one in now["identifier"]] != [second, first]:
        expect.fail("move did not exchange the identifiers")
    if len(now["telecom"]) != 2:
        expect.fail("copy did not add a telecom")


def _json_escapes(target: Target) -> None:
    stored = target.create(active=True)
    operation: Resource = {"op": "test", "path": "/a~1b", "value": 1}
    _refused(target, json_patch(target, stored.path, operation, headers=target.guard(stored)), stored)


def _json_test_fails(target: Target) -> None:
    stored = target.create(active=True)
    operations: list[Resource] = [
        {"op": "replace", "path": "/active", "value": False},
        {"op": "test", "path": "/active", "value": True},
    ]
    _refused(target, json_patch(target, stored.path, *operations, headers=target.guard(stored)), stored)


def _json_no_place(target: Target) -> None:
    stored = target.create(active=True)
    operation: Resource = {"op": "remove", "path": "/telecom/7"}
    _refused(target, json_patch(target, stored.path, operation, headers=target.guard(stored)), stored)


def _json_malformed(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send(
        "PATCH",
        stored.path,
        {"op": "replace", "path": "/active"},
        content_type=JSON_PATCH,
        headers=target.guard(stored),
    )
    _refused(target, response, stored)


def _json_invalid_result(target: Target) -> None:
    stored = target.create(active=True)
    operation: Resource = {"op": "replace", "path": "/active", "value": {"not": "a boolean"}}
    _refused(target, json_patch(target, stored.path, operation, headers=target.guard(stored)), stored)


def _json_id(target: Target) -> None:
    stored = target.create(active=True)
    chosen = target.samples.value()
    operation: Resource = {"op": "replace", "path": "/id", "value": chosen}
    json_patch(target, stored.path, operation, headers=target.guard(stored))
    if target.read(stored).resource.get("id") != stored.id:
        expect.fail("a patch changed the id of the resource")
    expect.status(target.get(f"{target.type}/{chosen}"), 404)


# FHIRPath Patch


def _fhirpath(target: Target) -> None:
    stored = target.create(active=True)
    body = fhirpath_parameters(
        {"type": "replace", "path": f"{target.type}.active", "value": ("valueBoolean", False)},
        {"type": "add", "path": target.type, "name": "telecom", "value": ("valueContactPoint", _EMAIL)},
        {"type": "delete", "path": f"{target.type}.address[0]"},
    )
    _taken(target, target.send("PATCH", stored.path, body, headers=target.guard(stored)))
    _patched(target.read(stored))


def _fhirpath_lists(target: Target) -> None:
    stored = target.create(identifier=[target.samples.identifier(), target.samples.identifier()])
    first, second = (one["value"] for one in stored.resource["identifier"])
    new = target.samples.identifier()
    path = f"{target.type}.identifier"
    body = fhirpath_parameters(
        {"type": "insert", "path": path, "index": 0, "value": ("valueIdentifier", new)},
        {"type": "move", "path": path, "source": 2, "destination": 0},
    )
    _taken(target, target.send("PATCH", stored.path, body, headers=target.guard(stored)))
    values = [one["value"] for one in target.read(stored).resource["identifier"]]
    if values != [second, new["value"], first]:
        expect.fail(f"insert and move gave {values}, expected {[second, new['value'], first]}")


def _fhirpath_no_match(target: Target) -> None:
    stored = target.create(active=True)
    body = fhirpath_parameters(
        {"type": "replace", "path": f"{target.type}.active", "value": ("valueBoolean", False)},
        {"type": "replace", "path": f"{target.type}.telecom[7].value", "value": ("valueString", "1")},
    )
    _refused(target, target.send("PATCH", stored.path, body, headers=target.guard(stored)), stored)


def _fhirpath_malformed(target: Target) -> None:
    stored = target.create(active=True)
    body = fhirpath_parameters({"type": "replace", "path": f"{target.type}.active.(", "value": ("valueBoolean", False)})
    _refused(target, target.send("PATCH", stored.path, body, headers=target.guard(stored)), stored)


# XML Patch


def _xml_operations(target: Target) -> None:
    stored = target.create(active=True)
    email = f'<telecom xmlns="{FHIR_NAMESPACE}"><system value="email"/><value value="{_EMAIL["value"]}"/></telecom>'
    operations = (
        f'<replace sel="f:{target.type}/f:active/@value">false</replace>'
        f'<add sel="f:{target.type}/f:telecom[1]" pos="after">{email}</add>'
        f'<remove sel="f:{target.type}/f:address[1]"/>'
    )
    _taken(target, xml_patch(target, stored.path, operations, target.guard(stored)))
    _patched(target.read(stored))


def _xml_no_match(target: Target) -> None:
    stored = target.create(active=True)
    operations = (
        f'<replace sel="f:{target.type}/f:active/@value">false</replace><remove sel="f:{target.type}/f:telecom[7]"/>'
    )
    _refused(target, xml_patch(target, stored.path, operations, target.guard(stored)), stored)


# Every format


def _if_match(target: Target) -> None:
    stored = target.create(active=True)
    etag = expect.header(target.get(stored.path), "ETag")
    expect.status(change_active(target, stored.path, value=False, headers={"If-Match": etag}), 200, 204)
    if target.read(stored).resource.get("active") is not False:
        expect.fail("the patch was not made")


def _if_match_stale(target: Target) -> None:
    first = target.create(active=True)
    second = target.update(first, active=False)
    response = change_active(target, first.path, value=True, headers={"If-Match": first.etag})
    expect.status(response, 412, 409)
    if response.status == 409:
        target.note("a stale If-Match is answered 409; the status for it is 412")
    _unchanged(target, second)


def _unknown(target: Target) -> None:
    expect.status(change_active(target, f"{target.type}/{target.samples.value()}", value=True), 404)


def _headers(target: Target) -> None:
    stored = target.create(active=True)
    response = change_active(target, stored.path, value=False, headers=target.guard(stored))
    expect.status(response, 200, 204)
    expect.header(response, "ETag")
    if expect.etag_of(response) != target.read(stored).version:
        expect.fail("the ETag is not the new version id")


def _other_media_type(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send(
        "PATCH", stored.path, b"active=false", content_type="text/plain", headers=target.guard(stored)
    )
    expect.status(response, 415)
    _unchanged(target, stored)


def _patched(stored: Stored) -> None:
    now = stored.resource
    if now.get("active") is not False:
        expect.fail("replace did not change active")
    if [one.get("value") for one in now.get("telecom", [])][-1:] != [_EMAIL["value"]] or len(now["telecom"]) != 2:
        expect.fail("add did not append a telecom")
    if "address" in now:
        expect.fail("the address was not removed")


def _deleted(target: Target) -> None:
    stored = target.create(active=True)
    expect.success(target.delete(stored))
    expect.status(change_active(target, stored.path, value=False), 404, 410, 409, 412)
    expect.status(target.get(stored.path), 404, 410)


_BASE = need.interactions("create", "read", "patch")
_JSON = (_BASE, need.patch_format(JSON_PATCH))
_FHIRPATH = (_BASE, need.patch_format(JSON))
_XML = (_BASE, need.patch_format(XML_PATCH))

GROUP = Group(
    "patch",
    "patch",
    (
        Check(
            "patch-json",
            "A JSON Patch is applied: test, replace, add, remove",
            "http.html#patch",
            Level.SHALL,
            _json,
            _JSON,
        ),
        Check(
            "patch-json-move",
            "A JSON Patch is applied: move, copy",
            "http.html#patch",
            Level.SHALL,
            _json_move,
            _JSON,
        ),
        Check(
            "patch-json-test-fails",
            "A JSON Patch with a test that fails is refused, and none of its operations is kept",
            "http.html#patch",
            Level.SHALL,
            _json_test_fails,
            _JSON,
        ),
        Check(
            "patch-json-no-place",
            "A JSON Patch that removes what is not there is refused",
            "http.html#patch",
            Level.SHALL,
            _json_no_place,
            _JSON,
        ),
        Check(
            "patch-json-escapes",
            "A JSON Patch that tests a member that is not there, its name escaped, is refused",
            "http.html#patch",
            Level.SHALL,
            _json_escapes,
            _JSON,
        ),
        Check(
            "patch-json-malformed",
            "A JSON Patch that is no list of operations is refused",
            "http.html#patch",
            Level.SHALL,
            _json_malformed,
            _JSON,
        ),
        Check(
            "patch-json-invalid-result",
            "A JSON Patch whose result is not a valid resource is refused, as an update would be",
            "http.html#patch",
            Level.SHALL,
            _json_invalid_result,
            _JSON,
        ),
        Check(
            "patch-json-id",
            "A JSON Patch does not change the id of a resource",
            "http.html#patch",
            Level.SHALL,
            _json_id,
            _JSON,
        ),
        Check(
            "patch-fhirpath",
            "A FHIRPath Patch is applied: replace, add, delete",
            "fhirpatch.html",
            Level.SHALL,
            _fhirpath,
            _FHIRPATH,
        ),
        Check(
            "patch-fhirpath-lists",
            "A FHIRPath Patch is applied: insert, move",
            "fhirpatch.html",
            Level.SHALL,
            _fhirpath_lists,
            _FHIRPATH,
        ),
        Check(
            "patch-fhirpath-no-match",
            "A FHIRPath Patch that replaces what is not there is refused, and none of its operations is kept",
            "fhirpatch.html",
            Level.SHALL,
            _fhirpath_no_match,
            _FHIRPATH,
        ),
        Check(
            "patch-fhirpath-malformed",
            "A FHIRPath Patch with a path that is no FHIRPath is refused",
            "fhirpatch.html",
            Level.SHALL,
            _fhirpath_malformed,
            _FHIRPATH,
        ),
        Check(
            "patch-xml",
            "An XML Patch is applied: replace, add, remove",
            "http.html#patch",
            Level.SHALL,
            _xml_operations,
            _XML,
        ),
        Check(
            "patch-xml-no-match",
            "An XML Patch that removes what is not there is refused, and none of its operations is kept",
            "http.html#patch",
            Level.SHALL,
            _xml_no_match,
            _XML,
        ),
        Check(
            "patch-if-match",
            "A patch with the current ETag in If-Match is made",
            "http.html#patch",
            Level.SHALL,
            _if_match,
            (_BASE, need.versions),
        ),
        Check(
            "patch-if-match-stale",
            "A patch with the ETag of an older version in If-Match returns 412 and changes nothing",
            "http.html#patch",
            Level.SHALL,
            _if_match_stale,
            (_BASE, need.versions, need.interactions("update")),
        ),
        Check(
            "patch-unknown",
            "A patch of an unknown resource returns 404",
            "http.html#patch",
            Level.SHALL,
            _unknown,
            (_BASE,),
        ),
        Check(
            "patch-headers",
            "A patch returns an ETag with the new version id",
            "http.html#patch",
            Level.SHALL,
            _headers,
            (_BASE, need.versions),
        ),
        Check(
            "patch-other-media-type",
            "A patch in a format that is none returns 415",
            "http.html#mime-type",
            Level.SHOULD,
            _other_media_type,
            (_BASE,),
        ),
        Check(
            "patch-deleted",
            "A patch of a deleted resource is refused and does not bring it back",
            "http.html#patch",
            Level.SHALL,
            _deleted,
            (_BASE, need.interactions("delete")),
        ),
    ),
)
