"""Errors: what is at fault is refused with a fitting status and an OperationOutcome, and nothing of it is kept.

https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from __future__ import annotations

from collections.abc import Callable

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Failed, Group, Level, Skipped
from conformance.exchange import Response
from conformance.json_content import decode, encode
from conformance.r4 import JSON, XML
from conformance.samples import Resource
from conformance.target import Target
from conformance.xml_writer import encode as encode_xml

_ABSENT = "conformance-no-such-id"


def _post(target: Target, body: bytes, content_type: str = JSON) -> Response:
    return target.send("POST", target.type, body, content_type=content_type)


def _truncated(target: Target) -> None:
    expect.status(_post(target, encode(target.samples.person())[:-20]), 400, 422)


def _no_json(target: Target) -> None:
    for body in (b"", b"no json", b"[]", b'"text"', b"null", b"{}", b'{"resourceType": 7}'):
        expect.refused(_post(target, body))


def _bad_utf8(target: Target) -> None:
    body = encode(target.samples.person(telecom=[{"system": "other", "value": "@@"}])).replace(b"@@", b"\xff\xfe")
    expect.refused(_post(target, body))


def _twice(target: Target) -> None:
    body = encode(target.samples.person(active=None))
    expect.refused(_post(target, body[:-1] + b',"active":true,"active":false}'))


def _not_a_number(target: Target) -> None:
    url = "http://example.org/fhir/StructureDefinition/conformance"
    body = encode(target.samples.person(extension=[{"url": url, "valueDecimal": "@@"}])).replace(b'"@@"', b"NaN")
    expect.refused(_post(target, body))


def _bad_xml(target: Target) -> None:
    whole = encode_xml(target.samples.person())
    for body in (whole[:-20], b"no xml", b"<Patient/>", whole.replace(b"http://hl7.org/fhir", b"http://example.org")):
        expect.refused(_post(target, body, content_type=XML))


def _unknown_type(target: Target) -> None:
    body: Resource = {"resourceType": "NoSuchType", "id": _ABSENT}
    expect.status(target.get("NoSuchType"), 400, 404)
    expect.status(target.get(f"NoSuchType/{_ABSENT}"), 404)
    expect.status(target.send("POST", "NoSuchType", body), 400, 404)


def _unknown_operation(target: Target) -> None:
    for path in (
        "$no-such-operation",
        f"{target.type}/$no-such-operation",
        f"{target.type}/{_ABSENT}/$no-such-operation",
    ):
        expect.refused(target.send("POST", path, {"resourceType": "Parameters"}))


def _wrong_method(target: Target) -> None:
    expect.refused(target.send("POST", f"{target.type}/{_ABSENT}", target.samples.person()))


def _illegal_id(target: Target) -> None:
    for wrong in ("a" * 65, "a_b", "a%20b", "%C3%A9"):
        body = target.samples.person(id=wrong.replace("%20", " ").replace("%C3%A9", "\u00e9"))
        expect.refused(target.send("PUT", f"{target.type}/{wrong}", body))


def _outcomes(target: Target) -> None:
    answers = [
        target.get(f"{target.type}/{_ABSENT}"),
        target.get("NoSuchType"),
        target.get(f"{target.type}/{'a' * 65}"),
        target.send("POST", target.type, b"{"),
        target.send("POST", target.type, {"resourceType": target.type, "active": {"not": "a boolean"}}),
    ]
    for response in answers:
        expect.refused(response)
        expect.outcome(response)
        if not expect.has_errors(expect.json(response)):
            expect.fail(f"{response} with an OperationOutcome that holds no error")


def _says(target: Target) -> None:
    response = target.send("POST", target.type, {"resourceType": target.type, "active": {"not": "a boolean"}})
    issue = expect.outcome(response)["issue"][0]
    if not (issue.get("diagnostics") or issue.get("details", {}).get("text")):
        expect.fail("the issue says nothing that a person could read")
    if not (issue.get("expression") or issue.get("location") or "active" in str(issue)):
        expect.fail("the issue does not tell which element is at fault")


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


def _survives(target: Target) -> None:
    if "create" not in target.subject.interactions:
        raise Skipped("the server claims no create")
    for body in (b"[" * 5000, b'{"resourceType":"Patient","active":1e999999}', b"\x00\x01\x02"):
        response = _post(target, body)
        if 200 <= response.status < 300:
            expect.fail(f"{response} to a body that is no resource")
    if decode(target.get("metadata").body).get("resourceType") != "CapabilityStatement":
        expect.fail("after bad requests the server no longer returns its CapabilityStatement")


_CREATE = need.interactions("create", "read")
_OBSERVATION = need.interactions("create", "read", of="Observation")

GROUP = Group(
    "errors",
    "Errors",
    (
        Check(
            "error-truncated-json",
            "JSON that ends early returns 400",
            "http.html#create",
            Level.SHALL,
            _truncated,
            (_CREATE,),
        ),
        Check(
            "error-not-json",
            "A body that is empty, or JSON but no resource, is refused",
            "http.html#create",
            Level.SHALL,
            _no_json,
            (_CREATE,),
        ),
        Check(
            "error-bad-utf8",
            "A body that is not UTF-8 is refused",
            "http.html#mime-type",
            Level.SHALL,
            _bad_utf8,
            (_CREATE,),
        ),
        Check(
            "error-property-twice",
            "JSON that names a property twice is refused",
            "json.html",
            Level.SHOULD,
            _twice,
            (_CREATE,),
        ),
        Check(
            "error-nan",
            "NaN, which is no JSON, is refused",
            "json.html",
            Level.SHALL,
            _not_a_number,
            (_CREATE,),
        ),
        Check(
            "error-bad-xml",
            "XML that is not well-formed, or not of FHIR's namespace, is refused",
            "xml.html",
            Level.SHALL,
            _bad_xml,
            (_CREATE, need.xml),
        ),
        Check(
            "error-unknown-type",
            "A type that is none returns 404",
            "http.html#create",
            Level.SHALL,
            _unknown_type,
        ),
        Check(
            "error-unknown-operation",
            "An operation that is none is refused",
            "operations.html",
            Level.SHALL,
            _unknown_operation,
        ),
        Check(
            "error-post-instance",
            "POST to the URL of an instance is refused",
            "http.html#summary",
            Level.SHALL,
            _wrong_method,
            (_CREATE,),
        ),
        Check(
            "error-illegal-id",
            "A PUT with an id that breaks the rules of ids is refused",
            "datatypes.html#id",
            Level.SHALL,
            _illegal_id,
            (need.interactions("update"),),
        ),
        Check(
            "error-outcome",
            "An error returns an OperationOutcome whose issues have valid codes and an error among them",
            "http.html#return",
            Level.SHOULD,
            _outcomes,
            (_CREATE,),
        ),
        Check(
            "error-says",
            "The OperationOutcome tells a person what is wrong, and where",
            "operationoutcome.html",
            Level.SHOULD,
            _says,
            (_CREATE,),
        ),
        Check(
            "error-wrong-shape",
            "An object where a primitive belongs is refused, or at least not returned",
            "http.html#create",
            Level.SHALL,
            _wrong_shape,
            (_CREATE,),
        ),
        Check(
            "error-wrong-json-type",
            "A string where a boolean belongs is refused, or at least not returned",
            "json.html#primitive",
            Level.SHALL,
            _wrong_json_type,
            (_CREATE,),
        ),
        Check(
            "error-not-a-list",
            "An object where a list belongs is refused, or at least not returned",
            "json.html#repeat",
            Level.SHALL,
            _not_a_list,
            (_CREATE,),
        ),
        Check(
            "error-unknown-element",
            "An element that R4 does not define is refused, or at least not returned",
            "validation.html",
            Level.SHALL,
            _unknown_element,
            (_CREATE,),
        ),
        Check(
            "error-empty-list",
            "An empty list is refused, or at least not returned",
            "json.html",
            Level.SHALL,
            _empty_list,
            (_CREATE,),
        ),
        Check(
            "error-bad-date",
            "A date that does not exist is refused, or at least not returned",
            "datatypes.html#date",
            Level.SHALL,
            _bad_date,
            (_CREATE,),
        ),
        Check(
            "error-bad-code",
            "A code that is not of a required binding is refused, or at least not returned",
            "terminologies.html#required",
            Level.SHALL,
            _bad_code,
            (_CREATE,),
        ),
        Check(
            "error-missing-element",
            "A resource without a mandatory element is refused, or at least not returned",
            "validation.html",
            Level.SHALL,
            _missing_element,
            (_OBSERVATION,),
        ),
        Check(
            "error-two-choices",
            "Two values of one choice are refused, or at least not returned",
            "formats.html#choice",
            Level.SHALL,
            _two_choices,
            (_OBSERVATION,),
        ),
        Check(
            "error-wrong-target",
            "A reference to a type that is not allowed there is refused, or at least not returned",
            "references.html",
            Level.SHALL,
            _wrong_target,
            (_OBSERVATION,),
        ),
        Check(
            "error-invalid-update",
            "An update with invalid content is refused and changes nothing",
            "http.html#rejecting-updates",
            Level.SHALL,
            _invalid_update,
            (need.interactions("create", "read", "update"),),
        ),
        Check(
            "error-survives",
            "Hostile bodies are refused, and the server goes on serving",
            "http.html#Status-Codes",
            Level.SHALL,
            _survives,
        ),
    ),
)
