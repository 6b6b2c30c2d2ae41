"""Fidelity: digits, characters, extensions, contained resources and partial dates survive storage.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from conformance import expect, flat
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.r4 import XML
from conformance.samples import Resource
from conformance.target import Target

_URL = "http://example.org/fhir/StructureDefinition/conformance"
_DIGITS = ("1.00", "0.010", "72.5000", "0.00000001", "123456789012345.678", "-3.0")
_TEXTS = {
    "accents and scripts": "Zoë Δημήτρης 山田 محمد",
    "a character beyond 16 bits": "\U0001f9ec\U00020bb7",
    "a combining accent": "e\u0301",
    "quotes and markup": "<b>&amp;\\\"'",
    "line and tab": "one\n\ttwo",
}


def _quantities() -> list[Resource]:
    return [{"code": {"text": digits}, "valueQuantity": {"value": Decimal(digits)}} for digits in _DIGITS]


def _decimals(target: Target) -> None:
    stored = target.create(target.samples.of("Observation", component=_quantities()))
    found = expect.resource(target.get(stored.path), "Observation")
    _compare([str(one.get("valueQuantity", {}).get("value")) for one in found.get("component", [])])


def _decimals_xml(target: Target) -> None:
    stored = target.create(target.samples.of("Observation", component=_quantities()))
    response = target.get(stored.path, accept=XML)
    expect.status(response, 200)
    table = flat.from_xml(response.body)
    path = "Observation.component[{}].valueQuantity[0].value[0]/@value"
    _compare([str(table.get(path.format(number))) for number in range(len(_DIGITS))])


def _compare(found: list[str]) -> None:
    if len(found) != len(_DIGITS):
        expect.fail(f"{len(found)} of {len(_DIGITS)} components were kept")
    for sent, got in zip(_DIGITS, found, strict=True):
        try:
            same = Decimal(got).as_tuple() == Decimal(sent).as_tuple()
        except InvalidOperation:
            same = False
        if not same:
            expect.fail(f"{sent} came back as {got}")


def _characters(target: Target) -> None:
    telecom = [{"system": "other", "value": text} for text in _TEXTS.values()]
    stored = target.create(telecom=telecom)
    found = target.read(stored).resource.get("telecom", [])
    for number, (what, sent) in enumerate(_TEXTS.items()):
        got = found[number].get("value") if number < len(found) else None
        if got != sent:
            expect.fail(f"{what}: {sent!r} came back as {got!r}")


def _kept(target: Target, resource: Resource) -> None:
    stored = target.read(target.create(resource))
    found = flat.differences(flat.from_json(resource), flat.from_json(stored.resource), but=("id", "meta", "text"))
    if found:
        expect.fail("; ".join(found[:8]))


def _extensions(target: Target) -> None:
    nested = {
        "url": _URL,
        "extension": [{"url": "a", "valueDecimal": Decimal("1.50")}, {"url": "b", "valueBoolean": False}],
    }
    _kept(target, target.samples.person(extension=[{"url": _URL, "valueString": "x"}, nested]))


def _primitive_extensions(target: Target) -> None:
    extra: dict[str, Any] = {"extension": [{"url": _URL, "valueString": "x"}]}
    line = {"line": ["one", None, "three"], "_line": [None, extra, {"id": "l3"}], "city": "Testville"}
    _kept(target, target.samples.person(_active=extra, address=[line]))


def _contained(target: Target) -> None:
    held = {"resourceType": "Organization", "id": "c1", "name": "Contained"}
    here = {"url": _URL, "valueReference": {"reference": "#c1", "display": "Contained"}}
    _kept(target, target.samples.person(contained=[held], extension=[here]))


def _dates(target: Target) -> None:
    texts = {"valueDate": "1970", "valueDateTime": "1970-03", "valueInstant": "2015-02-07T13:28:17.239+02:00"}
    _kept(target, target.samples.person(extension=[{"url": _URL, name: text} for name, text in texts.items()]))


def _narrative(target: Target) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Suite, 1 &lt; 2</p><table><tr><td>a</td></tr></table></div>'
    sent = target.samples.person(text={"status": "generated", "div": div})
    stored = target.read(target.create(sent))
    if found := flat.differences(flat.from_json(sent), flat.from_json(stored.resource), but=("id", "meta")):
        expect.fail("; ".join(found[:5]))


def _no_empty(target: Target) -> None:
    stored = target.sample()
    answers = [target.get("metadata"), target.get(stored.path)]
    if "search-type" in target.claims.of(stored.type).interactions:
        answers.append(target.get(f"{stored.type}?_count=1"))
    for response in answers:
        if place := _empty(expect.json(response), "$", is_primitive_list=False):
            expect.fail(f"{response} with {place}")


def _empty(value: object, path: str, *, is_primitive_list: bool) -> str | None:
    """Return where a value breaks the rules of FHIR's JSON, or None."""
    if value is None:
        return None if is_primitive_list else f"null at {path}"
    if value in ({}, [], ""):
        return f"an empty value at {path}"
    if isinstance(value, dict):
        places = (_empty(item, f"{path}.{name}", is_primitive_list=False) for name, item in value.items())
        return next((place for place in places if place), None)
    if isinstance(value, list):
        primitive = any(not isinstance(item, dict) for item in value) or path.rpartition(".")[2].startswith("_")
        places = (_empty(item, f"{path}[{i}]", is_primitive_list=primitive) for i, item in enumerate(value))
        return next((place for place in places if place), None)
    return None


_CREATE = need.interactions("create", "read")
_OBSERVATION = need.interactions("create", "read", of="Observation")

GROUP = Group(
    "fidelity",
    "Digits, characters, extensions and more survive storage",
    (
        Check(
            "fidelity-decimals",
            "A decimal keeps its digits: 1.00 does not become 1.0",
            "datatypes.html#decimal",
            Level.SHALL,
            _decimals,
            (_OBSERVATION,),
        ),
        Check(
            "fidelity-decimals-xml",
            "A decimal keeps its digits in XML",
            "datatypes.html#decimal",
            Level.SHALL,
            _decimals_xml,
            (_OBSERVATION, need.xml),
        ),
        Check(
            "fidelity-characters",
            "Text keeps its characters, of every script",
            "http.html#mime-type",
            Level.SHALL,
            _characters,
            (_CREATE,),
        ),
        Check(
            "fidelity-extensions",
            "Extensions, simple and nested, are kept",
            "extensibility.html#exchange",
            Level.SHOULD,
            _extensions,
            (_CREATE,),
        ),
        Check(
            "fidelity-primitive-extensions",
            "Extensions and ids of primitives are kept at their place, in lists too",
            "json.html#primitive",
            Level.SHOULD,
            _primitive_extensions,
            (_CREATE,),
        ),
        Check(
            "fidelity-contained",
            "Contained resources are kept",
            "references.html#contained",
            Level.SHOULD,
            _contained,
            (_CREATE,),
        ),
        Check(
            "fidelity-dates",
            "Dates keep their precision and their time zone",
            "datatypes.html#dateTime",
            Level.SHOULD,
            _dates,
            (_CREATE,),
        ),
        Check(
            "fidelity-narrative",
            "A narrative is kept",
            "narrative.html",
            Level.SHOULD,
            _narrative,
            (_CREATE,),
        ),
        Check(
            "fidelity-no-empty",
            "JSON holds no null but in lists of primitives, and no empty object, list or string",
            "json.html#null",
            Level.SHALL,
            _no_empty,
            (need.interactions("read"),),
        ),
    ),
)
