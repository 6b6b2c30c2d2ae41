"""Errors: what is at fault is refused with a fitting status and an OperationOutcome, and nothing of it is kept.

https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
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
            "error-survives",
            "Hostile bodies are refused, and the server goes on serving",
            "http.html#Status-Codes",
            Level.SHALL,
            _survives,
        ),
    ),
)
