"""create.

https://hl7.org/fhir/R4/http.html#create
"""

from __future__ import annotations

from conformance import expect, flat
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.ledger import located
from conformance.r4 import ID, INSTANT
from conformance.target import Stored, Target

_CLOCKS_MAY_DIFFER = 3600.0  # seconds
_OLD = "1999-12-31T23:59:59Z"


def _location(target: Target) -> None:
    body = target.samples.person()
    response = target.send("POST", target.type, body)
    expect.status(response, 201)
    location = expect.header(response, "Location")
    place = located(location)
    if place is None or place[0] != target.type:
        expect.fail(f"{response} with the Location {location!r}, expected [base]/{target.type}/[id]/_history/[vid]")
    stored = target.stored(response, target.type)
    if place[1] != stored.id:
        expect.fail(f"Location names the id {place[1]!r}, the resource has {stored.id!r}")
    if stored.version and place[2] is None and target.subject.is_versioned:
        target.note(
            f"Location {location!r} has no version, although versions are kept; it should be as specific as possible"
        )
    if place[2] is not None and place[2] != stored.version:
        expect.fail(f"Location names version {place[2]!r}, the resource has {stored.version!r}")


def _readable(target: Target) -> None:
    stored = target.create()
    found = target.read(stored)
    if target.value_of(found) != target.value_of(stored):
        expect.fail(f"{stored.path} is not the resource that was created")


def _metadata(target: Target) -> None:
    stored = target.create()
    if not ID.fullmatch(stored.id):
        expect.fail(f"the id {stored.id!r} is not of the type id")
    updated = expect.meta(stored.resource, "lastUpdated")
    if not INSTANT.fullmatch(updated):
        expect.fail(f"meta.lastUpdated {updated!r} is not an instant")
    if target.subject.versioning == "no-version":
        if stored.version is not None:
            expect.fail("meta.versionId is there, although the server claims no-version")
    elif target.subject.is_versioned and not (stored.version and ID.fullmatch(stored.version)):
        expect.fail(f"meta.versionId is {stored.version!r}, expected a value of the type id")


def _ignores_id(target: Target) -> None:
    chosen = target.samples.value()
    stored = target.create(target.samples.person(id=chosen))
    if stored.id == chosen:
        expect.fail("the id of the body was taken over, it is to be ignored")


def _ignores_meta(target: Target) -> None:
    sent = target.samples.person()
    sent["meta"] |= {"versionId": "no-such-version", "lastUpdated": _OLD}
    stored = target.create(sent)
    if stored.version == "no-such-version":
        expect.fail("the versionId of the body was taken over")
    if expect.meta(stored.resource, "lastUpdated").startswith("1999"):
        expect.fail("the lastUpdated of the body was taken over")


def _keeps_content(target: Target) -> None:
    sent = target.samples.person()
    _same(sent, target.read(target.create(sent)), but=("id", "meta", "text"))


def _keeps_tags(target: Target) -> None:
    sent = target.samples.person()
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}
    sent["meta"]["security"] = [label]
    found = target.read(target.create(sent)).resource
    for name in ("tag", "security"):
        kept = [(c.get("system"), c.get("code")) for c in found["meta"].get(name, [])]
        for coding in sent["meta"][name]:
            if (coding["system"], coding["code"]) not in kept:
                expect.fail(f"meta.{name} lost the code {coding['code']}")


def _two(target: Target) -> None:
    body = target.samples.person()
    first, second = target.create(body), target.create(body)
    if first.id == second.id:
        expect.fail("two creates gave the same id")


def _trailing_slash(target: Target) -> None:
    response = target.send("POST", f"{target.type}/", target.samples.person())
    expect.status(response, 201)


def _other_type(target: Target) -> None:
    other = "Organization" if target.type != "Organization" else "Patient"
    expect.refused(target.send("POST", target.type, target.samples.of(other)))


def _clock(target: Target) -> None:
    stored = target.create()
    response = target.get(stored.path)
    now, changed = expect.http_date(response, "Date"), expect.http_date(response, "Last-Modified")
    if now is None or changed is None:
        expect.fail(f"{response} without {'Date' if now is None else 'Last-Modified'}")
    if abs(now - changed) > _CLOCKS_MAY_DIFFER:
        expect.fail(f"Last-Modified is {changed - now:.0f} s from Date, although the resource was just created")


def _same(sent: dict[str, object], stored: Stored, but: tuple[str, ...]) -> None:
    found = flat.differences(flat.from_json(sent), flat.from_json(stored.resource), but=but)
    if found:
        expect.fail("; ".join(found[:8]))


_CREATE = need.interactions("create", "read")

GROUP = Group(
    "create",
    "create",
    (
        Check(
            "create-location",
            "A create returns 201 with a Location that holds the new id, and the version where versions are kept",
            "http.html#create",
            Level.SHALL,
            _location,
            (_CREATE,),
        ),
        Check(
            "create-readable",
            "A created resource can be read at its id",
            "http.html#create",
            Level.SHALL,
            _readable,
            (_CREATE,),
        ),
        Check(
            "create-metadata",
            "The server populates id, meta.versionId and meta.lastUpdated",
            "http.html#create",
            Level.SHALL,
            _metadata,
            (_CREATE,),
        ),
        Check(
            "create-ignores-id",
            "The server ignores an id in the body of a create",
            "http.html#create",
            Level.SHALL,
            _ignores_id,
            (_CREATE,),
        ),
        Check(
            "create-ignores-meta",
            "The server ignores versionId and lastUpdated in the body of a create",
            "http.html#create",
            Level.SHALL,
            _ignores_meta,
            (_CREATE,),
        ),
        Check(
            "create-keeps-content",
            "A read returns the same content that the create submitted",
            "http.html#create",
            Level.SHOULD,
            _keeps_content,
            (_CREATE,),
        ),
        Check(
            "create-keeps-tags",
            "The server refrains from altering tags and security labels",
            "http.html#create",
            Level.SHOULD,
            _keeps_tags,
            (_CREATE,),
        ),
        Check(
            "create-twice",
            "Two creates of the same content make two resources",
            "http.html#create",
            Level.SHALL,
            _two,
            (_CREATE,),
        ),
        Check(
            "create-trailing-slash",
            "A create at [base]/[type]/ is served as one at [base]/[type]",
            "http.html#root",
            Level.SHALL,
            _trailing_slash,
            (_CREATE,),
        ),
        Check(
            "create-other-type",
            "A create whose body is of another type than the URL is refused",
            "http.html#create",
            Level.SHALL,
            _other_type,
            (_CREATE,),
        ),
        Check(
            "create-last-modified-now",
            "Last-Modified of a new resource is the time of the create by the server's Date",
            "http.html#versioning",
            Level.SHOULD,
            _clock,
            (_CREATE,),
        ),
    ),
)
