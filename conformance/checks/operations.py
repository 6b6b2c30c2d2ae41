"""Operations that a server may claim: $validate, $everything, $meta.

https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.exchange import Response
from conformance.r4 import XML
from conformance.samples import Resource
from conformance.target import Target
from conformance.xml_writer import encode as encode_xml


def _parameters(**resources: Resource | str) -> Resource:
    held = []
    for name, value in resources.items():
        held.append({"name": name, "valueCode": value} if isinstance(value, str) else {"name": name, "resource": value})
    return {"resourceType": "Parameters", "parameter": held}


def _valid(response: Response) -> None:
    expect.status(response, 200)
    if expect.has_errors(expect.outcome(response)):
        expect.fail("a valid resource is said to have errors")


def _validate(target: Target) -> None:
    body = target.samples.person()
    _valid(target.send("POST", f"{target.type}/$validate", body))
    _valid(target.send("POST", f"{target.type}/$validate", _parameters(resource=body)))


def _validate_invalid(target: Target) -> None:
    body = target.samples.person(active={"not": "a boolean"})
    response = target.send("POST", f"{target.type}/$validate", _parameters(resource=body))
    if not expect.has_errors(expect.outcome(response)):
        expect.fail("an invalid resource is said to have no errors")
    if response.status != 200:
        target.note(f"{response}; the operation returns 200 whether or not the resource is valid")


def _validate_stores_nothing(target: Target) -> None:
    body = target.samples.person()
    _valid(target.send("POST", f"{target.type}/$validate", _parameters(resource=body, mode="create")))
    if target.found(target.type, target.criteria(target.value_of(body)), 0):
        expect.fail("$validate stored the resource")


def _validate_update(target: Target) -> None:
    stored = target.create(active=True)
    body = _parameters(resource={**stored.resource, "active": False}, mode="update")
    _valid(target.send("POST", f"{stored.path}/$validate", body))
    if target.read(stored).version != stored.version:
        expect.fail("$validate changed the resource")


def _validate_delete(target: Target) -> None:
    stored = target.create()
    response = target.send("POST", f"{stored.path}/$validate", _parameters(mode="delete"))
    expect.status(response, 200)
    expect.outcome(response)
    expect.status(target.get(stored.path), 200)


def _everything(target: Target) -> None:
    patient, other = (target.create(target.samples.of("Patient")) for _ in range(2))
    subject, stranger = ({"reference": one.path} for one in (patient, other))
    mine = target.create(target.samples.of("Observation", subject=subject))
    theirs = target.create(target.samples.of("Observation", subject=stranger))
    found = expect.bundle(target.get(f"{patient.path}/$everything"), "searchset")
    keys = {(e["resource"].get("resourceType"), e["resource"].get("id")) for e in expect.entries(found)}
    if ("Patient", patient.id) not in keys:
        expect.fail("$everything does not return the patient")
    if ("Observation", mine.id) not in keys:
        expect.fail("$everything does not return an observation of the patient")
    if {("Patient", other.id), ("Observation", theirs.id)} & keys:
        expect.fail("$everything returns what belongs to another patient")


def _everything_type(target: Target) -> None:
    patient = target.create(target.samples.of("Patient"))
    target.create(target.samples.of("Observation", subject={"reference": patient.path}))
    found = expect.bundle(target.get(f"{patient.path}/$everything?_type=Observation"), "searchset")
    kinds = {entry["resource"].get("resourceType") for entry in expect.matches(found)}
    if not {"Observation"} <= kinds <= {"Observation", "Patient"}:
        expect.fail(f"$everything with _type=Observation returns {', '.join(sorted(map(str, kinds)))}")


def _everything_unknown(target: Target) -> None:
    expect.status(target.get("Patient/conformance-no-such-id/$everything"), 404)


def _tags(response: Response) -> list[tuple[str, str]]:
    body = expect.resource(response, "Parameters")
    held = next((one for one in body.get("parameter", []) if one.get("name") == "return"), None)
    if held is None or not isinstance(held.get("valueMeta"), dict):
        expect.fail("the Parameters hold no return with a valueMeta")
    return [(str(tag.get("system")), str(tag.get("code"))) for tag in held["valueMeta"].get("tag", [])]


def _meta(target: Target) -> None:
    stored = target.create()
    if (target.run.system, "conformance") not in _tags(target.get(f"{stored.path}/$meta")):
        expect.fail("$meta does not return the tag of the resource")


def _with_tag(target: Target, code: str) -> Resource:
    meta = {"tag": [{"system": target.run.system, "code": code}]}
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


def _meta_add(target: Target) -> None:
    stored = target.create()
    tags = _tags(target.send("POST", f"{stored.path}/$meta-add", _with_tag(target, "added")))
    wanted = {(target.run.system, "added"), (target.run.system, "conformance")}
    kept = {(t.get("system"), t.get("code")) for t in target.read(stored).resource["meta"].get("tag", [])}
    if not wanted <= set(tags) or not wanted <= kept:
        expect.fail("$meta-add did not add the tag, or lost another")


def _meta_delete(target: Target) -> None:
    stored = target.create()
    target.send("POST", f"{stored.path}/$meta-add", _with_tag(target, "added"))
    tags = _tags(target.send("POST", f"{stored.path}/$meta-delete", _with_tag(target, "added")))
    if (target.run.system, "added") in tags or (target.run.system, "conformance") not in tags:
        expect.fail("$meta-delete did not remove the tag, or removed another")


def _everything_pages(target: Target) -> None:
    patient = target.create(target.samples.of("Patient"))
    about = {"reference": patient.path}
    made = [target.create(target.samples.of("Observation", subject=about)) for _ in range(3)]
    wanted = {("Patient", patient.id), *(("Observation", one.id) for one in made)}
    page: str | None = f"{patient.path}/$everything?_count=2"
    seen: list[tuple[str, str]] = []
    for _ in range(10):
        if page is None:
            break
        found = expect.bundle(target.get(page), "searchset")
        seen += [(str(e["resource"].get("resourceType")), str(e["resource"].get("id"))) for e in expect.entries(found)]
        page = expect.link(found, "next")
    if not wanted <= set(seen):
        expect.fail(f"the pages of $everything lack {len(wanted - set(seen))} of {len(wanted)} resources")


def _validate_xml(target: Target) -> None:
    body = encode_xml(target.samples.person())
    _valid(target.send("POST", f"{target.type}/$validate", body, content_type=XML))


def _meta_of_version(target: Target) -> None:
    stored = target.create()
    tags = _tags(target.get(f"{stored.path}/_history/{stored.version}/$meta"))
    if (target.run.system, "conformance") not in tags:
        expect.fail("$meta of a version does not return its tag")


_CREATE = need.interactions("create", "read")
_VALIDATE = (_CREATE, need.operation("validate"))
_EVERYTHING = (
    need.interactions("create", "read", of="Patient"),
    need.interactions("create", "read", of="Observation"),
    need.operation("everything", of="Patient"),
)

GROUP = Group(
    "operations",
    "Operations that are claimed",
    (
        Check(
            "validate-valid",
            "$validate of a valid resource returns an OperationOutcome without errors",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate,
            _VALIDATE,
        ),
        Check(
            "validate-invalid",
            "$validate of an invalid resource returns an OperationOutcome with errors",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate_invalid,
            _VALIDATE,
        ),
        Check(
            "validate-stores-nothing",
            "$validate stores nothing",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate_stores_nothing,
            (*_VALIDATE, need.interactions("search-type"), need.search_param("identifier")),
        ),
        Check(
            "validate-update",
            "$validate with mode=update at an instance judges the update and does not make it",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate_update,
            _VALIDATE,
        ),
        Check(
            "validate-delete",
            "$validate with mode=delete at an instance judges the delete and does not make it",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate_delete,
            _VALIDATE,
        ),
        Check(
            "everything-patient",
            "Patient/[id]/$everything returns the patient and what is about them, and nothing of others",
            "patient-operation-everything.html",
            Level.SHALL,
            _everything,
            _EVERYTHING,
        ),
        Check(
            "everything-type",
            "$everything with _type returns resources of that type",
            "patient-operation-everything.html",
            Level.SHALL,
            _everything_type,
            _EVERYTHING,
        ),
        Check(
            "everything-unknown",
            "$everything of an unknown patient returns 404",
            "patient-operation-everything.html",
            Level.SHALL,
            _everything_unknown,
            _EVERYTHING,
        ),
        Check(
            "meta-instance",
            "$meta returns the meta of a resource",
            "resource-operation-meta.html",
            Level.SHALL,
            _meta,
            (_CREATE, need.operation("meta")),
        ),
        Check(
            "meta-add",
            "$meta-add adds tags and keeps the others",
            "resource-operation-meta-add.html",
            Level.SHALL,
            _meta_add,
            (_CREATE, need.operation("meta-add")),
        ),
        Check(
            "meta-delete",
            "$meta-delete removes tags and keeps the others",
            "resource-operation-meta-delete.html",
            Level.SHALL,
            _meta_delete,
            (_CREATE, need.operation("meta-add"), need.operation("meta-delete")),
        ),
        Check(
            "everything-pages",
            "With _count the pages of $everything together hold everything",
            "patient-operation-everything.html",
            Level.SHALL,
            _everything_pages,
            _EVERYTHING,
        ),
        Check(
            "validate-xml",
            "$validate takes XML",
            "resource-operation-validate.html",
            Level.SHALL,
            _validate_xml,
            (*_VALIDATE, need.xml),
        ),
        Check(
            "meta-version",
            "$meta may be asked of a version",
            "resource-operation-meta.html",
            Level.MAY,
            _meta_of_version,
            (_CREATE, need.operation("meta"), need.interactions("vread")),
        ),
    ),
)
