"""https://hl7.org/fhir/R4/http.html#Http-Headers"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from fhir_server.rest.headers import Preferences, entity_tags, http_date, modified_since, preferences


@pytest.mark.parametrize(
    "text, version, matches",
    [
        ('W/"3"', 3, True),
        ('"3"', 3, True),
        ('W/"3"', 4, False),
        ('W/"1", "3" ,W/"5"', 3, True),
        ("*", 3, True),
        (" * ", 3, True),
        ("*", None, False),
        ('W/"3"', None, False),
        ('W/"abc"', 3, False),
    ],
)
def test_entity_tags_name_versions(text: str, version: int | None, matches: bool) -> None:
    assert entity_tags(text, "If-Match").match(version) is matches


@pytest.mark.parametrize("text", ["", "3", 'W/"3', 'w/"3"', '"3" "4"', '"3",', 'W/"a b"', "**", '"\x00"', '"ä"'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        entity_tags(text, "If-Match")


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))  # noqa: DTZ001 - hypothesis wants it naive
def test_dates_survive_the_header(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert parsedate_to_datetime(http_date(moment)) == whole
    assert modified_since(http_date(moment)) == whole


@pytest.mark.parametrize("text", ["", "yesterday", "2024-01-01", "Mon, 99 Jan 2024 00:00:00 GMT"])
def test_a_date_that_is_none_is_ignored(text: str) -> None:
    assert modified_since(text) is None


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", Preferences()),
        ("return=minimal", Preferences("minimal")),
        ('return="representation"', Preferences("representation")),
        ("handling=lenient; return=OperationOutcome", Preferences("OperationOutcome", lenient=True)),
        ("respond-async, handling=strict", Preferences()),
        ("return=nonsense", Preferences()),
        ("return=minimal, return=representation", Preferences("minimal")),
    ],
)
def test_preferences_are_read_and_unknown_ones_ignored(text: str, expected: Preferences) -> None:
    assert preferences(text) == expected
