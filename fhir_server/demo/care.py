"""What happened in the demo clinic: one consultation with a diagnosis, a prescription, an X-ray study and a claim.

https://hl7.org/fhir/R4/clinicalsummary-module.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.claim import Claim, ClaimDiagnosis, ClaimInsurance, ClaimItem
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.dosage import Dosage, DosageDoseAndRate
from fhir.resources.R4B.duration import Duration
from fhir.resources.R4B.encounter import (
    Encounter,
    EncounterDiagnosis,
    EncounterLocation,
    EncounterParticipant,
)
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.imagingstudy import ImagingStudy, ImagingStudySeries, ImagingStudySeriesInstance
from fhir.resources.R4B.medicationrequest import MedicationRequest, MedicationRequestDispenseRequest
from fhir.resources.R4B.money import Money
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.quantity import Quantity
from fhir.resources.R4B.timing import Timing, TimingRepeat

from fhir_server.demo.calendar import CONSULTATION, LENGTH, X_RAY, start_of
from fhir_server.demo.naming import SNOMED, concept, dicom_uid, hl7, identifier, narrative, refer
from fhir_server.demo.people import INSURER

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_UCUM = "http://unitsofmeasure.org"
_SERVICES = "https://demo-clinic.example/fhir/services"
_PRICES = (("consultation", "Consultation", Decimal("87.55")), ("x-ray-chest", "X-ray of the chest", Decimal("64.25")))
_PATIENT = CONSULTATION.patient
_DOCTOR = CONSULTATION.doctor


def care(now: datetime) -> Iterator[tuple[str, Any]]:
    """Yield (name, model) of the encounter, the diagnosis, the prescription, the X-ray study and the claim."""
    start = start_of(CONSULTATION, now)
    yield "encounter-consultation", _encounter(start)
    yield "condition-pneumonia", _condition(start)
    yield "prescription-amoxicillin", _prescription(start)
    yield "study-chest", _study(start_of(X_RAY, now))
    yield "claim-consultation", _claim(start)


def _encounter(start: datetime) -> Encounter:
    clinic = _DOCTOR.clinic
    return Encounter(  # type: ignore[call-arg] # `class` is a word of Python; the model's stub lacks the other name
        text=narrative(f"{_PATIENT.title} visited {_DOCTOR.title} on {start:%Y-%m-%d}"),
        identifier=[identifier("encounter-consultation")],
        status="finished",
        class_fhir=Coding(system="http://terminology.hl7.org/CodeSystem/v3-ActCode", code="AMB", display="ambulatory"),
        subject=refer(f"patient-{_PATIENT.name}", _PATIENT.title),
        participant=[
            EncounterParticipant(
                type=[hl7("v3-ParticipationType", "PPRF", "primary performer")],
                individual=refer(f"practitioner-{_DOCTOR.name}", _DOCTOR.title),
            )
        ],
        appointment=[refer(f"appointment-{CONSULTATION.name}")],
        period=Period(start=start, end=start + LENGTH),
        diagnosis=[EncounterDiagnosis(condition=refer("condition-pneumonia", "Pneumonia"))],
        location=[EncounterLocation(location=refer(f"location-{clinic.name}", clinic.title))],
        serviceProvider=refer(f"organization-{clinic.name}", clinic.title),
    )


def _condition(start: datetime) -> Condition:
    return Condition(
        text=narrative(f"Pneumonia, recorded {start:%Y-%m-%d}"),
        identifier=[identifier("condition-pneumonia")],
        clinicalStatus=hl7("condition-clinical", "active", "Active"),
        verificationStatus=hl7("condition-ver-status", "confirmed", "Confirmed"),
        category=[hl7("condition-category", "encounter-diagnosis", "Encounter Diagnosis")],
        code=concept(SNOMED, "233604007", "Pneumonia"),
        subject=refer(f"patient-{_PATIENT.name}", _PATIENT.title),
        encounter=refer("encounter-consultation"),
        recordedDate=start + LENGTH,
        recorder=refer(f"practitioner-{_DOCTOR.name}", _DOCTOR.title),
    )


def _prescription(start: datetime) -> MedicationRequest:
    return MedicationRequest(
        text=narrative("Amoxicillin 500 mg, one capsule three times a day for seven days"),
        identifier=[identifier("prescription-amoxicillin")],
        status="active",
        intent="order",
        medicationCodeableConcept=concept(
            "http://www.nlm.nih.gov/research/umls/rxnorm", "308191", "amoxicillin 500 MG Oral Capsule"
        ),
        subject=refer(f"patient-{_PATIENT.name}", _PATIENT.title),
        encounter=refer("encounter-consultation"),
        authoredOn=start + LENGTH,
        requester=refer(f"practitioner-{_DOCTOR.name}", _DOCTOR.title),
        reasonReference=[refer("condition-pneumonia", "Pneumonia")],
        dosageInstruction=[
            Dosage(
                text="One capsule three times a day for seven days",
                timing=Timing(
                    repeat=TimingRepeat(
                        boundsDuration=Duration(value=Decimal(7), unit="days", system=_UCUM, code="d"),
                        frequency=3,
                        period=Decimal(1),
                        periodUnit="d",
                    )
                ),
                doseAndRate=[DosageDoseAndRate(doseQuantity=Quantity(value=Decimal(1), unit="capsule"))],
            )
        ],
        dispenseRequest=MedicationRequestDispenseRequest(
            quantity=Quantity(value=Decimal(21), unit="capsule"),
            expectedSupplyDuration=Duration(value=Decimal(7), unit="days", system=_UCUM, code="d"),
        ),
    )


def _study(start: datetime) -> ImagingStudy:
    modality = Coding(system=_DCM, code="DX", display="Digital Radiography")
    radiologist = X_RAY.doctor
    return ImagingStudy(
        text=narrative(f"X-ray of the chest, {start:%Y-%m-%d}"),
        identifier=[
            identifier("study-chest"),
            Identifier(system="urn:dicom:uid", value=f"urn:oid:{dicom_uid('study-chest')}"),
        ],
        status="available",
        modality=[modality],
        subject=refer(f"patient-{_PATIENT.name}", _PATIENT.title),
        encounter=refer("encounter-consultation"),
        started=start,
        basedOn=[refer(f"appointment-{X_RAY.name}")],
        numberOfSeries=1,
        numberOfInstances=1,
        procedureCode=[concept(SNOMED, "399208008", "Plain X-ray of chest")],
        location=refer(f"location-{radiologist.clinic.name}", radiologist.clinic.title),
        reasonReference=[refer("condition-pneumonia", "Pneumonia")],
        series=[
            ImagingStudySeries(
                uid=dicom_uid("series-chest"),
                number=1,
                modality=modality,
                numberOfInstances=1,
                started=start + timedelta(minutes=5),
                instance=[
                    ImagingStudySeriesInstance(
                        uid=dicom_uid("instance-chest"),
                        number=1,
                        sopClass=Coding(system="urn:ietf:rfc:3986", code="urn:oid:1.2.840.10008.5.1.4.1.1.1.1"),
                    )
                ],
            )
        ],
    )


def _claim(start: datetime) -> Claim:
    clinic = _DOCTOR.clinic
    day = start.date()
    items = [
        ClaimItem(
            sequence=number,
            diagnosisSequence=[1],
            productOrService=concept(_SERVICES, code, display),
            servicedDate=day,
            quantity=Quantity(value=Decimal(1)),
            unitPrice=Money(value=price, currency="EUR"),
            net=Money(value=price, currency="EUR"),
            encounter=[refer("encounter-consultation")],
        )
        for number, (code, display, price) in enumerate(_PRICES, start=1)
    ]
    total = sum((price for _, _, price in _PRICES), Decimal(0))
    return Claim(
        text=narrative(f"Claim of {total} EUR for the visit of {day}"),
        identifier=[identifier("claim-consultation")],
        status="active",
        type=hl7("claim-type", "professional", "Professional"),
        use="claim",
        patient=refer(f"patient-{_PATIENT.name}", _PATIENT.title),
        billablePeriod=Period(start=start, end=start + LENGTH),
        created=start + LENGTH,
        insurer=refer(INSURER, "Everyone's Demo Insurance"),
        provider=refer(f"organization-{clinic.name}", clinic.title),
        priority=hl7("processpriority", "normal", "Normal"),
        diagnosis=[ClaimDiagnosis(sequence=1, diagnosisReference=refer("condition-pneumonia", "Pneumonia"))],
        insurance=[ClaimInsurance(sequence=1, focal=True, coverage=refer(f"coverage-{_PATIENT.name}"))],
        item=items,
        total=Money(value=total, currency="EUR"),
    )
