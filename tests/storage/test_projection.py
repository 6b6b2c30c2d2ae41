"""What the projection makes of a document: rows by table, for both databases.

https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import copy
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.definitions import SearchParameter, load
from fhir_server.errors import Invalid
from fhir_server.formats.json import decode
from fhir_server.mappings import mappings_for
from fhir_server.mappings.custom import extended
from fhir_server.storage.common import COMMON_TABLES
from fhir_server.storage.projection import Projector
from fhir_server.storage.schema import Schema, build_schema
from tests.paths import R4_PACKAGE, needs_r4_package
from tests.storage.tables import made as made_tables

SCHEMAS = {name: build_schema(mappings_for(load()), name) for name in ("postgresql", "sqlite")}
POSTGRESQL, SQLITE = Projector(SCHEMAS["postgresql"]), Projector(SCHEMAS["sqlite"])
KEYS = {("Patient", "1"): 11, ("Practitioner", "2"): 12}


def _known(target_type: str, target_id: str) -> int | None:
    return KEYS.get((target_type, target_id))


def _table(schema: Schema, resource_type: str, name: str) -> Any:
    return next(t for t in (*COMMON_TABLES, *schema.layout(resource_type).tables) if t.name == name)


def project(document: dict[str, Any], projector: Projector = POSTGRESQL) -> dict[str, list[dict[str, Any]]]:
    """Return table -> rows as dicts, without the columns that are NULL."""
    resource_type = document["resourceType"]
    made = projector.rows(resource_type, 7, document, _known)
    named: dict[str, list[dict[str, Any]]] = {}
    for name, rows in made.items():
        columns = [column.name for column in _table(projector.schema, resource_type, name).columns]
        named[name] = [
            {key: value for key, value in zip(columns, row, strict=True) if value is not None} for row in rows
        ]
    return named


APPOINTMENT = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2026-11-20T10:00:00+01:00",
    "participant": [
        {"actor": {"reference": "Patient/1"}, "status": "accepted"},
        {
            "type": [{"coding": [{"system": "urn:x", "code": "ATND", "display": "Attender"}]}],
            "actor": {"reference": "Practitioner/2/_history/3"},
            "status": "tentative",
        },
    ],
}


def test_single_elements_become_columns_of_the_one_main_row() -> None:
    assert project(APPOINTMENT)["appointment"] == [
        {
            "key": 7,
            "status": "booked",
            "start_time": "2026-11-20 09:00:00+00:00",
            "start_time_until": "2026-11-20 09:00:01+00:00",
        }
    ]


def test_repeating_elements_become_rows_that_carry_the_main_date() -> None:
    first, second = project(APPOINTMENT)["appointment_participant"]
    date = "2026-11-20 09:00:00+00:00"
    assert first == {
        "key": 7, "ordinal": 0, "actor_key": 11, "actor_type": "Patient", "status": "accepted", "main_date": date
    }  # fmt: skip
    assert (second["ordinal"], second["actor_key"], second["main_date"]) == (1, 12, date)
    (kind,) = project(APPOINTMENT)["appointment_participant_type"]
    assert (kind["participant_ordinal"], kind["ordinal"], kind["coding"], kind["code"]) == (1, 0, 0, "ATND")


def test_a_versioned_reference_has_a_key_and_says_its_version() -> None:
    (loose,) = project(APPOINTMENT)["loose_reference"]
    assert loose["path"] == "Appointment.participant.actor"
    assert (loose["ordinal"], loose["reference"], loose["version"]) == (1, "Practitioner/2", 3)


@pytest.mark.parametrize(
    ("reference", "loose"),
    [
        ({"reference": "Patient/404"}, {"reference": "Patient/404", "target_type": "Patient"}),
        (
            {"reference": "https://elsewhere.example/fhir/Group/9"},
            {"reference": "https://elsewhere.example/fhir/Group/9", "target_type": "Group"},
        ),
        ({"reference": "urn:uuid:9f3d"}, {"reference": "urn:uuid:9f3d"}),
        ({"reference": "#p"}, {"reference": "#p", "target_type": "Patient"}),
        (
            {"identifier": {"system": "urn:mrn", "value": "12"}, "type": "Patient"},
            {"identifier_system": "urn:mrn", "identifier_value": "12", "target_type": "Patient"},
        ),
        ({"display": "the patient's mother"}, {"display": "the patient's mother"}),
    ],
)
def test_a_reference_without_a_key_is_kept_as_loose(reference: dict[str, Any], loose: dict[str, Any]) -> None:
    document = {
        "resourceType": "Encounter",
        "contained": [{"resourceType": "Patient", "id": "p"}],
        "status": "planned",
        "class": {"code": "AMB"},
        "subject": reference,
    }
    made = project(document)
    assert "subject_key" not in made["encounter"][0]
    assert made["encounter"][0].get("subject_type") == loose.get("target_type")
    assert made["loose_reference"] == [{"key": 7, "position": 0, "path": "Encounter.subject", "ordinal": 0} | loose]


def test_an_absolute_reference_to_this_server_is_one_of_ours() -> None:
    projector = Projector(SCHEMAS["postgresql"], base_url="https://here.example/fhir")
    subject = {"reference": "https://here.example/fhir/Patient/1"}
    document = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}, "subject": subject}
    assert project(document, projector)["encounter"][0]["subject_key"] == 11
    assert "loose_reference" not in project(document, projector)


def test_references_are_told_before_their_keys_are_known() -> None:
    assert POSTGRESQL.references("Appointment", APPOINTMENT) == [("Patient", "1"), ("Practitioner", "2")]


def test_a_concept_has_a_row_per_coding_and_one_for_a_text_no_display_gives() -> None:
    concept = {
        "coding": [
            {"system": "http://loinc.org", "code": "8480-6", "display": "Systolic Blood Pressure"},
            {"system": "urn:local", "code": "sys"},
        ],
        "text": "Höchster Druck",
    }
    rows = project({"resourceType": "Observation", "status": "final", "code": concept})["observation_code"]
    assert [(row["coding"], row.get("code")) for row in rows] == [(0, "8480-6"), (1, "sys"), (2, None)]
    assert rows[0]["display_folded"] == "systolic blood pressure"
    assert (rows[2]["display"], rows[2]["display_folded"]) == ("Höchster Druck", "hochster druck")
    concept["text"] = "Systolic Blood Pressure"
    assert len(project({"resourceType": "Observation", "status": "final", "code": concept})["observation_code"]) == 2


def test_an_identifier_has_a_row_per_coding_of_its_type() -> None:
    kinds = [{"system": "urn:t", "code": "MR"}, {"system": "urn:t", "code": "PI"}]
    identifier = {"system": "urn:mrn", "value": "12", "type": {"coding": kinds, "text": "Akte"}}
    rows = project({"resourceType": "Patient", "identifier": [identifier]})["patient_identifier"]
    assert [(row["value"], row["coding"], row["type_code"], row["type_text_folded"]) for row in rows] == [
        ("12", 0, "MR", "akte"),
        ("12", 1, "PI", "akte"),
    ]


def test_every_part_of_a_name_can_be_searched() -> None:
    name = {"family": "Núñez", "given": ["Ana", "María"], "prefix": ["Dr."], "period": {"start": "2020"}}
    made = project({"resourceType": "Patient", "name": [name]})
    assert made["patient_name"] == [
        {
            "key": 7,
            "ordinal": 0,
            "family": "Núñez",
            "given": "Ana María",
            "prefix": "Dr.",
            "period_start": "2020-01-01 00:00:00+00:00",
            "period_end": "9999-12-31 00:00:00+00:00",
        }
    ]
    parts = [(row["position"], row["part"], row["folded"]) for row in made["patient_name_part"]]
    assert parts == [(0, "family", "nunez"), (1, "given", "ana"), (2, "given", "maria"), (3, "prefix", "dr.")]


def test_one_interval_serves_all_date_types_of_a_choice() -> None:
    base = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    for element, interval in (
        ({"effectiveDateTime": "2026-11"}, ("2026-11-01 00:00:00+00:00", "2026-12-01 00:00:00+00:00")),
        (
            {"effectivePeriod": {"start": "2026-11-20"}},
            ("2026-11-20 00:00:00+00:00", "9999-12-31 00:00:00+00:00"),
        ),
        (
            {"effectiveTiming": {"event": ["2026-11-21", "2026-11-20"]}},
            ("2026-11-20 00:00:00+00:00", "2026-11-22 00:00:00+00:00"),
        ),
    ):
        made = project(base | element)
        assert (made["observation"][0]["effective_start"], made["observation"][0]["effective_end"]) == interval
        assert made["observation_code"][0]["main_date"] == interval[0]


def test_a_quantity_is_readable_and_exact_in_both_databases() -> None:
    quantity = {"value": Decimal("5.40"), "comparator": "<", "unit": "mmol/L", "code": "mmol/L"}
    document = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": quantity}
    row = project(document)["observation"][0]
    assert (row["value_quantity"], row["value_quantity_low"]) == (Decimal("5.40"), Decimal("-Infinity"))
    assert str(row["value_quantity"]) == "5.40" and row["value_quantity_high"] == Decimal("5.40")
    row = project(document, SQLITE)["observation"][0]
    assert (row["value_quantity"], row["value_quantity_low"]) == (5.4, "a")


def test_sampled_data_is_found_by_the_bounds_of_its_values() -> None:
    data = {
        "origin": {"value": 10},
        "period": 1,
        "factor": Decimal("0.5"),
        "dimensions": 1,
        "data": "2 E -4 U",
        "upperLimit": 99,
    }
    document = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueSampledData": data}
    row = project(document)["observation"][0]
    assert (row["value_sampled_data_low"], row["value_sampled_data_high"]) == (Decimal("8.0"), Decimal(99))


@pytest.mark.parametrize(
    ("element", "code"),
    [
        ({}, "false"),
        ({"deceasedBoolean": False}, "false"),
        ({"deceasedBoolean": True}, "true"),
        ({"deceasedDateTime": "2020"}, "true"),
    ],
)
def test_deceased_is_computed_from_either_type(element: dict[str, Any], code: str) -> None:
    (row,) = project({"resourceType": "Patient"} | element)["patient_is_deceased"]
    assert row["code"] == code


def test_what_no_path_reaches_is_computed() -> None:
    device = {"resourceType": "Device", "deviceName": [{"name": "Ämbu", "type": "other"}], "type": {"text": "Bag"}}
    assert [row["folded"] for row in project(device)["device_search_device_name"]] == ["ambu", "bag"]
    subject = {"url": "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject", "valueBoolean": True}
    answer = [{"valueReference": {"reference": "Patient/1"}}]
    items = [{"linkId": "1", "extension": [subject], "answer": answer}, {"linkId": "2", "answer": answer}]
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}
    rows = project(response)["questionnaire_response_search_item_subject"]
    assert [(row["target_key"], row["target_type"]) for row in rows] == [(11, "Patient")]
    entry = [
        {"resource": {"resourceType": "Composition", "id": "c"}},
        {"resource": {"resourceType": "Patient", "id": "1"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "document", "entry": entry}
    assert project(bundle)["loose_reference"][0]["reference"] == "Composition/c"


def test_both_urls_of_the_maiden_name_extension_are_read() -> None:
    base = "http://hl7.org/fhir/StructureDefinition/patient-"
    urls = [f"{base}mothersMaidenName", f"{base}extensions-Patient-mothersMaidenName", "urn:other"]
    document = {"resourceType": "Patient", "extension": [{"url": url, "valueString": "Ä"} for url in urls]}
    rows = project(document)["patient_mothers_maiden_name"]
    assert [(row["ordinal"], row["value_string_folded"]) for row in rows] == [(0, "a"), (1, "a")]


def test_nulls_and_primitives_that_are_only_extended_make_no_values() -> None:
    document = {
        "resourceType": "Patient",
        "name": [{"given": [None, "Ana"], "_given": [{"extension": []}, None]}],
        "_birthDate": {"extension": [{"url": "urn:x", "valueString": "unknown"}]},
    }
    made = project(document)
    assert made["patient"] == [{"key": 7}]
    assert [row["value"] for row in made["patient_name_part"]] == ["Ana"]


def test_meta_goes_to_the_tables_of_all_types() -> None:
    meta = {
        "tag": [{"system": "urn:t", "code": "a", "display": "Ä"}],
        "security": [{"code": "R"}],
        "profile": ["http://example.org/p|1.0"],
        "source": "urn:s",
    }
    made = project({"resourceType": "Slot", "meta": meta})
    assert made["meta_tag"] == [
        {"key": 7, "ordinal": 0, "type": "Slot", "system": "urn:t", "code": "a", "display": "Ä", "display_folded": "a"}
    ]
    assert made["meta_security"] == [{"key": 7, "ordinal": 0, "type": "Slot", "code": "R"}]
    assert made["meta_profile"] == [
        {"key": 7, "ordinal": 0, "type": "Slot", "value": "http://example.org/p", "version": "1.0"}
    ]
    assert made["meta_source"] == [{"key": 7, "type": "Slot", "value": "urn:s"}]


def test_a_date_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid):
        project({"resourceType": "Patient", "birthDate": "2023-02-30"})


def _examples(limit: int) -> list[dict[str, Any]]:
    found: dict[str, int] = {}
    documents = []
    for path in sorted(Path(R4_PACKAGE).glob("*-*.json")):
        resource_type = path.name.partition("-")[0]
        if resource_type not in load().resource_type_set or found.get(resource_type, 0) >= limit:
            continue
        document = decode(path.read_bytes())
        if document.get("resourceType") == resource_type:
            found[resource_type] = found.get(resource_type, 0) + 1
            documents.append(document)
    return documents


@needs_r4_package
def test_both_databases_take_the_rows_and_give_them_back(database_url: str) -> None:
    documents = _examples(3)
    engine, schema = made_tables(database_url, dict.fromkeys(document["resourceType"] for document in documents))
    projector = Projector(schema)
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        if mark == "%s":
            cursor.execute("SET timezone = 'Asia/Tokyo'")
        wanted: dict[str, set[tuple[Any, ...]]] = {}
        for key, document in enumerate(documents):
            made = projector.rows(document["resourceType"], key, document, lambda _type, _id: 1)
            for name, rows in made.items():
                cursor.executemany(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(rows[0]))})", rows)
                wanted.setdefault(name, set()).update(rows)
        for name, rows_wanted in wanted.items():
            cursor.execute(f"SELECT * FROM {name}")
            assert {projector.comparable(tuple(row)) for row in cursor.fetchall()} == rows_wanted, name
        connection.connection.commit()


def _shuffled(value: Any, order: Random) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key], order) for key in order.sample(sorted(value), len(value))}
    return [_shuffled(item, order) for item in value] if isinstance(value, list) else value


@needs_r4_package
@settings(deadline=None)
@given(st.integers(0), st.integers())
def test_the_rows_depend_on_the_document_alone_and_not_on_the_order_of_its_keys(number: int, seed: int) -> None:
    document = _core_examples()[number % len(_core_examples())]
    before = copy.deepcopy(document)
    rows = SQLITE.rows(document["resourceType"], 7, document, _known)
    assert document == before
    again = SQLITE.rows(document["resourceType"], 7, _shuffled(document, Random(seed)), _known)
    loose = {row[2:] for row in again.pop("loose_reference", [])}
    assert loose == {row[2:] for row in rows.pop("loose_reference", [])}
    assert {name: sorted(map(repr, made)) for name, made in again.items()} == {
        name: sorted(map(repr, made)) for name, made in rows.items()
    }


@cache
def _core_examples() -> list[dict[str, Any]]:
    kinds = {"Patient", "Observation", "Encounter", "Claim", "MedicationRequest", "Appointment", "ImagingStudy"}
    return [document for document in _examples(5) if document["resourceType"] in kinds]


def test_a_parameter_added_at_run_time_is_projected_into_its_own_table() -> None:
    mappings = dict(mappings_for(load()))
    for code, kind, expression in (
        ("nick-name", "string", "Patient.name.where(use='nickname').given"),
        ("keeper", "reference", "Patient.generalPractitioner.where(resolve() is Practitioner)"),
        ("born", "date", "Patient.birthDate"),
        ("stars", "number", "Patient.extension('urn:stars').value"),
        ("ward", "token", "Patient.extension('urn:ward').value"),
    ):
        added = SearchParameter(code, f"urn:{code}", code, kind, ("Patient",), expression, (), ())
        mappings["Patient"] = extended(mappings["Patient"], added)
    schema = build_schema(mappings, "postgresql")
    document = {
        "resourceType": "Patient",
        "name": [{"use": "nickname", "given": ["Zoë"]}, {"given": ["Other"]}],
        "birthDate": "1980",
        "generalPractitioner": [{"reference": "Organization/9"}, {"reference": "Practitioner/2"}],
        "extension": [
            {"url": "urn:stars", "valueInteger": 5},
            {"url": "urn:ward", "valueCoding": {"system": "urn:w", "code": "A"}},
        ],
    }
    made = project(document, Projector(schema))
    found = {code: schema.targets("Patient", code)[0] for code in ("nick-name", "keeper", "born", "stars", "ward")}
    values = {
        code: [{role: row.get(column) for role, column in target.columns.items()} for row in made[target.table]]
        for code, target in found.items()
    }
    assert [row["folded"] for row in values["nick-name"]] == ["zoe"]
    assert [row["key"] for row in values["keeper"]] == [12]
    assert [row["start"] for row in values["born"]] == ["1980-01-01 00:00:00+00:00"]
    assert [row["low"] for row in values["stars"]] == [Decimal(5)]
    assert [(row["system"], row["code"]) for row in values["ward"]] == [("urn:w", "A")]
