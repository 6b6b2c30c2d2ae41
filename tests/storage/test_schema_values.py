"""Values as the tables hold them: intervals of dates, folded text, exact numbers.

https://hl7.org/fhir/R4/search.html#date and https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Invalid
from fhir_server.storage.columns import EARLIEST, LATEST, bound_text, instant_text, read_bound, read_instant
from fhir_server.storage.fold import LONGEST_TOKEN, fold, fold_phone, token_text
from fhir_server.storage.intervals import interval
from fhir_server.storage.representation import exact


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("2026-12", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("2024-02", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("2026-11-20T10:15Z", "2026-11-20T10:15:00", "2026-11-20T10:16:00"),
        ("2026-11-20T10:15:30Z", "2026-11-20T10:15:30", "2026-11-20T10:15:31"),
        ("2026-11-20T10:15:30.5+01:00", "2026-11-20T09:15:30.5", "2026-11-20T09:15:30.6"),
        ("2026-11-20T10:15:30.123456Z", "2026-11-20T10:15:30.123456", "2026-11-20T10:15:30.123457"),
        ("2026-11-20T10:15:30.123456789Z", "2026-11-20T10:15:30.123456", "2026-11-20T10:15:30.123457"),
        ("2026-11-20T23:59:60Z", "2026-11-21T00:00:00", "2026-11-21T00:00:01"),
        ("2026-01-01T00:30:00-14:00", "2026-01-01T14:30:00", "2026-01-01T14:30:01"),
    ],
)
def test_a_date_covers_the_interval_of_its_precision(text: str, start: str, end: str) -> None:
    found = interval(text)
    assert found == (
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


def test_intervals_are_cut_at_the_ends_of_the_calendar() -> None:
    assert interval("9999") == (datetime(9999, 1, 1, tzinfo=UTC), LATEST)
    assert interval("9999-12") == (datetime(9999, 12, 1, tzinfo=UTC), LATEST)
    assert interval("9999-12-31")[1] == LATEST
    assert interval("9999-12-31T23:59:59-12:00") == (LATEST, LATEST)
    assert interval("0001-01-01T00:00:00+14:00")[0] == EARLIEST
    assert interval("0001")[0] == EARLIEST
    for zone in (-12, 14):
        assert EARLIEST.astimezone(timezone(timedelta(hours=zone))) == EARLIEST
        assert LATEST.astimezone(timezone(timedelta(hours=zone))) == LATEST


@pytest.mark.parametrize("text", ["", "2026-13", "2023-02-29", "20261120", "2026-11-20T25:00:00Z", "today", "2026-1-1"])
def test_what_is_no_date_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        interval(text)
    assert not text or text not in caught.value.diagnostics


moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31))  # noqa: DTZ001 - zones are added below
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_an_interval_holds_its_moment_and_nothing_before(moment: datetime, zone: timezone) -> None:
    local = moment.replace(tzinfo=zone)
    start, end = interval(local.isoformat("T", "microseconds"))
    assert start == local and end == local + timedelta(microseconds=1)
    assert start.utcoffset() == timedelta(0)


@given(moments, moments)
def test_sqlite_moments_sort_as_text(one: datetime, other: datetime) -> None:
    a, b = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    assert (instant_text(a) < instant_text(b)) == (a < b)
    assert read_instant(instant_text(a)) == a


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("MÜLLER", "muller"),
        ("Strauß", "strauss"),
        ("  Ada\t Lovelace ", "ada lovelace"),
        ("Ｆｕｌｌ", "full"),
        ("İstanbul", "istanbul"),
        ("Ångström", "angstrom"),
        ("zero\u200bwidth", "zerowidth"),
        ("Σίσυφος", "σισυφοσ"),
        ("田中", "田中"),
        ("हिन्दी", "हिनदी"),
    ],
)
def test_folding_drops_case_accents_and_invisible_characters(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_normal_forms_and_case_fold_alike(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == fold(text)
    assert fold(text.upper().lower()) == fold(fold(text).upper().lower())


def test_phone_numbers_are_compared_by_their_digits() -> None:
    assert fold_phone("(03) 5555 6473") == "0355556473"
    assert fold_phone("+49-30 / 12") == "+493012"
    assert fold_phone("Front Desk") == "front desk"


@given(st.text(min_size=1, max_size=600), st.text(min_size=1, max_size=600))
def test_long_tokens_stay_short_and_distinct(one: str, other: str) -> None:
    assert len(token_text(one)) <= LONGEST_TOKEN
    assert (token_text(one) == token_text(other)) == (one == other)
    assert len(one) > LONGEST_TOKEN or token_text(one) == one


decimals = st.decimals(allow_nan=False, allow_infinity=False) | st.integers().map(Decimal)


@given(decimals, decimals)
def test_sqlite_bounds_sort_as_numbers_exactly(one: Decimal, other: Decimal) -> None:
    a, b = exact(one), exact(other)
    assert (bound_text(a) < bound_text(b)) == (a < b)
    assert (bound_text(a) == bound_text(b)) == (a == b)
    assert read_bound(bound_text(a)) == a


@pytest.mark.parametrize(
    "text", ["1.00", "100", "1E+2", "0.1000000000000000000000001", "-0.0", "12345678901234567890.5"]
)
def test_bounds_lose_no_digit(text: str) -> None:
    assert read_bound(bound_text(Decimal(text))) == Decimal(text)


def test_numbers_beyond_the_database_are_infinite_or_zero() -> None:
    assert exact(Decimal("1E+5000")) == Decimal("Infinity")
    assert exact(Decimal("-1E+5000")) == Decimal("-Infinity")
    assert exact(Decimal("1E-5000")) == 0
    assert bound_text(Decimal("-Infinity")) < bound_text(Decimal("-1E+900")) < bound_text(Decimal(0))
    assert bound_text(Decimal("1E+900")) < bound_text(Decimal("Infinity"))
