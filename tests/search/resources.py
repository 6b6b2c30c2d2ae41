"""Hypothesis strategies for small sets of linked resources whose values collide and lie close to one another.

https://hl7.org/fhir/R4/resourcelist.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.search.datatypes import UCUM, span
from tests.search.oracle import Resource
from tests.stores import BASE_URL

Draw = Callable[[st.SearchStrategy[Any]], Any]

IDS = ("a", "b", "c", "a-1", "d", "e")  # the same for every type: a bare id names several resources
ABSENT = "gone"
SYSTEMS = ("urn:s", "urn:S", "http://loinc.org", "http://x.example/a,b|c$d")
CODES = ("a", "b", "ab", "A", "a,b", "a|b", "a$b", "a\\b", "a\\,b", "8867-4", "é", "a" * 260)
LABELS = ("Heart rate", "heart RATE, resting", "Hérz", "Temperature")
NAMES = (
    "Núñez", "nunez", "NUNEZ-b", "nun", "Nunn_%", "Straße", "strasse", "O'Neil", "Ng,a", "Łuk", "İpek", "ﬁnn", "FINN",
    "e\u0301a", "\u00e9a", "EA", "Ann Marie", "ann", "한글", "a\\b", "a|b$c", "n" * 210 + "x", "n" * 210 + "y",
)  # fmt: skip
DAYS = ("2020", "2020-02", "2020-02-29", "2020-03", "2020-03-01", "2020-12-31", "2021", "2021-01-01", "1969-12-31")
INSTANTS = (
    "2020-02-29T23:30:00Z", "2020-02-29T23:30:00-05:00", "2020-03-01T00:00:00+01:00", "2020-03-01T00:00:00Z",
    "2020-03-01T00:00:00.5Z", "2020-03-01T00:00:00.500Z", "2020-12-31T23:59:59.999Z", "2021-01-01T00:00:00.000+14:00",
    "2021-01-01T00:00:00-12:00", "2020-03-01T00:00:01Z",
)  # fmt: skip
NUMBERS = ("0", "0.8", "0.80", "0.800", "0.85", "0.849", "0.75", "0.7499", "0.88", "1", "1.0", "1E0", "0.5", "8E-1")
AMOUNTS = (
    "0", "1", "1.0", "1.00", "0.5", "0.50", "500", "499.5", "500.5", "1000", "1E3", "0.45359237", "0.454", "2", "2.2",
    "-1", "-1.0", "60", "1440", "0.000001",
)  # fmt: skip
MASSES, TIMES = ("mg", "g", "kg", "[lb_av]", "ug"), ("min", "h", "d", "s")
URLS = ("http://x.example/vs", "http://x.example/vs/1", "http://x.example/VS", "urn:oid:1.2.3", "http://x.example/a,b")
TYPES = (
    "Patient", "Observation", "Practitioner", "Organization", "Encounter", "Condition", "Appointment",
    "MedicationRequest", "Location", "ValueSet", "RiskAssessment", "Provenance",
)  # fmt: skip
_RARE = ("RiskAssessment", "ValueSet")  # they have the numbers and the URIs
LEAST, MOST = 5, 25


class Maker:
    """Draws the parts of one resource."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def one(self, values: Any) -> Any:
        """Return one of `values`."""
        return self.draw(st.sampled_from(values))

    def some(self, make: Callable[[], Any], most: int = 2) -> list[Any]:
        """Return up to `most` things."""
        return [make() for _ in range(self.draw(st.integers(0, most)))]

    def chance(self) -> bool:
        """Return True every other time."""
        return bool(self.draw(st.booleans()))

    def coding(self) -> dict[str, Any]:
        kept = self.one(("sc", "sc", "c", "scd", "s"))
        made = {"system": self.one(SYSTEMS), "code": self.one(CODES), "display": self.one(LABELS)}
        return {key: value for key, value in made.items() if key[0] in kept}

    def concept(self) -> dict[str, Any]:
        made: dict[str, Any] = {"coding": [self.coding() for _ in range(self.one((1, 1, 2)))]}
        if self.chance():
            made["text"] = self.one(LABELS)
            if self.one((False, False, True)):
                del made["coding"]
        return made

    def identifier(self) -> dict[str, Any]:
        made: dict[str, Any] = {"value": self.one(CODES)}
        if self.chance():
            made["system"] = self.one(SYSTEMS)
        if self.chance():
            coding = {"system": self.one(SYSTEMS[:2]), "code": self.one(CODES[:3])}
            made["type"] = {"coding": [coding], "text": self.one(LABELS)}
        return made

    def name(self) -> dict[str, Any]:
        parts = self.one(("family", "family given", "given", "text", "family given text prefix"))
        made: dict[str, Any] = {part: self.one(NAMES) for part in parts.split()}
        return {part: [value] if part in ("given", "prefix") else value for part, value in made.items()}

    def address(self) -> dict[str, Any]:
        made = {
            part: self.one(NAMES)
            for part in self.one(("city", "city country", "state text", "city postalCode")).split()
        }
        return {**made, "line": [self.one(NAMES)], "use": self.one(("home", "work"))}

    def telecom(self) -> dict[str, Any]:
        if self.chance():
            return {"system": "phone", "value": self.one(("+41 79 555 12 34", "0795551234", "(079) 555-1234"))}
        return {"system": "email", "value": self.one(("Ann@x.example", "bob@x.example"))}

    def moment(self) -> str:
        return str(self.one((*DAYS, *INSTANTS)))

    def period(self) -> dict[str, Any]:
        ends = sorted((self.one((*DAYS[:8], *INSTANTS)) for _ in range(2)), key=lambda text: span(text)[0])
        return dict(zip(self.one((("start", "end"), ("start",), ("end",), ("start", "end"))), ends, strict=False))

    def date(self, name: str) -> dict[str, Any]:
        """Return a choice of dateTime and Period, or nothing."""
        kind = self.one(("DateTime", "Period", ""))
        return {} if not kind else {name + kind: self.moment() if kind == "DateTime" else self.period()}

    def quantity(self, units: tuple[str, ...] = MASSES, *, simple: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {"value": Decimal(self.one(AMOUNTS))}
        unit = self.one(units)
        if not simple and self.one((False, False, False, True)):
            made["comparator"] = self.one(("<", "<=", ">=", ">"))
        if simple or self.one((True, True, True, False)):
            return {**made, "system": UCUM, "code": unit}
        return {**made, **self.one(({"unit": unit}, {}, {"system": "urn:s", "code": unit}, {"unit": "tbl"}))}

    def reference(self, *types: str) -> dict[str, Any]:
        type_, id_ = self.one(types), self.one((*IDS, *IDS, ABSENT))
        form = self.one(("local", "local", "local", "local", "base", "foreign", "logical", "display"))
        if form == "display":
            return {"display": "somebody"}
        if form == "logical":
            return {"type": type_, "identifier": self.identifier()}
        text = {"local": "", "base": f"{BASE_URL}/", "foreign": "https://elsewhere.example/"}[form]
        return {"reference": f"{text}{type_}/{id_}"}


def _patient(make: Maker) -> Resource:
    made: Resource = {"name": make.some(make.name), "identifier": make.some(make.identifier)}
    made |= {"telecom": make.some(make.telecom), "address": make.some(make.address, 1)}
    if make.chance():
        made |= {"gender": make.one(("male", "female")), "birthDate": make.one(DAYS)}
    if make.chance():
        made |= {"active": make.chance(), "managingOrganization": make.reference("Organization")}
    made |= make.one(({}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2020-03-01"}))
    made["generalPractitioner"] = make.some(lambda: make.reference("Practitioner", "Organization"))
    return made


def _practitioner(make: Maker) -> Resource:
    return {"name": make.some(make.name), "identifier": make.some(make.identifier, 1), "active": make.chance()}


def _organization(make: Maker) -> Resource:
    made: Resource = {"name": make.one(NAMES), "type": make.some(make.concept, 1)}
    made["alias"] = make.some(lambda: make.one(NAMES), 1)
    return made | ({"partOf": make.reference("Organization")} if make.chance() else {})


def _observation(make: Maker) -> Resource:
    made: Resource = {"status": make.one(("final", "amended")), "code": make.concept()}
    if make.one((True, True, False)):
        made["subject"] = make.reference("Patient", "Patient", "Location")
    made |= make.date("effective") | _value(make)
    made["component"] = make.some(lambda: {"code": make.concept(), **_value(make)})
    if any(_codes(part["code"]) & _codes(made["code"]) for part in made["component"]):  # invariant obs-7
        made = {key: found for key, found in made.items() if not key.startswith("value")}
    made["performer"] = make.some(lambda: make.reference("Practitioner", "Organization", "Patient"))
    made["hasMember"] = make.some(lambda: make.reference("Observation"), 1)
    return made | ({"encounter": make.reference("Encounter")} if make.chance() else {})


def _codes(concept: dict[str, Any]) -> set[str]:
    return {str(sorted(coding.items())) for coding in concept.get("coding", ())}


def _value(make: Maker) -> Resource:
    kind = make.one(("quantity", "quantity", "concept", "text", "date", ""))
    if kind == "date":
        return make.date("value")
    if kind == "concept":
        return {"valueCodeableConcept": make.concept()}
    if kind == "text":
        return {"valueString": make.one(NAMES)}
    return {"valueQuantity": make.quantity()} if kind else {}


def _encounter(make: Maker) -> Resource:
    made: Resource = {
        "status": make.one(("finished", "planned")),
        "class": make.coding(),
        "type": make.some(make.concept),
    }
    made |= {"subject": make.reference("Patient"), "period": make.period()}
    made["participant"] = make.some(lambda: {"individual": make.reference("Practitioner")})
    made["location"] = make.some(lambda: {"location": make.reference("Location"), "period": make.period()}, 1)
    if make.chance():
        made |= {"length": make.quantity(TIMES, simple=True), "serviceProvider": make.reference("Organization")}
    return made


def _condition(make: Maker) -> Resource:
    made: Resource = {"subject": make.reference("Patient"), "code": make.concept(), "category": make.some(make.concept)}
    if make.chance():
        made |= {"encounter": make.reference("Encounter"), "asserter": make.reference("Practitioner", "Patient")}
    if make.chance():
        return made | {"onsetString": make.one(NAMES), "recordedDate": make.moment()}
    return made | make.date("onset")


def _appointment(make: Maker) -> Resource:
    made: Resource = {"status": make.one(("proposed", "waitlist")), "serviceType": make.some(make.concept)}
    actors = ("Patient", "Practitioner", "Location")
    made["participant"] = [
        {"actor": make.reference(*actors), "status": make.one(("accepted", "declined"))}
        for _ in range(make.one((1, 2, 3)))
    ]
    return made | ({"start": make.one(INSTANTS), "end": "2021-02-01T00:00:00Z"} if make.chance() else {})


def _medication_request(make: Maker) -> Resource:
    made: Resource = {"status": make.one(("active", "stopped")), "intent": make.one(("order", "plan"))}
    made |= {"subject": make.reference("Patient"), "medicationCodeableConcept": make.concept()}
    made["dosageInstruction"] = make.some(lambda: {"timing": {"event": [make.moment() for _ in range(2)]}}, 1)
    if make.chance():
        made |= {"authoredOn": make.moment(), "requester": make.reference("Practitioner", "Patient", "Organization")}
    if make.one((False, False, True)):
        made["contained"] = [{"resourceType": "Practitioner", "id": "dr", **_practitioner(make)}]
        made["requester"] = {"reference": "#dr"}
    return made | ({"encounter": make.reference("Encounter")} if make.chance() else {})


def _location(make: Maker) -> Resource:
    made: Resource = {"status": make.one(("active", "suspended")), "name": make.one(NAMES)}
    made["managingOrganization"] = make.reference("Organization")
    return made | ({"partOf": make.reference("Location"), "address": make.address()} if make.chance() else {})


def _value_set(make: Maker) -> Resource:
    made: Resource = {"status": make.one(("active", "draft")), "url": make.one(URLS), "version": make.one(CODES[:4])}
    if make.chance():
        made |= {"date": make.moment(), "title": make.one(NAMES), "publisher": make.one(NAMES)}
    contexts = [{"code": make.coding(), "valueQuantity": make.quantity()} for _ in range(make.one((0, 1, 2)))]
    return {**made, "jurisdiction": make.some(make.concept, 1), "useContext": contexts}


def _risk_assessment(make: Maker) -> Resource:
    made: Resource = {"status": "final", "subject": make.reference("Patient")}
    numbers = [Decimal(make.one(NUMBERS)) for _ in range(make.one((0, 1, 2)))]
    made["prediction"] = [{"probabilityDecimal": number} for number in numbers]
    if make.one((False, False, True)):
        limits = sorted(Decimal(make.one(NUMBERS)) for _ in range(2))
        made["prediction"].append({"probabilityRange": {"low": {"value": limits[0]}, "high": {"value": limits[1]}}})
    return made | ({"occurrenceDateTime": make.moment()} if make.chance() else {})


def _provenance(make: Maker) -> Resource:
    made: Resource = {"recorded": make.one(INSTANTS), "agent": [{"who": make.reference("Practitioner", "Patient")}]}
    made["target"] = [make.reference(*TYPES) for _ in range(make.one((1, 2)))]
    return made


_MAKERS: dict[str, Callable[[Maker], Resource]] = {
    "Patient": _patient, "Practitioner": _practitioner, "Organization": _organization, "Observation": _observation,
    "Encounter": _encounter, "Condition": _condition, "Appointment": _appointment,
    "MedicationRequest": _medication_request, "Location": _location, "ValueSet": _value_set,
    "RiskAssessment": _risk_assessment, "Provenance": _provenance,
}  # fmt: skip


def _meta(make: Maker) -> Resource:
    made: Resource = {"tag": make.some(make.coding), "security": make.some(make.coding, 1)}
    made["profile"] = make.some(
        lambda: make.one(("http://x.example/p", "http://x.example/p|1.0", "http://x.example/q"))
    )
    return made | ({"source": make.one(URLS)} if make.chance() else {})


@st.composite
def resource_sets(draw: Draw, least: int = LEAST, most: int = MOST) -> list[Resource]:
    """Draw resources with ids that are unique within their type; some references lead to nobody."""
    make = Maker(draw)
    # Few types, so that there are several resources of each to tell apart.
    kinds = draw(st.lists(st.sampled_from((*TYPES, *_RARE)), min_size=3, max_size=6, unique=True))
    count = min(draw(st.integers(least, most)), len(kinds) * len(IDS))
    name = st.tuples(st.sampled_from(kinds), st.sampled_from(IDS))
    names = draw(st.lists(name, min_size=count, max_size=count, unique=True))
    made = []
    for type_, id_ in names:
        body = {"resourceType": type_, "id": id_, **_MAKERS[type_](make)}
        if make.chance():
            body["meta"] = _meta(make)
        made.append(cleaned(body))
    return made


def cleaned(resource: Resource) -> Resource:
    """Return a resource without empty lists and objects, which FHIR does not allow."""
    return {key: value for key, value in ((k, _clean(v)) for k, v in resource.items()) if value not in ([], {})}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return cleaned(value)
    if isinstance(value, list):
        return [kept for kept in map(_clean, value) if kept not in ([], {})]
    return value
