"""The demo clinic's calendar: a schedule for each practitioner, slots of the coming days, appointments in every state.

https://hl7.org/fhir/R4/appointment.html#statuses
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhir.resources.R4B.appointment import Appointment, AppointmentParticipant
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.schedule import Schedule
from fhir.resources.R4B.slot import Slot

from fhir_server.demo.naming import SNOMED, concept, hl7, identifier, narrative, refer
from fhir_server.demo.people import DOCTORS, PATIENTS, Doctor, Person

DAYS = 5
SLOTS_A_DAY = 8
LENGTH = timedelta(minutes=30)
_OPENING = timedelta(hours=9)
_SLOT_STATUS = {"booked": "busy", "fulfilled": "busy", "noshow": "busy", "pending": "busy-tentative"}


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment: name, status, doctor, patient, working day from today (negative: past), slot of the day, reason.

    kind  (code, display) of http://terminology.hl7.org/CodeSystem/v2-0276
    """

    name: str
    status: str
    doctor: Doctor
    patient: Person
    day: int
    slot: int
    kind: tuple[str, str]
    reason: str


_ROUTINE = ("ROUTINE", "Routine appointment")
_CHECKUP = ("CHECKUP", "A routine check-up")
_FOLLOWUP = ("FOLLOWUP", "A follow up visit")
_SAMPLE, _PLACEHOLDER, _FICTIONAL, _SPECIMEN = DOCTORS
_ALMA, _BRUNO, _CARLA, _DMITRI, _ESI, _FARID = PATIENTS
CONSULTATION = Visit("consultation", "fulfilled", _SAMPLE, _ALMA, -2, 0, _ROUTINE, "Cough and fever")
X_RAY = Visit("x-ray", "fulfilled", _SPECIMEN, _ALMA, -2, 4, _ROUTINE, "X-ray of the chest")
VISITS = (
    CONSULTATION,
    X_RAY,
    Visit("missed", "noshow", _PLACEHOLDER, _FARID, -1, 2, _CHECKUP, "Check-up"),
    Visit("called-off", "cancelled", _PLACEHOLDER, _ESI, 1, 3, _CHECKUP, "Check-up"),
    Visit("follow-up", "booked", _SAMPLE, _ALMA, 1, 0, _FOLLOWUP, "Follow-up after pneumonia"),
    Visit("heart", "booked", _PLACEHOLDER, _CARLA, 1, 1, _ROUTINE, "Palpitations"),
    Visit("child", "booked", _FICTIONAL, _DMITRI, 2, 2, _CHECKUP, "Check-up"),
    Visit("request", "pending", _SAMPLE, _BRUNO, 3, 5, _ROUTINE, "Back pain"),
)


def calendar(now: datetime) -> Iterator[tuple[str, Any]]:
    """Yield (name, model) of schedules, slots and appointments; opening hours are in the zone of `now`."""
    taken = {_slot_name(visit): visit.status for visit in VISITS}
    for doctor in DOCTORS:
        yield f"schedule-{doctor.name}", _schedule(doctor, now)
        past = [(visit.day, visit.slot) for visit in VISITS if visit.doctor is doctor and visit.day < 0]
        coming = [(day, number) for day in range(1, DAYS + 1) for number in range(SLOTS_A_DAY)]
        for day, number in past + coming:
            name = f"slot-{doctor.name}-{day}-{number}"
            yield name, _slot(name, doctor, _start(now, day, number), _SLOT_STATUS.get(taken.get(name, ""), "free"))
    for visit in VISITS:
        yield f"appointment-{visit.name}", _appointment(visit, now)


def start_of(visit: Visit, now: datetime) -> datetime:
    """Return when `visit` begins."""
    return _start(now, visit.day, visit.slot)


def _start(now: datetime, day: int, number: int) -> datetime:
    """Return the begin of slot `number` on the `day`-th working day after (or before) today."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(days=1 if day > 0 else -1)
    for _ in range(abs(day)):
        midnight += step
        while midnight.weekday() >= 5:
            midnight += step
    return midnight + _OPENING + number * LENGTH


def _slot_name(visit: Visit) -> str:
    return f"slot-{visit.doctor.name}-{visit.day}-{visit.slot}"


def _schedule(doctor: Doctor, now: datetime) -> Schedule:
    return Schedule(
        text=narrative(f"Schedule of {doctor.title} at {doctor.clinic.title}"),
        identifier=[identifier(f"schedule-{doctor.name}")],
        active=True,
        specialty=[concept(SNOMED, *doctor.specialty)],
        actor=[
            refer(f"practitioner-{doctor.name}", doctor.title),
            refer(f"location-{doctor.clinic.name}", doctor.clinic.title),
        ],
        planningHorizon=Period(start=_start(now, -DAYS, 0), end=_start(now, DAYS, SLOTS_A_DAY)),
    )


def _slot(name: str, doctor: Doctor, start: datetime, status: str) -> Slot:
    return Slot(
        text=narrative(f"{doctor.title}, {start:%Y-%m-%d %H:%M}, {status}"),
        identifier=[identifier(name)],
        specialty=[concept(SNOMED, *doctor.specialty)],
        schedule=refer(f"schedule-{doctor.name}"),
        status=status,
        start=start,
        end=start + LENGTH,
    )


def _appointment(visit: Visit, now: datetime) -> Appointment:
    start = start_of(visit, now)
    called_off = visit.status == "cancelled"
    waiting = visit.status == "pending"
    doctor, patient = visit.doctor, visit.patient
    return Appointment(
        text=narrative(f"{patient.title} with {doctor.title}, {start:%Y-%m-%d %H:%M}, {visit.status}"),
        identifier=[identifier(f"appointment-{visit.name}")],
        status=visit.status,
        cancelationReason=hl7("appointment-cancellation-reason", "pat", "Patient") if called_off else None,
        specialty=[concept(SNOMED, *doctor.specialty)],
        appointmentType=hl7("v2-0276", *visit.kind),
        description=visit.reason,
        start=start,
        end=start + LENGTH,
        minutesDuration=int(LENGTH.total_seconds() // 60),
        slot=None if called_off else [refer(_slot_name(visit))],
        created=min(start, now) - timedelta(days=7),
        participant=[
            AppointmentParticipant(
                actor=refer(f"patient-{patient.name}", patient.title), required="required", status="accepted"
            ),
            AppointmentParticipant(
                actor=refer(f"practitioner-{doctor.name}", doctor.title),
                required="required",
                status="needs-action" if waiting else "accepted",
            ),
            AppointmentParticipant(
                actor=refer(f"location-{doctor.clinic.name}", doctor.clinic.title), status="accepted"
            ),
        ],
    )
