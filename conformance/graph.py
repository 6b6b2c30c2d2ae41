"""Resources that refer to each other, for chains, includes and compartments.

https://hl7.org/fhir/R4/search.html#chaining

    Organization  leaf -partOf-> part -partOf-> top
    Patient       ann -managingOrganization-> part, general practitioners part and top; bob -> top; cid -> none
    Observation   a1, a2 of ann; b1 of bob; free of nobody; a2 has the member a1
"""

from __future__ import annotations

from conformance.samples import Resource
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target

LOINC = "http://loinc.org"
CITY = {"top": "Upperton", "part": "Lowerton", "leaf": "Lowerton"}


def organizations(target: Target) -> Shelf:
    """Return the organizations top, part and leaf."""
    return shelf(target, "graph-organizations", "Organization", _organizations)


def patients(target: Target) -> Shelf:
    """Return the patients ann, bob and cid."""
    return shelf(target, "graph-patients", "Patient", _patients)


def observations(target: Target) -> Shelf:
    """Return the observations a1, a2, b1 and free."""
    return shelf(target, "graph-observations", "Observation", _observations)


def coded(code: str, **elements: object) -> Resource:
    """Return the elements of a final Observation with a LOINC code."""
    return {"status": "final", "code": {"coding": [{"system": LOINC, "code": code}]}, **elements}


def _organizations(_: Target) -> Bodies:
    return {
        name: {
            "name": f"Conformance {name}",
            "address": [{"city": city}],
            **({"partOf": above} if (above := _PART_OF.get(name)) else {}),
        }
        for name, city in CITY.items()
    }


_PART_OF: dict[str, Resource] = {"part": {"reference": "@top"}, "leaf": {"reference": "@part"}}


def _patients(target: Target) -> Bodies:
    owners = organizations(target)
    top, part = ({"reference": owners.path(name)} for name in ("top", "part"))
    return {
        "ann": {
            "name": [{"family": "Conformance", "given": ["Ann"]}],
            "gender": "female",
            "generalPractitioner": [part, top],
            "managingOrganization": part,
        },
        "bob": {
            "name": [{"family": "Conformance", "given": ["Bob"]}],
            "gender": "male",
            "managingOrganization": top,
        },
        "cid": {"name": [{"family": "Conformance", "given": ["Cid"]}]},
    }


def _observations(target: Target) -> Bodies:
    people = patients(target)
    ann, bob = ({"reference": people.path(name)} for name in ("ann", "bob"))
    return {
        "a1": coded("29463-7", subject=ann),
        "a2": coded("8302-2", subject=ann, hasMember=[{"reference": "@a1"}]),
        "b1": coded("8302-2", subject=bob),
        "free": coded("29463-7"),
    }
