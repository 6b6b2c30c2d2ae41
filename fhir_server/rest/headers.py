"""HTTP headers that FHIR gives a meaning: ETag, If-Match, dates, Prefer.

https://hl7.org/fhir/R4/http.html#concurrency
https://hl7.org/fhir/R4/http.html#return
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from fhir_server.errors import BadRequest

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ETAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_ETAG_LIST = re.compile(rf"\s*{_ETAG.pattern}\s*(?:,\s*{_ETAG.pattern}\s*)*")
_PREFERENCE = re.compile(r'\s*([A-Za-z-]+)\s*=\s*"?([A-Za-z-]+)"?\s*')
_RETURNS = frozenset(("minimal", "representation", "OperationOutcome"))


def etag(version: int) -> str:
    """Return the weak entity tag of a version: W/"3"."""
    return f'W/"{version}"'


@lru_cache(maxsize=256)
def http_date(moment: datetime) -> str:
    """Return `moment` (UTC) as an HTTP date, to the second."""
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )


@dataclass(frozen=True, slots=True)
class Tags:
    """The entity tags of an If-Match or If-None-Match header; `any` stands for `*`."""

    any: bool
    values: frozenset[str] = frozenset()

    def match(self, version: int | None) -> bool:
        """Tell whether the current version (None: there is no resource) is among the tags."""
        return version is not None and (self.any or str(version) in self.values)


@lru_cache(maxsize=256)
def entity_tags(text: str, name: str) -> Tags:
    """Return the tags in a header value; weak and strong are alike, for FHIR's tags are weak.

    Raises BadRequest where the value is not a list of entity tags; `name` is the header's name.
    """
    if text.strip() == "*":
        return Tags(any=True)
    if not _ETAG_LIST.fullmatch(text):
        raise BadRequest(f'The {name} header must hold an ETag such as W/"3".')
    return Tags(any=False, values=frozenset(found.group(1) for found in _ETAG.finditer(text)))


def modified_since(text: str) -> datetime | None:
    """Return the moment of an If-Modified-Since or If-Unmodified-Since header in UTC.

    None for what is no date: RFC 9110 wants both headers ignored then.
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter for a date that leaves the calendar on its way to UTC
        return None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a Prefer header asks for.

    returns  "minimal", "representation", "OperationOutcome", or "" where the client says nothing
    lenient  handling=lenient: search parameters the server does not know are left out instead of refused
    """

    returns: str = ""
    lenient: bool = False


@lru_cache(maxsize=256)
def preferences(text: str) -> Preferences:
    """Return the preferences in a Prefer header; unknown ones are ignored, as RFC 7240 demands."""
    found: dict[str, str] = {}
    for part in re.split("[,;]", text):
        match = _PREFERENCE.fullmatch(part)
        if match:
            found.setdefault(match.group(1).lower(), match.group(2))
    returns = found.get("return", "")
    return Preferences(returns if returns in _RETURNS else "", found.get("handling") == "lenient")
