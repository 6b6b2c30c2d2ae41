"""The demo clinic: complete, consistent, deterministic, valid."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.demo import SYSTEM, clinic
from fhir_server.formats import json

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=timezone(timedelta(hours=1)))  # a Friday


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    return clinic(NOW)


def resources(bundle: dict[str, Any], of_type: str) -> dict[str, dict[str, Any]]:
    return {e["fullUrl"]: e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == of_type}


def test_the_clinic_holds_what_the_readme_promises(bundle) -> None:
    counts = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    assert counts["Location"] == 2
    assert counts["Organization"] == 3
    assert counts["Practitioner"] == counts["PractitionerRole"] == counts["Schedule"] == 4
    assert counts["Patient"] == counts["Coverage"] == 6
    assert counts["Slot"] >= 4 * 5 * 8
    for single in ("Encounter", "Condition", "MedicationRequest", "ImagingStudy", "Claim"):
        assert counts[single] == 1
    statuses = {appointment["status"] for appointment in resources(bundle, "Appointment").values()}
    assert statuses == {"booked", "pending", "cancelled", "noshow", "fulfilled"}


def test_the_same_clock_gives_the_same_bundle(bundle) -> None:
    assert clinic(NOW) == bundle
    assert clinic(NOW.replace(microsecond=999_999)) == bundle


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        clinic(NOW.replace(tzinfo=None))


def test_every_reference_stands_for_an_entry_of_the_bundle(bundle) -> None:
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    text = json.encode([entry["resource"] for entry in bundle["entry"]]).decode()
    references = set(re.findall(r'"reference":"([^"]*)"', text))
    assert references <= set(urls)


def test_every_entry_is_a_conditional_create_on_its_own_identifier(bundle) -> None:
    conditions = set()
    for entry in bundle["entry"]:
        value = entry["resource"]["identifier"][0]
        assert value["system"] == SYSTEM
        assert entry["request"] == {
            "method": "POST",
            "url": entry["resource"]["resourceType"],
            "ifNoneExist": f"identifier={SYSTEM}|{value['value']}",
        }
        assert "id" not in entry["resource"]
        conditions.add(entry["request"]["ifNoneExist"])
    assert len(conditions) == len(bundle["entry"])


def test_identifiers_do_not_depend_on_the_day_so_a_later_load_duplicates_nothing(bundle) -> None:
    later = clinic(NOW + timedelta(days=40, hours=7))
    assert [e["request"] for e in later["entry"]] == [e["request"] for e in bundle["entry"]]
    assert [e["fullUrl"] for e in later["entry"]] == [e["fullUrl"] for e in bundle["entry"]]


@pytest.mark.parametrize("days", range(7))
def test_coming_slots_lie_on_working_days_after_today_and_past_visits_before_now(days) -> None:
    now = NOW + timedelta(days=days)
    bundle = clinic(now)
    for slot in resources(bundle, "Slot").values():
        start = datetime.fromisoformat(slot["start"])
        assert start.weekday() < 5
        assert start.date() != now.date()
        assert start.utcoffset() == now.utcoffset()
    for appointment in resources(bundle, "Appointment").values():
        past = datetime.fromisoformat(appointment["start"]) < now
        assert past == (appointment["status"] in {"fulfilled", "noshow"})


def test_a_slot_is_busy_exactly_when_a_living_appointment_holds_it(bundle) -> None:
    held = {}
    for appointment in resources(bundle, "Appointment").values():
        for reference in appointment.get("slot", ()):
            assert reference["reference"] not in held
            held[reference["reference"]] = appointment
    for url, slot in resources(bundle, "Slot").items():
        appointment = held.get(url)
        if appointment is None:
            assert slot["status"] == "free"
            continue
        assert slot["status"] == ("busy-tentative" if appointment["status"] == "pending" else "busy")
        assert (slot["start"], slot["end"]) == (appointment["start"], appointment["end"])


def test_slots_of_one_schedule_do_not_overlap(bundle) -> None:
    starts = Counter((slot["schedule"]["reference"], slot["start"]) for slot in resources(bundle, "Slot").values())
    assert set(starts.values()) == {1}


def test_the_claim_adds_up(bundle) -> None:
    (claim,) = resources(bundle, "Claim").values()
    assert sum(Decimal(item["net"]["value"]) for item in claim["item"]) == claim["total"]["value"]


def test_a_claim_keeps_its_cents(bundle) -> None:
    (claim,) = resources(bundle, "Claim").values()
    assert claim["item"][0]["net"]["value"] == Decimal("87.55")


def test_the_clinic_in_utc_is_as_good_as_any() -> None:
    starts = {slot["start"][-1] for slot in resources(clinic(NOW.astimezone(UTC)), "Slot").values()}
    assert starts == {"Z"}


def test_every_resource_and_the_bundle_pass_the_validator(bundle) -> None:
    from fhir_server.definitions import load
    from fhir_server.validation import Validator

    issues = Validator(load()).validate(bundle)
    assert [issue for issue in issues if issue.severity in {"error", "fatal"}] == []
