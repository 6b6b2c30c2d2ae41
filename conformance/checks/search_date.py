"""Search by dates: partial dates, times, periods, and the prefixes.

https://hl7.org/fhir/R4/search.html#date
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.samples import Resource
from conformance.shelf import Shelf, shelf
from conformance.target import Target


def _days(target: Target) -> Shelf:
    """Return patients whose birth dates have different precision."""
    dates = {
        "day": "1990-05-10",
        "next": "1990-05-11",
        "month": "1990-05",
        "year": "1990",
        "later": "1991-02-03",
    }
    return shelf(
        target, "days", "Patient", lambda _: {name: {"active": True, "birthDate": d} for name, d in dates.items()}
    )


def _moments(target: Target) -> Shelf:
    """Return observations with times far from midnight in any zone, and with periods that may be open."""
    times: dict[str, Resource] = {
        "noon": {"effectiveDateTime": "2013-01-14T12:00:00Z"},
        "other": {"effectiveDateTime": "2013-01-16T12:00:30Z"},
        "spring": {"effectivePeriod": {"start": "2013-02-10", "end": "2013-03-20"}},
        "since": {"effectivePeriod": {"start": "2013-01-21"}},
        "until": {"effectivePeriod": {"end": "2013-01-01"}},
        "after": {"effectivePeriod": {"start": "2013-03-25"}},
    }
    return shelf(
        target,
        "moments",
        "Observation",
        lambda _: {name: {"status": "final", "code": {"text": "Conformance"}, **time} for name, time in times.items()},
    )


def _partial(target: Target) -> None:
    _days(target).finds(
        target,
        {
            "birthdate=1990-05-10": "day",
            "birthdate=eq1990-05-10": "day",
            "birthdate=1990-05": "day next month",
            "birthdate=1990": "day next month year",
            "birthdate=1989": "",
        },
    )


def _not_equal(target: Target) -> None:
    _days(target).finds(
        target,
        {"birthdate=ne1990-05-10": "next month year later", "birthdate=ne1990-05": "year later"},
    )


def _compared(target: Target) -> None:
    _days(target).finds(
        target,
        {
            "birthdate=ge1990-05-11": "next month year later",
            "birthdate=le1990-05-10": "day month year",
            "birthdate=gt1990-06": "year later",
            "birthdate=lt1991": "day next month year",
            "birthdate=ge1990-05-01&birthdate=lt1990-06-01": "day next month year",
        },
    )


def _part_of_day(target: Target) -> None:
    _days(target).finds(
        target,
        {
            "birthdate=lt1990-05-10T10:00": "day month year",
            "birthdate=gt1990-05-10T10:00": "day next month year later",
        },
    )


def _day_apart(target: Target) -> None:
    _days(target).finds(target, {"birthdate=sa1990-05-31": "later", "birthdate=eb1990-05-11": "day"})


def _times(target: Target) -> None:
    _moments(target).finds(
        target,
        {
            "date=2013-01-14": "noon",
            "date=2013-01": "noon other",
            "date=2013": "noon other spring",
            "date=2013-01-14T12:00:00Z": "noon",
            "date=2013-01-14T12:00:01Z": "",
            "date=gt2013-01-14T13:00:00Z&date=lt2013-01-20": "other",
        },
    )


def _minutes(target: Target) -> None:
    _moments(target).finds(
        target, {"date=2013-01-14T12:00Z": "noon", "date=2013-01-16T12:00Z": "other", "date=2013-01-16T12:01Z": ""}
    )


def _zones(target: Target) -> None:
    _moments(target).finds(
        target,
        {"date=2013-01-14T14:00:00+02:00": "noon", "date=2013-01-14T12:00:00+02:00": ""},
    )


def _periods(target: Target) -> None:
    _moments(target).finds(
        target,
        {
            "date=2013-02": "",
            "date=ge2013-03-14": "spring since after",
            "date=le2013-03-14": "noon other spring since until",
            "date=gt2013-01-18": "spring since after",
            "date=lt2013-01-10": "until",
        },
    )


def _periods_apart(target: Target) -> None:
    _moments(target).finds(
        target,
        {
            "date=sa2013-03-14": "after",
            "date=eb2013-03-14": "noon other until",
            "date=sa2013-01-18": "spring since after",
        },
    )


def _about(target: Target) -> None:
    found = _moments(target).found(target, "date=ap2013-01-14")
    if "noon" not in found:
        expect.fail("date=ap2013-01-14 does not find 2013-01-14T12:00:00Z, which it matches exactly")


def _range(target: Target) -> None:
    _moments(target).finds(
        target,
        {"date=ge2013-01-15&date=le2013-01-31": "other since", "date=2013-01-14,2013-01-16": "noon other"},
    )


_DATE = need.searchable("Patient", "birthdate")
_TIME = need.searchable("Observation", "date")

GROUP = Group(
    "search-date",
    "Search by date",
    (
        Check(
            "search-date-partial",
            "A date without prefix matches dates that it fully contains",
            "search.html#date",
            Level.SHALL,
            _partial,
            _DATE,
        ),
        Check(
            "search-date-not-equal",
            "ne matches dates that the date does not fully contain",
            "search.html#prefix",
            Level.SHALL,
            _not_equal,
            _DATE,
        ),
        Check(
            "search-date-compared",
            "gt, lt, ge and le match dates that reach beyond the date",
            "search.html#prefix",
            Level.SHALL,
            _compared,
            _DATE,
        ),
        Check(
            "search-date-part-of-day",
            "A whole day is before and after a time within it",
            "search.html#date",
            Level.SHALL,
            _part_of_day,
            _DATE,
        ),
        Check(
            "search-date-apart",
            "sa and eb match dates that do not overlap with the date",
            "search.html#prefix",
            Level.SHALL,
            _day_apart,
            _DATE,
        ),
        Check(
            "search-date-times",
            "Days, months, years and seconds match the times within them",
            "search.html#date",
            Level.SHALL,
            _times,
            _TIME,
        ),
        Check(
            "search-date-minutes",
            "A time may be given in hours and minutes without seconds",
            "search.html#date",
            Level.SHALL,
            _minutes,
            _TIME,
        ),
        Check(
            "search-date-zones",
            "Times are corrected for their time zones",
            "search.html#date",
            Level.SHOULD,
            _zones,
            _TIME,
        ),
        Check(
            "search-date-periods",
            "A missing end of a period is before or after any date",
            "search.html#date",
            Level.SHALL,
            _periods,
            _TIME,
        ),
        Check(
            "search-date-periods-apart",
            "sa and eb match periods that start after or end before the date",
            "search.html#date",
            Level.SHALL,
            _periods_apart,
            _TIME,
        ),
        Check(
            "search-date-about",
            "ap matches a date that is the same",
            "search.html#date",
            Level.SHALL,
            _about,
            _TIME,
        ),
        Check(
            "search-date-range",
            "Repeating a date parameter makes a range, a comma makes alternatives",
            "search.html#combining",
            Level.SHALL,
            _range,
            _TIME,
        ),
    ),
)
