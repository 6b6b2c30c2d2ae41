"""Who is in the demo clinic: two clinics, an insurer, four practitioners and six patients with their coverage.

https://hl7.org/fhir/R4/administration-module.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fhir.resources.R4B.address import Address
from fhir.resources.R4B.contactpoint import ContactPoint
from fhir.resources.R4B.coverage import Coverage
from fhir.resources.R4B.humanname import HumanName
from fhir.resources.R4B.location import Location
from fhir.resources.R4B.organization import Organization
from fhir.resources.R4B.patient import Patient
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.practitioner import Practitioner
from fhir.resources.R4B.practitionerrole import PractitionerRole

from fhir_server.demo.naming import SNOMED, concept, hl7, identifier, narrative, refer

INSURER = "organization-insurer"


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic: name of its resources ("north"), title, city, last digits of its phone."""

    name: str
    title: str
    city: str
    phone: str


@dataclass(frozen=True, slots=True)
class Doctor:
    """A practitioner: name of the resources, given and family name, gender, specialty (code, display), clinic."""

    name: str
    given: str
    family: str
    gender: str
    specialty: tuple[str, str]
    clinic: Clinic

    @property
    def title(self) -> str:
        return f"Dr. {self.given} {self.family}"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient: name of the resources, given and family name, gender, age in years."""

    name: str
    given: str
    family: str
    gender: str
    age: int

    @property
    def title(self) -> str:
        return f"{self.given} {self.family}"


NORTH = Clinic("north", "Northside Demo Clinic", "Exampleton", "0100")
SOUTH = Clinic("south", "Southside Demo Clinic", "Sampleville", "0101")
CLINICS = (NORTH, SOUTH)
DOCTORS = (
    Doctor("sample", "Iris", "Sample", "female", ("394814009", "General practice"), NORTH),
    Doctor("placeholder", "Jon", "Placeholder", "male", ("394579002", "Cardiology"), NORTH),
    Doctor("fictional", "Kala", "Fictional", "female", ("394537008", "Pediatric specialty"), SOUTH),
    Doctor("specimen", "Leo", "Specimen", "male", ("394914008", "Radiology"), SOUTH),
)
PATIENTS = (
    Person("alma", "Alma", "Example", "female", 34),
    Person("bruno", "Bruno", "Example", "male", 36),
    Person("carla", "Carla", "Testcase", "female", 71),
    Person("dmitri", "Dmitri", "Testcase", "male", 9),
    Person("esi", "Esi", "Madeup", "other", 52),
    Person("farid", "Farid", "Madeup", "unknown", 27),
)


def people(now: datetime) -> Iterator[tuple[str, Any]]:
    """Yield (name, model) of organizations, locations, practitioners, their roles, patients and coverage."""
    yield INSURER, _organization(INSURER, "Everyone's Demo Insurance", ("pay", "Payer"))
    for clinic in CLINICS:
        organization = f"organization-{clinic.name}"
        yield organization, _organization(organization, clinic.title, ("prov", "Healthcare Provider"))
        yield f"location-{clinic.name}", _location(clinic)
    for doctor in DOCTORS:
        yield f"practitioner-{doctor.name}", _practitioner(doctor)
        yield f"role-{doctor.name}", _role(doctor)
    for number, person in enumerate(PATIENTS):
        yield f"patient-{person.name}", _patient(person, now.date(), number)
        yield f"coverage-{person.name}", _coverage(person, now.date())


def _organization(name: str, title: str, kind: tuple[str, str]) -> Organization:
    return Organization(
        text=narrative(title),
        identifier=[identifier(name)],
        active=True,
        type=[hl7("organization-type", *kind)],
        name=title,
    )


def _location(clinic: Clinic) -> Location:
    return Location(
        text=narrative(f"{clinic.title}, {clinic.city}"),
        identifier=[identifier(f"location-{clinic.name}")],
        status="active",
        name=clinic.title,
        mode="instance",
        telecom=[ContactPoint(system="phone", value=f"+1-555-{clinic.phone}", use="work")],
        address=Address(line=["1 Example Street"], city=clinic.city, postalCode="00000"),
        physicalType=hl7("location-physical-type", "si", "Site"),
        managingOrganization=refer(f"organization-{clinic.name}", clinic.title),
    )


def _practitioner(doctor: Doctor) -> Practitioner:
    return Practitioner(
        text=narrative(doctor.title),
        identifier=[identifier(f"practitioner-{doctor.name}")],
        active=True,
        name=[HumanName(use="official", prefix=["Dr."], given=[doctor.given], family=doctor.family)],
        telecom=[ContactPoint(system="email", value=f"{doctor.name}@demo-clinic.example", use="work")],
        gender=doctor.gender,
    )


def _role(doctor: Doctor) -> PractitionerRole:
    return PractitionerRole(
        text=narrative(f"{doctor.title}, {doctor.specialty[1]}, {doctor.clinic.title}"),
        identifier=[identifier(f"role-{doctor.name}")],
        active=True,
        practitioner=refer(f"practitioner-{doctor.name}", doctor.title),
        organization=refer(f"organization-{doctor.clinic.name}", doctor.clinic.title),
        location=[refer(f"location-{doctor.clinic.name}", doctor.clinic.title)],
        code=[hl7("practitioner-role", "doctor", "Doctor")],
        specialty=[concept(SNOMED, *doctor.specialty)],
    )


def _patient(person: Person, today: date, number: int) -> Patient:
    record_number = identifier(f"patient-{person.name}")
    record_number.type = hl7("v2-0203", "MR", "Medical record number")
    return Patient(
        text=narrative(person.title),
        identifier=[record_number],
        active=True,
        name=[HumanName(use="official", given=[person.given], family=person.family)],
        telecom=[ContactPoint(system="phone", value=f"+1-555-01{number + 10}", use="mobile", rank=1)],
        gender=person.gender,
        birthDate=date(today.year - person.age, 1 + number, 10 + number),
        address=[Address(use="home", line=[f"{number + 2} Example Street"], city="Exampleton", postalCode="00000")],
        managingOrganization=refer("organization-north", NORTH.title),
    )


def _coverage(person: Person, today: date) -> Coverage:
    member = f"DEMO-{person.name.upper()}"
    return Coverage(
        text=narrative(f"{person.title} is insured by Everyone's Demo Insurance"),
        identifier=[identifier(f"coverage-{person.name}")],
        status="active",
        type=hl7("v3-ActCode", "EHCPOL", "extended healthcare"),
        subscriber=refer(f"patient-{person.name}", person.title),
        subscriberId=member,
        beneficiary=refer(f"patient-{person.name}", person.title),
        relationship=hl7("subscriber-relationship", "self", "Self"),
        period=Period.model_validate({"start": f"{today.year - 1}-01-01", "end": f"{today.year + 1}-12-31"}),
        payor=[refer(INSURER, "Everyone's Demo Insurance")],
    )
