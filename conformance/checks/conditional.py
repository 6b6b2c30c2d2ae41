"""Conditional create, update, patch and delete.

A conditional write is only sent after a search by the same criteria has shown that they match what this run made
and nothing else: a server that ignores a criterion must not change the records of others.

https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.exchange import Response
from conformance.ledger import located
from conformance.patches import change_active
from conformance.samples import Resource
from conformance.target import Stored, Target


def _post(target: Target, body: Resource, value: str) -> Response:
    return target.send("POST", target.type, body, headers={"If-None-Exist": target.criteria(value)})


def _some(target: Target, number: int) -> tuple[str, list[Stored]]:
    """Create resources that share one identifier value, and wait until a search finds them and nothing else."""
    value = target.samples.value()
    made = [target.create(identifier=[target.samples.identifier(value)], active=True) for _ in range(number)]
    target.only_ours(target.type, target.criteria(value), number)
    return value, made


def _alike(target: Target, value: str, **elements: object) -> Resource:
    return target.samples.person(identifier=[target.samples.identifier(value)], **elements)


def _stand(target: Target, value: str, number: int) -> None:
    found = len(target.found(target.type, target.criteria(value), number))
    if found != number:
        expect.fail(f"afterwards {found} resources match, expected {number}")


def _create_none(target: Target) -> None:
    value, _ = _some(target, 0)
    response = _post(target, _alike(target, value), value)
    expect.status(response, 201)
    _stand(target, value, 1)


def _create_one(target: Target) -> None:
    value, made = _some(target, 1)
    response = _post(target, _alike(target, value), value)
    expect.status(response, 200)
    _stand(target, value, 1)
    place = located(response.header("Location")) or located(response.header("Content-Location"))
    if place is None and response.media_type.endswith("json") and response.body:
        body = expect.json(response)
        place = (str(body.get("resourceType")), str(body.get("id")), None)
    if place is None:
        target.note("200 with neither a Location nor the resource: the client cannot know which one matched")
    elif place[1] != made[0].id:
        expect.fail(f"the answer names {place[0]}/{place[1]}, the match is {made[0].path}")


def _create_many(target: Target) -> None:
    value, _ = _some(target, 2)
    expect.status(_post(target, _alike(target, value), value), 412)
    _stand(target, value, 2)


def _put(target: Target, body: Resource, value: str, made: Stored | None = None) -> Response:
    headers = target.guard(made) if made else {}
    return target.send("PUT", f"{target.type}?{target.criteria(value)}", body, headers=headers)


def _update_none(target: Target) -> None:
    value, _ = _some(target, 0)
    expect.status(_put(target, _alike(target, value), value), 201)
    _stand(target, value, 1)


def _update_none_with_id(target: Target) -> None:
    value, _ = _some(target, 0)
    chosen = target.samples.value()
    response = _put(target, _alike(target, value, id=chosen), value)
    if target.subject.update_create:
        expect.status(response, 201)
        expect.resource(target.get(f"{target.type}/{chosen}"), target.type)
    elif not 200 <= response.status < 300:
        expect.refused(response)


def _update_one(target: Target) -> None:
    value, (made,) = _some(target, 1)
    expect.status(_put(target, _alike(target, value, active=False), value, made), 200)
    if target.read(made).resource.get("active") is not False:
        expect.fail("the match was not updated")
    _stand(target, value, 1)


def _update_one_same_id(target: Target) -> None:
    value, (made,) = _some(target, 1)
    expect.status(_put(target, _alike(target, value, id=made.id, active=False), value, made), 200)
    if target.read(made).resource.get("active") is not False:
        expect.fail("the match was not updated")


def _update_one_other_id(target: Target) -> None:
    value, (made,) = _some(target, 1)
    body = _alike(target, value, id=target.samples.value(), active=False)
    expect.status(_put(target, body, value, made), 400)
    if target.read(made).resource.get("active") is not True:
        expect.fail("the update was refused, yet the match has changed")
    _stand(target, value, 1)


def _update_many(target: Target) -> None:
    value, made = _some(target, 2)
    expect.status(_put(target, _alike(target, value, active=False), value), 412)
    if any(target.read(one).resource.get("active") is not True for one in made):
        expect.fail("the update was refused, yet a match has changed")
    _stand(target, value, 2)


def _patch(target: Target, value: str, made: Stored | None = None) -> Response:
    headers = target.guard(made) if made else {}
    return change_active(target, f"{target.type}?{target.criteria(value)}", value=False, headers=headers)


def _patch_none(target: Target) -> None:
    value, _ = _some(target, 0)
    expect.status(_patch(target, value), 404)


def _patch_one(target: Target) -> None:
    value, (made,) = _some(target, 1)
    expect.status(_patch(target, value, made), 200, 204)
    if target.read(made).resource.get("active") is not False:
        expect.fail("the match was not patched")


def _patch_many(target: Target) -> None:
    value, made = _some(target, 2)
    expect.status(_patch(target, value), 412)
    if any(target.read(one).resource.get("active") is not True for one in made):
        expect.fail("the patch was refused, yet a match has changed")


def _delete(target: Target, value: str) -> Response:
    return target.send("DELETE", f"{target.type}?{target.criteria(value)}")


def _delete_none(target: Target) -> None:
    value, _ = _some(target, 0)
    expect.status(_delete(target, value), 200, 202, 204, 404)


def _delete_one(target: Target) -> None:
    value, (made,) = _some(target, 1)
    expect.status(_delete(target, value), 200, 202, 204)
    expect.status(target.get(made.path), 404, 410)


def _delete_many_single(target: Target) -> None:
    value, made = _some(target, 2)
    expect.status(_delete(target, value), 412)
    for one in made:
        expect.status(target.get(one.path), 200)


def _delete_many(target: Target) -> None:
    value, made = _some(target, 2)
    expect.status(_delete(target, value), 200, 202, 204)
    for one in made:
        expect.status(target.get(one.path), 404, 410)


_BASE = (need.interactions("create", "read", "search-type"), need.search_param("identifier"))
_CREATE = (*_BASE, need.conditional_create)
_UPDATE = (*_BASE, need.conditional_update)
_PATCH = (*_BASE, need.interactions("patch"), need.conditional_update)

GROUP = Group(
    "conditional",
    "Conditional create, update, patch and delete",
    (
        Check(
            "conditional-create-none",
            "If-None-Exist without a match: the create is made, 201",
            "http.html#ccreate",
            Level.SHALL,
            _create_none,
            _CREATE,
        ),
        Check(
            "conditional-create-one",
            "If-None-Exist with one match: the create is ignored, 200",
            "http.html#ccreate",
            Level.SHALL,
            _create_one,
            _CREATE,
        ),
        Check(
            "conditional-create-many",
            "If-None-Exist with several matches: 412, and nothing is created",
            "http.html#ccreate",
            Level.SHALL,
            _create_many,
            _CREATE,
        ),
        Check(
            "conditional-update-none",
            "A conditional update without a match and without an id creates the resource",
            "http.html#cond-update",
            Level.SHALL,
            _update_none,
            _UPDATE,
        ),
        Check(
            "conditional-update-none-id",
            "A conditional update without a match but with an id is an update as create, or is refused",
            "http.html#cond-update",
            Level.SHALL,
            _update_none_with_id,
            _UPDATE,
        ),
        Check(
            "conditional-update-one",
            "A conditional update with one match updates it",
            "http.html#cond-update",
            Level.SHALL,
            _update_one,
            _UPDATE,
        ),
        Check(
            "conditional-update-one-id",
            "A conditional update with one match and the match's id updates it",
            "http.html#cond-update",
            Level.SHALL,
            _update_one_same_id,
            _UPDATE,
        ),
        Check(
            "conditional-update-other-id",
            "A conditional update with one match and another id returns 400 and changes nothing",
            "http.html#cond-update",
            Level.SHALL,
            _update_one_other_id,
            _UPDATE,
        ),
        Check(
            "conditional-update-many",
            "A conditional update with several matches returns 412 and changes nothing",
            "http.html#cond-update",
            Level.SHALL,
            _update_many,
            _UPDATE,
        ),
        Check(
            "conditional-patch-none",
            "A conditional patch without a match returns 404",
            "http.html#patch",
            Level.SHOULD,
            _patch_none,
            _PATCH,
        ),
        Check(
            "conditional-patch-one",
            "A conditional patch with one match patches it",
            "http.html#patch",
            Level.SHOULD,
            _patch_one,
            _PATCH,
        ),
        Check(
            "conditional-patch-many",
            "A conditional patch with several matches returns 412 and changes nothing",
            "http.html#patch",
            Level.SHOULD,
            _patch_many,
            _PATCH,
        ),
        Check(
            "conditional-delete-none",
            "A conditional delete without a match is answered as a delete of what does not exist",
            "http.html#delete",
            Level.SHALL,
            _delete_none,
            (*_BASE, need.conditional_delete()),
        ),
        Check(
            "conditional-delete-one",
            "A conditional delete with one match deletes it",
            "http.html#delete",
            Level.SHALL,
            _delete_one,
            (*_BASE, need.conditional_delete()),
        ),
        Check(
            "conditional-delete-many-single",
            "Where conditional delete of one is claimed, several matches return 412 and nothing is deleted",
            "http.html#delete",
            Level.SHALL,
            _delete_many_single,
            (*_BASE, need.conditional_delete("single")),
        ),
        Check(
            "conditional-delete-many",
            "Where conditional delete of many is claimed, all matches are deleted",
            "http.html#delete",
            Level.SHALL,
            _delete_many,
            (*_BASE, need.conditional_delete("multiple")),
        ),
    ),
)
