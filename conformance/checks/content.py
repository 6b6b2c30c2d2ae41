"""Invalid content: refused, or at least not served as it was sent, for what a server returns is to be valid.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Callable

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Failed, Group, Level
from conformance.json_content import encode
from conformance.samples import Resource
from conformance.target import Target


def _invalid(target: Target, resource: Resource, broken: Callable[[Resource], bool]) -> None:
    """Refused, or not served as it was sent: what a server returns is to be valid."""
    response = target.send("POST", resource["resourceType"], resource)
    if 400 <= response.status < 500:
        return
    if response.status >= 500:
        raise Failed(f"{response}: the content is at fault, not the server")
    stored = target.stored(response, resource["resourceType"])
    if broken(target.read(stored).resource):
        expect.fail(f"the invalid content was accepted ({response.status}) and is returned by a read")
    target.note("the invalid content was accepted and altered; 400 would tell the client")


def _wrong_shape(target: Target) -> None:
    _invalid(target, target.samples.person(active={"not": "a boolean"}), lambda r: isinstance(r.get("active"), dict))


def _wrong_json_type(target: Target) -> None:
    _invalid(target, target.samples.person(active="true"), lambda r: isinstance(r.get("active"), str))


def _not_a_list(target: Target) -> None:
    telecom = {"system": "phone", "value": "1"}
    _invalid(target, target.samples.person(telecom=telecom), lambda r: isinstance(r.get("telecom"), dict))


def _unknown_element(target: Target) -> None:
    _invalid(target, target.samples.person(noSuchElement="x"), lambda r: "noSuchElement" in r)


def _empty_list(target: Target) -> None:
    _invalid(target, target.samples.person(telecom=[]), lambda r: r.get("telecom") == [])


def _bad_date(target: Target) -> None:
    url = "http://example.org/fhir/StructureDefinition/conformance"
    sent = target.samples.person(extension=[{"url": url, "valueDate": "2024-02-30"}])
    _invalid(target, sent, lambda r: "2024-02-30" in encode(r).decode())


def _bad_code(target: Target) -> None:
    sent = target.samples.person(telecom=[{"system": "no-such-system", "value": "1"}])
    _invalid(target, sent, lambda r: "no-such-system" in encode(r).decode())


def _missing_element(target: Target) -> None:
    _invalid(target, target.samples.of("Observation", status=None), lambda r: "status" not in r)


def _two_choices(target: Target) -> None:
    sent = target.samples.of("Observation", valueString="x")
    _invalid(target, sent, lambda r: "valueString" in r and "valueQuantity" in r)


def _wrong_target(target: Target) -> None:
    sent = target.samples.of("Observation", subject={"reference": "ValueSet/none"})
    _invalid(target, sent, lambda r: r.get("subject", {}).get("reference", "").startswith("ValueSet"))


def _invalid_update(target: Target) -> None:
    stored = target.create(active=True)
    response = target.send(
        "PUT", stored.path, {**stored.resource, "active": {"not": "a boolean"}}, headers=target.guard(stored)
    )
    expect.refused(response)
    now = target.read(stored)
    if now.version != stored.version or now.resource.get("active") is not True:
        expect.fail("the update was refused, yet the resource has changed")


_CREATE = need.interactions("create", "read")
_OBSERVATION = need.interactions("create", "read", of="Observation")

GROUP = Group(
    "content",
    "Invalid content",
    (
        Check(
            "content-wrong-shape",
            "An object where a primitive belongs is refused, or at least not returned",
            "http.html#create",
            Level.SHALL,
            _wrong_shape,
            (_CREATE,),
        ),
        Check(
            "content-wrong-json-type",
            "A string where a boolean belongs is refused, or at least not returned",
            "json.html#primitive",
            Level.SHALL,
            _wrong_json_type,
            (_CREATE,),
        ),
        Check(
            "content-not-a-list",
            "An object where a list belongs is refused, or at least not returned",
            "json.html#repeat",
            Level.SHALL,
            _not_a_list,
            (_CREATE,),
        ),
        Check(
            "content-unknown-element",
            "An element that R4 does not define is refused, or at least not returned",
            "validation.html",
            Level.SHALL,
            _unknown_element,
            (_CREATE,),
        ),
        Check(
            "content-empty-list",
            "An empty list is refused, or at least not returned",
            "json.html",
            Level.SHALL,
            _empty_list,
            (_CREATE,),
        ),
        Check(
            "content-bad-date",
            "A date that does not exist is refused, or at least not returned",
            "datatypes.html#date",
            Level.SHALL,
            _bad_date,
            (_CREATE,),
        ),
        Check(
            "content-bad-code",
            "A code that is not of a required binding is refused, or at least not returned",
            "terminologies.html#required",
            Level.SHALL,
            _bad_code,
            (_CREATE,),
        ),
        Check(
            "content-missing-element",
            "A resource without a mandatory element is refused, or at least not returned",
            "validation.html",
            Level.SHALL,
            _missing_element,
            (_OBSERVATION,),
        ),
        Check(
            "content-two-choices",
            "Two values of one choice are refused, or at least not returned",
            "formats.html#choice",
            Level.SHALL,
            _two_choices,
            (_OBSERVATION,),
        ),
        Check(
            "content-wrong-target",
            "A reference to a type that is not allowed there is refused, or at least not returned",
            "references.html",
            Level.SHALL,
            _wrong_target,
            (_OBSERVATION,),
        ),
        Check(
            "content-invalid-update",
            "An update with invalid content is refused and changes nothing",
            "http.html#rejecting-updates",
            Level.SHALL,
            _invalid_update,
            (need.interactions("create", "read", "update"),),
        ),
    ),
)
