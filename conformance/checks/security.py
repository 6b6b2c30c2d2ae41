"""Security basics: what errors give away, hostile input, and requests without a token.

https://hl7.org/fhir/R4/security.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.exchange import Response
from conformance.r4 import FHIR_NAMESPACE, XML
from conformance.target import Target

_ABSENT = "conformance-no-such-id"
_LEAKS = {
    "a Python traceback": re.compile(r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+"),
    "a Java stack trace": re.compile(r"\bat [\w.$]+\([\w$]+\.(java|kt|scala):\d+\)|java\.lang\.\w+(Exception|Error)"),
    "a .NET stack trace": re.compile(r"\bat [\w.`<>]+\([^)]*\) in .+:line \d+|\bSystem\.\w+Exception:"),
    "a JavaScript stack trace": re.compile(r"\bat .+ \(?(/|file:|node:)[^)\s]+:\d+:\d+\)?"),
    "a Go or Rust panic": re.compile(r"goroutine \d+ \[|thread '[^']+' panicked at"),
    "SQL or a database error": re.compile(
        r"SQLSTATE|\bORA-\d{5}|psycopg|sqlite3\.|SELECT .+ FROM .+ WHERE|syntax error at or near"
    ),
}


def _provocations(target: Target) -> Iterator[Response]:
    kind = target.type
    for path in (
        f"{kind}/{_ABSENT}",
        f"{kind}/{'a' * 65}",
        f"{kind}/%00",
        f"{kind}/%FF",
        f"{kind}/..%2F..%2Fetc%2Fpasswd",
        f"{kind}/%27%20OR%201%3D1--",
        f"{kind}?_lastUpdated=%27%20OR%201%3D1--",
        f"{kind}?identifier=%27%3Bdrop%20table%20x%3B--",
        f"{kind}?_count=-1",
        f"{kind}?_count=99999999999999999999",
        f"{kind}?_sort=%27",
        f"{kind}/{_ABSENT}/_history/%00",
        "NoSuchType/1",
        "%00",
    ):
        yield target.get(path)
    yield target.get("metadata", accept="no/such;;;type")
    if "create" in target.subject.interactions:
        for body in (
            b"{",
            b"[]",
            b'{"resourceType":"Patient","active":{}}',
            b'{"resourceType":"Patient","birthDate":7}',
        ):
            yield target.send("POST", kind, body)
    yield target.send("POST", "", b"{")


def _no_traces(target: Target) -> None:
    for response in _provocations(target):
        for what, pattern in _LEAKS.items():
            if pattern.search(response.text):
                expect.fail(f"{response} with {what}")


def _no_crash(target: Target) -> None:
    broken = [str(response) for response in _provocations(target) if response.status >= 500 and response.status != 501]
    if broken:
        expect.fail("; ".join(broken))


def _no_reflection(target: Target) -> None:
    script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    for path in (script, f"{target.type}/{script}", f"{target.type}?{script}={script}"):
        response = target.get(path, accept="text/html,*/*;q=0.8")
        if "html" in response.media_type and "<script>alert(1)</script>" in response.text:
            expect.fail(f"{response} with a script of the URL in an HTML page")


def _no_header_injection(target: Target) -> None:
    for path in (f"{target.type}/a%0d%0aX-Injected:%20yes", f"{target.type}?_id=a%0d%0aX-Injected:%20yes"):
        response = target.get(path)
        if response.header("X-Injected") is not None:
            expect.fail(f"{response} with a header that the URL put in")


def _xxe(dtd: str, text: str) -> bytes:
    return (
        f'<?xml version="1.0"?><!DOCTYPE Patient [{dtd}]><Patient xmlns="{FHIR_NAMESPACE}">'
        f'<name><family value="{text}"/></name></Patient>'
    ).encode()


def _no_entities(target: Target) -> None:
    body = _xxe('<!ENTITY x "expanded-entity">', "&x;")
    expect.refused(target.send("POST", target.type, body.replace(b"Patient", target.type.encode()), content_type=XML))


def _no_external_entities(target: Target) -> None:
    body = (
        b'<?xml version="1.0"?><!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>'
        b'<div xmlns="http://www.w3.org/1999/xhtml">&x;</div></text></Patient>'
    )
    response = target.send("POST", target.type, body.replace(b"Patient", target.type.encode()), content_type=XML)
    if "root:" in response.text:
        expect.fail(f"{response} with a file of the server")
    expect.refused(response)


def _script_in_narrative(target: Target) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</p><script>alert(1)</script></div>'
    response = target.send("POST", target.type, target.samples.person(text={"status": "generated", "div": div}))
    if 400 <= response.status < 500:
        return
    expect.status(response, 201)
    if "<script" in target.get(target.stored(response, target.type).path).text:
        expect.fail("a narrative with a script was accepted and is returned")


def _token_needed(target: Target) -> None:
    if not target.client.has_token:
        raise Skipped("no token was given")
    stored = target.sample()
    response = target.send("GET", stored.path, anonymous=True)
    expect.status(response, 401, 403, 404)
    if response.status == 401:
        expect.header(response, "WWW-Authenticate")


def _token_wrong(target: Target) -> None:
    if not target.client.has_token:
        raise Skipped("no token was given")
    stored = target.sample()
    response = target.get(stored.path, headers={"Authorization": "Bearer no-such-token"})
    expect.status(response, 401, 403)


_READ = need.interactions("read")
_CREATE = need.interactions("create", "read")

GROUP = Group(
    "security",
    "Security basics",
    (
        Check(
            "security-no-traces",
            "Errors show no stack trace and no SQL",
            "security.html",
            Level.SHOULD,
            _no_traces,
            (_READ,),
        ),
        Check(
            "security-no-crash",
            "Hostile URLs and bodies are no error of the server (5xx)",
            "http.html#Status-Codes",
            Level.SHOULD,
            _no_crash,
            (_READ,),
        ),
        Check(
            "security-no-reflection",
            "No script of the URL stands in an HTML page of the server",
            "security.html",
            Level.SHALL,
            _no_reflection,
        ),
        Check(
            "security-no-header-injection",
            "Line breaks in a URL make no header",
            "security.html",
            Level.SHALL,
            _no_header_injection,
        ),
        Check(
            "security-no-dtd",
            "XML with a DTD is refused",
            "xml.html",
            Level.SHOULD,
            _no_entities,
            (_CREATE, need.xml),
        ),
        Check(
            "security-no-external-entity",
            "An external entity in XML is not read",
            "xml.html",
            Level.SHALL,
            _no_external_entities,
            (_CREATE, need.xml),
        ),
        Check(
            "security-narrative-script",
            "A script in a narrative is refused, or at least not returned",
            "narrative.html",
            Level.SHALL,
            _script_in_narrative,
            (_CREATE,),
        ),
        Check(
            "security-token-needed",
            "Where a token is needed, a request without one returns 401",
            "security.html#http",
            Level.SHALL,
            _token_needed,
            (_READ,),
        ),
        Check(
            "security-token-wrong",
            "A token that is none returns 401",
            "security.html#http",
            Level.SHALL,
            _token_wrong,
            (_READ,),
        ),
    ),
)
