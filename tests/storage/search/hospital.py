"""A small hospital in which everything exists twice: on the side of Ann and on the side of Bob, and across.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html

The two sides refer to each other in both directions, so that whoever may see one of them has a path to the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]

SIDES = ("ann", "bob")
LOINC, UCUM, COLOURS = "http://loinc.org", "http://unitsofmeasure.org", "http://clinic.example/colours"
_XHTML = "http://www.w3.org/1999/xhtml"


def documents() -> list[Resource]:
    """Return the resources of both sides and those that belong to both or to none."""
    return [document for side in SIDES for document in _side(side)] + list(_shared())


def later() -> list[Resource]:
    """Return the second versions of some of them."""
    changed = {"Observation/ann-1", "Observation/bob-1", "Patient/bob", "Organization/ann", "List/bob"}
    return [each | {"language": "de"} for each in documents() if f"{each['resourceType']}/{each['id']}" in changed]


def _to(type_: str, id_: str) -> Resource:
    return {"reference": f"{type_}/{id_}"}


def _concept(code: str, system: str = COLOURS, text: str = "") -> Resource:
    return {"coding": [{"system": system, "code": code, "display": f"Display of {code}"}], "text": text or code}


def _narrative(text: str) -> Resource:
    return {"status": "generated", "div": f'<div xmlns="{_XHTML}">{text}</div>'}


def _side(side: str) -> Iterator[Resource]:
    other = "bob" if side == "ann" else "ann"
    for document in (*_people(side, other), *_care(side, other), *_records(side, other), *_terms(side)):
        document.setdefault("meta", {"tag": [{"system": "urn:tag", "code": side}]})
        yield document


def _people(side: str, other: str) -> Iterator[Resource]:
    first = side == "ann"
    yield {
        "resourceType": "Patient", "id": side, "active": first, "gender": "female" if first else "male",
        "birthDate": "1980-02-01" if first else "1990-03-02",
        "name": [{"family": f"{side}son", "given": [side, "Kim"], "use": "official"}],
        "identifier": [
            {"type": _concept("MR", "urn:types"), "system": "urn:mrn", "value": side},
            {"system": "urn:other", "value": "shared"},
        ],
        "telecom": [{"system": "phone", "value": f"+41 {7 if first else 8}9 555"}],
        "address": [{"city": f"{side}town", "country": "CH"}],
        "generalPractitioner": [_to("Practitioner", side)], "managingOrganization": _to("Organization", side),
        "text": _narrative(f"narrative of {side}"),
        "meta": {
            "tag": [{"system": "urn:tag", "code": side}, {"system": "urn:tag", "code": "both"}],
            "security": [{"system": "urn:sec", "code": f"R-{side}"}],
            "profile": [f"http://clinic.example/profile/{side}"], "source": f"http://clinic.example/{side}",
        },
    }  # fmt: skip
    yield {
        "resourceType": "Practitioner", "id": side, "active": True, "name": [{"family": f"Doctor {side}"}],
        "identifier": [{"system": "urn:dr", "value": side}],
    }  # fmt: skip
    yield {
        "resourceType": "PractitionerRole", "id": side, "practitioner": _to("Practitioner", side),
        "organization": _to("Organization", other), "location": [_to("Location", side)],
    }  # fmt: skip
    yield {
        "resourceType": "Organization", "id": side, "name": f"Ward {side}", "active": True,
        "partOf": _to("Organization", other), "endpoint": [],
    }  # fmt: skip
    yield {
        "resourceType": "Location", "id": side, "name": f"Room {side}",
        "managingOrganization": _to("Organization", side), "partOf": _to("Location", other),
        "position": {"latitude": Decimal("46.95" if first else "46.96"), "longitude": Decimal("7.44")},
    }  # fmt: skip
    yield {
        "resourceType": "RelatedPerson", "id": side, "patient": _to("Patient", side), "active": True,
        "name": [{"family": f"Kin of {side}"}], "relationship": [_concept("kin")],
    }  # fmt: skip


def _care(side: str, other: str) -> Iterator[Resource]:
    year = "2021" if side == "ann" else "2022"
    yield {
        "resourceType": "Encounter", "id": side, "status": "finished", "class": {"system": "urn:class", "code": side},
        "subject": _to("Patient", side), "participant": [{"individual": _to("Practitioner", side)}],
        "location": [{"location": _to("Location", side), "period": {"start": f"{year}-01-01"}}],
        "serviceProvider": _to("Organization", side), "period": {"start": f"{year}-01-01", "end": f"{year}-01-09"},
        "length": {"value": 8 if side == "ann" else 9, "unit": "days", "system": UCUM, "code": "d"},
        "diagnosis": [{"condition": _to("Condition", other)}],
    }  # fmt: skip
    yield {
        "resourceType": "Encounter", "id": f"{side}-2", "status": "planned",
        "class": {"system": "urn:class", "code": "both"}, "subject": _to("Patient", side),
        "partOf": _to("Encounter", other), "episodeOfCare": [],
        "participant": [{"individual": _to("Practitioner", other)}], "period": {"start": f"{year}-05"},
    }  # fmt: skip
    yield {
        "resourceType": "Appointment", "id": side, "status": "booked", "start": f"{year}-02-01T08:00:00Z",
        "end": f"{year}-02-01T09:00:00Z", "serviceType": [_concept(f"{side}-service")],
        "participant": [
            {"actor": _to(kind, side), "status": "accepted"} for kind in ("Patient", "Practitioner", "Location")
        ],
    }  # fmt: skip
    yield {
        "resourceType": "MedicationRequest", "id": side, "status": "active", "intent": "order",
        "subject": _to("Patient", side), "medicationCodeableConcept": _concept("red"), "authoredOn": f"{year}-03-01",
        "requester": {"reference": "#dr"}, "encounter": _to("Encounter", f"{side}-2"),
        "performer": _to("Practitioner", other),
        "dosageInstruction": [{"timing": {"event": [f"{year}-03-02", f"{year}-03-09"]}}],
        "contained": [{"resourceType": "Practitioner", "id": "dr", "name": [{"family": f"Inner {side}"}]}],
    }  # fmt: skip


def _records(side: str, other: str) -> Iterator[Resource]:
    value = Decimal("70" if side == "ann" else "90")
    pulse = {"value": value, "unit": "/min", "system": UCUM, "code": "/min"}
    mass = {"value": value, "unit": "kg", "system": UCUM, "code": "kg"}
    common = {"resourceType": "Observation", "status": "final", "subject": _to("Patient", side)}
    yield common | {
        "id": f"{side}-1", "code": _concept("8867-4", LOINC), "valueQuantity": pulse,
        "effectiveDateTime": f"2021-01-0{int(value) // 20}T10:00:00Z", "encounter": _to("Encounter", side),
        "performer": [_to("Practitioner", side)], "hasMember": [_to("Observation", f"{side}-2")],
        "derivedFrom": [_to("Observation", f"{other}-1")], "category": [_concept("vital")],
        "identifier": [{"system": "urn:obs", "value": f"{side}-1"}], "note": [{"text": f"word{side} common"}],
        "component": [
            {"code": _concept("light"), "valueQuantity": mass}, {"code": _concept("dark"), "valueQuantity": pulse},
        ],
        "meta": {"tag": [{"system": "urn:tag", "code": "both"}]},
    }  # fmt: skip
    yield common | {
        "id": f"{side}-2", "code": _concept("red"), "valueCodeableConcept": _concept("blue", text=f"Blue {side}"),
        "effectivePeriod": {"start": "2021-01-02", "end": "2021-02"}, "encounter": _to("Encounter", other),
        "performer": [_to("Practitioner", other)], "hasMember": [_to("Observation", f"{other}-2")],
        "device": {"identifier": {"system": "urn:dev", "value": side}, "type": "Device"},
    }  # fmt: skip
    yield common | {
        "id": f"{side}-3", "status": "amended", "code": _concept(f"only-{side}"), "valueString": f"Text of {side}",
        "effectiveDateTime": "2021", "performer": [_to("Organization", other)],
        "focus": [{"reference": f"https://elsewhere.example/Patient/{side}"}],
    }  # fmt: skip
    yield {
        "resourceType": "Condition", "id": side, "subject": _to("Patient", side), "code": _concept("dark"),
        "encounter": _to("Encounter", other), "asserter": _to("Practitioner", other), "recordedDate": "2021-04-01",
        "onsetString": f"Onset {side}", "severity": _concept(f"severe-{side}"),
        "evidence": [{"detail": [_to("Observation", f"{other}-1")]}],
    }  # fmt: skip
    yield {
        "resourceType": "RiskAssessment", "id": side, "status": "final", "subject": _to("Patient", side),
        "prediction": [{"probabilityDecimal": value / 100}], "basis": [_to("Observation", f"{other}-1")],
        "encounter": {"reference": "#e"}, "contained": [
            {
                "resourceType": "Encounter", "id": "e", "status": "planned",
                "class": {"system": "urn:class", "code": side},
                "subject": _to("Patient", other), "serviceProvider": _to("Organization", other),
            },
        ],
    }  # fmt: skip
    yield {
        "resourceType": "List", "id": side, "status": "current", "mode": "working", "title": f"List of {side}",
        "subject": _to("Patient", side), "code": _concept("problems"),
        "entry": [{"item": _to(*item)} for item in _mixed(side, other)],
    }  # fmt: skip
    yield {
        "resourceType": "Provenance", "id": side, "recorded": "2021-01-01T00:00:00Z",
        "target": [_to(*item) for item in _mixed(side, other)], "agent": [{"who": _to("Practitioner", other)}],
    }  # fmt: skip
    yield {
        "resourceType": "AuditEvent", "id": side, "recorded": "2021-01-01T00:00:00Z",
        "type": {"system": "urn:audit", "code": side}, "source": {"observer": _to("Organization", side)},
        "agent": [{"requestor": True, "who": _to("Practitioner", side)}],
        "entity": [{"what": _to(kind, side)} for kind in ("Patient", "Condition")],
    }  # fmt: skip
    yield {
        "resourceType": "Group", "id": side, "type": "person", "actual": True, "code": _concept("cohort"),
        "member": [{"entity": _to("Patient", side)}], "characteristic": [
            {"code": _concept("light"), "valueCodeableConcept": _concept(f"dark-{side}"), "exclude": False}
        ],
    }  # fmt: skip


def _mixed(side: str, other: str) -> list[tuple[str, str]]:
    return [("Patient", side), ("Observation", f"{side}-1"), ("Observation", f"{other}-1"), ("Encounter", f"{other}-2")]


def _terms(side: str) -> Iterator[Resource]:
    system = f"http://clinic.example/cs/{side}"
    yield {
        "resourceType": "CodeSystem", "id": side, "url": system, "status": "active", "content": "complete",
        "concept": [{"code": f"top-{side}", "concept": [{"code": f"only-{side}"}]}],
    }  # fmt: skip
    yield {
        "resourceType": "ValueSet", "id": side, "url": f"http://clinic.example/vs/{side}", "status": "active",
        "name": f"Values_{side}", "version": "1.0",
        "compose": {"include": [{"system": COLOURS, "concept": [{"code": "red"}, {"code": f"only-{side}"}]}]},
    }  # fmt: skip
    yield {
        "resourceType": "ValueSet", "id": f"{side}-all", "url": f"http://clinic.example/vs/{side}/all",
        "status": "draft", "compose": {"include": [{"valueSet": [f"http://clinic.example/vs/{side}"]}]},
    }  # fmt: skip


def _shared() -> Iterator[Resource]:
    yield {
        "resourceType": "Patient", "id": "twin", "link": [{"other": _to("Patient", "ann"), "type": "seealso"}],
        "name": [{"family": "Twin"}], "generalPractitioner": [_to("Practitioner", "bob")],
    }  # fmt: skip
    yield {
        "resourceType": "Observation", "id": "across", "status": "final", "code": _concept("8867-4", LOINC),
        "subject": _to("Patient", "bob"), "performer": [_to("Patient", "ann")], "effectiveDateTime": "2021-01-04",
        "encounter": _to("Encounter", "bob-2"),
    }  # fmt: skip
    yield {
        "resourceType": "Group", "id": "both", "type": "person", "actual": True,
        "member": [{"entity": _to("Patient", side)} for side in SIDES], "managingEntity": _to("Organization", "bob"),
    }  # fmt: skip
    yield {
        "resourceType": "List", "id": "free", "status": "current", "mode": "working",
        "entry": [{"item": _to(*item)} for side in SIDES for item in _mixed(side, side)],
    }  # fmt: skip
    yield {"resourceType": "Patient", "id": "stranger", "name": [{"family": "Stranger"}]}
    yield {"resourceType": "Basic", "id": "none", "code": _concept("red"), "created": "2021-01-01"}
