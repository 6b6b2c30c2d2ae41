"""Content negotiation, and what JSON and XML keep.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from __future__ import annotations

from uuid import uuid4

from lxml import etree

from conformance import expect, flat
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.exchange import Response
from conformance.json_content import encode
from conformance.ledger import located
from conformance.r4 import FHIR_NAMESPACE, JSON, XML
from conformance.target import Target
from conformance.xml_writer import encode as encode_xml

_JSON_NAMES = ("json", "application/json", "application/fhir+json")
_XML_NAMES = ("xml", "text/xml", "application/xml", "application/fhir+xml")


def _is_json(response: Response) -> None:
    expect.status(response, 200)
    if "json" not in response.media_type:
        expect.fail(f"{response} as {response.media_type!r}, expected {JSON}")
    expect.json(response)


def _is_xml(response: Response) -> flat.Table:
    expect.status(response, 200, 201)
    if "xml" not in response.media_type:
        expect.fail(f"{response} as {response.media_type!r}, expected {XML}")
    return _table(response)


def _table(response: Response) -> flat.Table:
    try:
        return flat.from_xml(response.body)
    except flat.NotXml as error:
        expect.fail(f"{response} with XML that is not FHIR's: {error}")


def _media_types(target: Target) -> None:
    stored = target.sample()
    response = target.get(stored.path, accept=JSON)
    if response.media_type != JSON:
        expect.fail(f"{response} as {response.header('Content-Type')!r}, expected {JSON}")
    charset = (response.header("Content-Type") or "").lower().partition("charset=")[2].strip('" ')
    if charset not in ("", "utf-8"):
        expect.fail(f"{response} in {charset}, expected UTF-8")
    if target.claims.xml:
        response = target.get(stored.path, accept=XML)
        if response.media_type != XML:
            expect.fail(f"{response} as {response.header('Content-Type')!r}, expected {XML}")


def _xml(target: Target) -> None:
    stored = target.sample()
    table = _is_xml(target.get(stored.path, accept=XML))
    if table.get(f"{stored.type}.id[0]/@value") != stored.id:
        expect.fail("the XML is not the resource that was asked for")


def _format_json(target: Target) -> None:
    stored = target.sample()
    for name in _JSON_NAMES:
        accept = XML if target.claims.xml else "*/*"
        _is_json(target.get(f"{stored.path}?_format={name.replace('+', '%2B')}", accept=accept))


def _format_xml(target: Target) -> None:
    stored = target.sample()
    for name in _XML_NAMES:
        _is_xml(target.get(f"{stored.path}?_format={name.replace('+', '%2B')}", accept=JSON))


def _generic(target: Target) -> None:
    stored = target.sample()
    names = ["application/json", *(["application/xml"] if target.claims.xml else [])]
    for name in names:
        response = target.get(stored.path, accept=name)
        expect.status(response, 200)
        if response.media_type != name:
            expect.fail(f"{response} as {response.media_type!r} to Accept: {name}")


def _quality_json(target: Target) -> None:
    stored = target.sample()
    _is_json(target.get(stored.path, accept=f"{XML};q=0.2, {JSON};q=0.9"))
    _is_json(target.get(stored.path, accept=f"application/pdf, {JSON};q=0.1"))


def _quality_xml(target: Target) -> None:
    stored = target.sample()
    _is_xml(target.get(stored.path, accept=f"{JSON};q=0.2, {XML};q=0.9"))
    _is_xml(target.get(stored.path, accept=f"{JSON};q=0, {XML}"))


def _anything(target: Target) -> None:
    stored = target.sample()
    for accept in ("*/*", None, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"):
        expect.status(target.get(stored.path, accept=accept), 200)


def _not_acceptable(target: Target) -> None:
    expect.status(target.get(target.sample().path, accept="application/pdf"), 406)


def _unsupported(target: Target) -> None:
    body = encode(target.samples.person())
    expect.status(target.send("POST", target.type, body, content_type="text/plain"), 415)


def _charset(target: Target) -> None:
    for content_type in (f"{JSON};charset=UTF-8", f'{JSON}; charset="utf-8"'):
        expect.status(target.send("POST", target.type, target.samples.person(), content_type=content_type), 201)


def _fhir_version(target: Target) -> None:
    name = f"{JSON}; fhirVersion=4.0"
    response = target.send("POST", target.type, target.samples.person(), content_type=name, accept=name)
    expect.status(response, 201)


def _mislabelled(target: Target) -> None:
    expect.refused(target.send("POST", target.type, encode(target.samples.person()), content_type=XML))


def _xml_create(target: Target) -> None:
    sent = target.samples.person()
    response = target.send("POST", target.type, encode_xml(sent), content_type=XML)
    expect.status(response, 201)
    of_xml = target.read(target.stored(response, target.type))
    of_json = target.read(target.create(sent))
    tables = flat.from_json(of_json.resource), flat.from_json(of_xml.resource)
    if found := flat.differences(*tables, but=("id", "meta", "text")):
        expect.fail("the same resource sent as XML and as JSON is stored differently: " + "; ".join(found[:5]))


def _xml_update(target: Target) -> None:
    stored = target.create(active=True)
    changed = target.samples.person()
    ordered = {"resourceType": target.type, "id": stored.id, **changed, "active": False}
    response = target.send("PUT", stored.path, encode_xml(ordered), content_type=XML, headers=target.guard(stored))
    expect.status(response, 200)
    if target.read(stored).resource.get("active") is not False:
        expect.fail("the update that was sent as XML was not made")


def _equal(target: Target) -> None:
    stored = target.create(target.samples.person(**_rich()))
    as_json = flat.from_json(target.read(stored).resource)
    as_xml = _is_xml(target.get(stored.path, accept=XML))
    if found := flat.differences(as_json, as_xml):
        expect.fail("XML differs from JSON: " + "; ".join(found[:8]))


def _rich() -> dict[str, object]:
    url = "http://example.org/fhir/StructureDefinition/conformance"
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a">1 &lt; 2 &amp; <b>bold</b><br/>caf\u00e9</p></div>'
    return {
        "text": {"status": "generated", "div": div},
        "extension": [{"url": url, "valueString": "x"}, {"url": url, "extension": [{"url": "a", "valueInteger": 3}]}],
        "_active": {"extension": [{"url": url, "valueCode": "y"}]},
    }


def _xml_bundle(target: Target) -> None:
    stored = target.create()
    criteria = target.criteria(target.value_of(stored))
    target.found(target.type, criteria, 1)
    table = _is_xml(target.get(f"{target.type}?{criteria}", accept=XML))
    if table.get("Bundle.type[0]/@value") != "searchset":
        expect.fail("a search in XML returns no searchset")
    if table.get(f"Bundle.entry[0].resource[0]/{target.type}.id[0]/@value") != stored.id:
        expect.fail("the searchset in XML does not hold the match")


def _pretty(target: Target) -> None:
    stored = target.sample()
    plain, pretty = target.get(stored.path), target.get(f"{stored.path}?_pretty=true")
    _is_json(pretty)
    if expect.json(plain) != expect.json(pretty):
        expect.fail("_pretty=true changes the content")


def _error_format(target: Target) -> None:
    response = target.get(f"{target.type}/conformance-no-such-id", accept=XML)
    expect.status(response, 404)
    if "xml" not in response.media_type:
        expect.fail(f"{response} as {response.media_type!r} to Accept: {XML}")
    if not any(path.startswith("OperationOutcome.issue[0]") for path in _table(response)):
        expect.fail("the error in XML is no OperationOutcome")


def _xml_prefix(target: Target) -> None:
    sent = target.samples.person()
    root = flat.parse_xml(encode_xml(sent))
    prefixed = etree.Element(root.tag, nsmap={"f": FHIR_NAMESPACE})
    prefixed.extend(list(root))
    prefixed.insert(0, etree.Comment(" a comment "))
    etree.cleanup_namespaces(prefixed)
    body = etree.tostring(prefixed, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    response = target.send("POST", target.type, body, content_type=XML)
    expect.status(response, 201)
    if target.value_of(target.read(target.stored(response, target.type))) != target.value_of(sent):
        expect.fail("the XML with a namespace prefix was stored as something else")


def _xml_transaction(target: Target) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{uuid4()}",
                "resource": target.samples.person(),
                "request": {"method": "POST", "url": target.type},
            }
        ],
    }
    table = _is_xml(target.send("POST", "", encode_xml(body), content_type=XML, accept=XML))
    if table.get("Bundle.type[0]/@value") != "transaction-response":
        expect.fail("a transaction in XML is not answered with a transaction-response")
    place = located(table.get("Bundle.entry[0].response[0].location[0]/@value"))
    if place is None:
        expect.fail("the entry of the answer has no location")
    target.ledger.add(place[:2])
    expect.resource(target.get("/".join(place[:2])), target.type)


def _json_order(target: Target) -> None:
    sent = target.samples.person()
    turned = dict(reversed(sent.items()))
    response = target.send("POST", target.type, b"\n  " + encode(turned) + b"\n")
    expect.status(response, 201)
    found = target.read(target.stored(response, target.type)).resource
    if differences := flat.differences(flat.from_json(sent), flat.from_json(found), but=("id", "meta", "text")):
        expect.fail("; ".join(differences[:5]))


def _json_escapes(target: Target) -> None:
    body = encode(target.samples.person(telecom=[{"system": "other", "value": "@@"}]))
    response = target.send("POST", target.type, body.replace(b"@@", b"\\u00e9\\ud83e\\uddec\\/"))
    expect.status(response, 201)
    found = target.read(target.stored(response, target.type)).resource
    if (value := found["telecom"][0].get("value")) != "\u00e9\U0001f9ec/":
        expect.fail(f"escaped characters came back as {value!r}")


def _format_wins(target: Target) -> None:
    body = target.samples.person()
    response = target.send("POST", f"{target.type}?_format=xml", body, headers={"Prefer": "return=representation"})
    expect.status(response, 201)
    if "xml" not in response.media_type:
        expect.fail(f"{response} as {response.media_type!r}, expected XML")


def _format_unknown(target: Target) -> None:
    expect.refused(target.get(f"{target.sample().path}?_format=application/pdf"))


def _case(target: Target) -> None:
    stored = target.sample()
    _is_json(target.get(stored.path, accept="Application/FHIR+JSON"))
    response = target.send(
        "POST", target.type, target.samples.person(), content_type="APPLICATION/fhir+json; Charset=utf-8"
    )
    expect.status(response, 201)


_READ = need.interactions("read")
_CREATE = need.interactions("create", "read")

GROUP = Group(
    "formats",
    "Content negotiation, JSON and XML",
    (
        Check(
            "format-media-type",
            "Responses have the media type application/fhir+json or application/fhir+xml, in UTF-8",
            "http.html#mime-type",
            Level.SHALL,
            _media_types,
            (_READ,),
        ),
        Check(
            "format-xml",
            "Accept: application/fhir+xml returns the resource as XML",
            "http.html#mime-type",
            Level.SHALL,
            _xml,
            (_READ, need.xml),
        ),
        Check(
            "format-param-json",
            "_format=json and its other names override Accept",
            "http.html#parameters",
            Level.SHOULD,
            _format_json,
            (_READ,),
        ),
        Check(
            "format-param-xml",
            "_format=xml and its other names override Accept",
            "http.html#parameters",
            Level.SHOULD,
            _format_xml,
            (_READ, need.xml),
        ),
        Check(
            "format-generic",
            "Accept: application/json or application/xml is answered with that media type",
            "http.html#mime-type",
            Level.SHOULD,
            _generic,
            (_READ,),
        ),
        Check(
            "format-q-json",
            "Accept with q-values that prefer JSON returns JSON",
            "http.html#mime-type",
            Level.SHALL,
            _quality_json,
            (_READ,),
        ),
        Check(
            "format-q-xml",
            "Accept with q-values that prefer XML returns XML",
            "http.html#mime-type",
            Level.SHALL,
            _quality_xml,
            (_READ, need.xml),
        ),
        Check(
            "format-any",
            "Accept: */*, no Accept, and a browser's Accept are answered",
            "http.html#mime-type",
            Level.SHALL,
            _anything,
            (_READ,),
        ),
        Check(
            "format-406",
            "Accept for a format that is not supported returns 406",
            "http.html#mime-type",
            Level.SHOULD,
            _not_acceptable,
            (_READ,),
        ),
        Check(
            "format-415",
            "A body in a format that is not supported returns 415",
            "http.html#mime-type",
            Level.SHOULD,
            _unsupported,
            (_CREATE,),
        ),
        Check(
            "format-charset",
            "A charset of UTF-8 may be named in the Content-Type",
            "http.html#mime-type",
            Level.SHALL,
            _charset,
            (_CREATE,),
        ),
        Check(
            "format-fhir-version",
            "The media type may carry fhirVersion=4.0",
            "http.html#version-parameter",
            Level.SHALL,
            _fhir_version,
            (_CREATE,),
        ),
        Check(
            "format-mislabelled",
            "JSON that is called XML is refused",
            "http.html#mime-type",
            Level.SHALL,
            _mislabelled,
            (_CREATE,),
        ),
        Check(
            "format-xml-create",
            "A create in XML is accepted, and reads the same as JSON",
            "xml.html",
            Level.SHALL,
            _xml_create,
            (_CREATE, need.xml),
        ),
        Check(
            "format-xml-update",
            "An update in XML is accepted",
            "xml.html",
            Level.SHALL,
            _xml_update,
            (_CREATE, need.xml, need.interactions("update")),
        ),
        Check(
            "format-xml-equals-json",
            "XML and JSON of a resource hold the same",
            "json.html#xml",
            Level.SHALL,
            _equal,
            (_CREATE, need.xml),
        ),
        Check(
            "format-xml-bundle",
            "A search returns its Bundle as XML",
            "http.html#mime-type",
            Level.SHALL,
            _xml_bundle,
            (_CREATE, need.xml, need.interactions("search-type"), need.search_param("identifier")),
        ),
        Check(
            "format-pretty",
            "_pretty makes no difference to the content",
            "http.html#parameters",
            Level.SHALL,
            _pretty,
            (_READ,),
        ),
        Check(
            "format-error",
            "An error is returned in the format that was asked for",
            "http.html#mime-type",
            Level.SHOULD,
            _error_format,
            (_READ, need.xml),
        ),
        Check(
            "format-xml-prefix",
            "XML with a namespace prefix, comments and line breaks is the same XML",
            "xml.html",
            Level.SHALL,
            _xml_prefix,
            (_CREATE, need.xml),
        ),
        Check(
            "format-xml-transaction",
            "A transaction may be sent and answered in XML",
            "http.html#mime-type",
            Level.SHALL,
            _xml_transaction,
            (_CREATE, need.xml, need.system("transaction")),
        ),
        Check(
            "format-json-order",
            "The order of properties and white space in JSON have no meaning",
            "json.html",
            Level.SHALL,
            _json_order,
            (_CREATE,),
        ),
        Check(
            "format-json-escapes",
            "Characters that JSON escapes are those characters",
            "json.html",
            Level.SHALL,
            _json_escapes,
            (_CREATE,),
        ),
        Check(
            "format-param-create",
            "_format decides the format of the answer to a create, not that of its body",
            "http.html#parameters",
            Level.SHOULD,
            _format_wins,
            (_CREATE, need.xml),
        ),
        Check(
            "format-param-unknown",
            "_format for a format that is not supported is refused",
            "http.html#parameters",
            Level.SHOULD,
            _format_unknown,
            (_READ,),
        ),
        Check(
            "format-case",
            "The names of media types are not case sensitive",
            "http.html#mime-type",
            Level.SHALL,
            _case,
            (_CREATE,),
        ),
    ),
)
