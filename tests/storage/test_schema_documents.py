"""The documents about the schema are true: the data dictionary is the generated one, the SQL queries answer.

https://hl7.org/fhir/R4/
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.dictionary import dictionary
from fhir_server.storage.projection import Projector
from fhir_server.storage.schema import build_schema
from fhir_server.storage.tables import resource
from tests.paths import ROOT
from tests.storage.tables import made

REFERENCE = ROOT / "docs" / "reference"
QUERIES = re.compile(r"^## (\d+)\. .*?```sql\n(.*?)```", re.S | re.M)


def test_the_data_dictionary_is_the_generated_one() -> None:
    schema = build_schema(mappings_for(load()), "postgresql")
    assert (REFERENCE / "data-dictionary.md").read_text(encoding="utf-8") == dictionary(schema)


def _ref(text: str) -> dict[str, str]:
    return {"reference": text}


def _booking(number: str, status: str, day: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": number,
        "status": status,
        "start": f"2026-11-{day}T09:00:00Z",
        "end": f"2026-11-{day}T09:20:00Z",
        "participant": [
            {"actor": _ref(f"Patient/{patient}"), "status": "accepted"},
            {"actor": _ref("Practitioner/dr"), "status": "accepted"},
        ],
    }


def _slot(number: str, hour: int, status: str) -> dict[str, Any]:
    start = f"2026-11-20T{hour:02d}:00:00Z"
    end = f"2026-11-20T{hour:02d}:20:00Z"
    return {
        "resourceType": "Slot",
        "id": number,
        "schedule": _ref("Schedule/s"),
        "status": status,
        "start": start,
        "end": end,
    }


def _encounter(number: str, patient: str, status: str, period: dict[str, str]) -> dict[str, Any]:
    subject = _ref(f"Patient/{patient}")
    return {
        "resourceType": "Encounter",
        "id": number,
        "status": status,
        "class": {"code": "AMB"},
        "subject": subject,
        "period": period,
    }


def _claim(number: str, value: int) -> dict[str, Any]:
    total = {"value": value, "currency": "EUR"}
    return {
        "resourceType": "Claim",
        "id": number,
        "status": "active",
        "created": "2026-11-03",
        "insurer": _ref("Organization/o"),
        "total": total,
    }


CLINIC: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "ana",
        "name": [{"family": "Núñez", "given": ["Ana", "María"]}],
        "birthDate": "1980-05",
    },
    {"resourceType": "Patient", "id": "bo", "name": [{"family": "Nun"}]},
    {"resourceType": "Practitioner", "id": "dr"},
    {"resourceType": "Organization", "id": "o"},
    {"resourceType": "Schedule", "id": "s", "actor": [_ref("Practitioner/dr")]},
    _slot("s1", 8, "free"),
    _slot("s2", 9, "busy"),
    _slot("s3", 10, "free"),
    _booking("a1", "booked", "20", "ana"),
    _booking("a2", "noshow", "12", "bo"),
    _booking("a3", "noshow", "13", "bo"),
    _encounter("e1", "bo", "finished", {"start": "2026-01-10", "end": "2026-01-10"}),
    _encounter("e2", "ana", "in-progress", {"start": "2026-11-20T09:00:00Z"}),
    {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": _ref("Patient/ana"),
        "requester": _ref("Practitioner/dr"),
        "authoredOn": "2026-11-20",
        "medicationCodeableConcept": {"coding": [{"system": "urn:rx", "code": "7980", "display": "Penicillin"}]},
        "dosageInstruction": [{"text": "three times a day"}],
    },
    _claim("c1", 100),
    _claim("c2", 50),
    {
        "resourceType": "ImagingStudy",
        "id": "i1",
        "status": "available",
        "subject": _ref("Patient/ana"),
        "started": "2026-11-20",
        "series": [
            {
                "uid": "1.2",
                "modality": {"code": "DX"},
                "bodySite": {"display": "Wrist"},
                "instance": [{"uid": "1.2.1", "sopClass": {"code": "x"}}, {"uid": "1.2.2", "sopClass": {"code": "x"}}],
            }
        ],
    },
]
VALUES: dict[str, Any] = {
    "practitioner": "dr",
    "patient": "ana",
    "day": "2026-11-20 00:00:00",
    "next_day": "2026-11-21 00:00:00",
    "end_of_span": "2026-11-27 00:00:00",
    "since": "2026-11-01 00:00:00",
    "at_least": 2,
    "folded": "nunez",
    "folded_end": "nunf",
    "not_seen_since": "2026-11-01 00:00:00",
}
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "1": [("a1", "booked", "ana")],
    "2": [("s1",), ("s3",)],
    "3": [("bo", 2)],
    "4": [("s", 3, 1, 33)],
    "5": [("ana", "Ana María", "Núñez")],
    "6": [("bo",)],
    "7": [("e2", "ana", "AMB")],
    "8": [("m1", "ana", "7980", "Penicillin", "three times a day")],
    "9": [("o", "active", "EUR", 2, 150)],
    "10": [("i1", "DX", "Wrist", 2)],
}
"""The rows each query gives, moments left out."""


@pytest.fixture
def clinic(database_url: str) -> sa.Engine:
    """A database with the clinic's tables filled."""
    engine, schema = made(database_url, dict.fromkeys(document["resourceType"] for document in CLINIC))
    projector = Projector(schema)
    keys = {(document["resourceType"], document["id"]): key for key, document in enumerate(CLINIC, 1)}
    with engine.begin() as connection:
        heads = [
            {"key": key, "type": t, "id": i, "version": 1, "settled": 1, "deleted": False}
            for (t, i), key in keys.items()
        ]
        moment = (
            sa.func.current_timestamp()
            if engine.dialect.name == "postgresql"
            else sa.literal_column("'2026-11-20 00:00:00.000000'")
        )
        for head in heads:
            connection.execute(resource.insert().values(**head, last_updated=moment))
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        for document in CLINIC:
            key = keys[document["resourceType"], document["id"]]
            rows_of = projector.rows(document["resourceType"], key, document, lambda t, i: keys.get((t, i)))
            for name, rows in rows_of.items():
                for row in rows:
                    connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(row))})", row)
    return engine


def test_ten_documented_queries_answer_on_both_databases(clinic: sa.Engine) -> None:
    text = (REFERENCE / "sql-queries.md").read_text(encoding="utf-8")
    queries = dict(QUERIES.findall(text))
    assert list(queries) == list(ANSWERS)
    with clinic.connect() as connection:
        for number, query in queries.items():
            statement = sa.text(query)
            names = set(statement.compile().params)
            rows = connection.execute(statement, {name: VALUES[name] for name in names}).all()
            assert [_plain(row) for row in rows] == ANSWERS[number], f"query {number}"


def _plain(row: Any) -> tuple[Any, ...]:
    """Return a row without its moments."""
    return tuple(value for value in row if not (hasattr(value, "year") or str(value).startswith(("2026-", "1980-"))))
