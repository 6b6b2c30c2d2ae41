"""Formats of the primitive datatypes: what the official patterns demand, and the calendar and alphabets behind them.

https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from fhir_server.validation.findings import Check, Findings, Found, Scope

MAX_STRING = 1024 * 1024
"""Characters a FHIR string may have."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_YEAR = r"(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE = re.compile(rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_YEAR}-{_DAY}")
_DATE_TIME = re.compile(rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_YEAR}-{_DAY}(?:T{_TIME}{_ZONE})?")
_INSTANT = re.compile(rf"{_YEAR}-{_DAY}T{_TIME}{_ZONE}")
_CLOCK = re.compile(_TIME)
_CODE = re.compile(r"[^\s]+(?:\s[^\s]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANY_UUID = re.compile(_UUID.pattern, re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_SPACE = re.compile(r"\s")

Fault: TypeAlias = "tuple[str, str] | None"
"""Issue code and sentence, or None for a value that is right."""


def _kind(value: Any, wanted: str) -> tuple[str, str]:
    """Explain a value of the wrong JSON type (or an empty one)."""
    if value is None:
        return "structure", f"null stands where a {wanted} is expected; leave the element out instead."
    if isinstance(value, dict | list):
        shape = "object" if isinstance(value, dict) else "array"
        return (
            "structure",
            f"A JSON {shape} stands where a {wanted} belongs.",
        )
    if value == "":
        return "value", "The value is empty; leave the element out instead."
    return "value", f"The value is not a JSON {wanted}."


def _text_fault(value: Any) -> Fault:
    if type(value) is not str or not value:
        return _kind(value, "string")
    if len(value) > MAX_STRING:
        return "value", f"The text is longer than {MAX_STRING} characters."
    if _FORBIDDEN.search(value):
        return "value", "The text holds a control character or an unpaired surrogate; FHIR allows only tab, CR and LF."
    return None


def _real_day(value: str) -> bool:
    """Return whether the calendar has the day with which `value` (a matched pattern) starts."""
    if len(value) < 10 or value[8] < "2" or value[8:10] <= "28":
        return True
    return int(value[8:10]) <= monthrange(int(value[:4]), int(value[5:7]))[1]


def _temporal(pattern: re.Pattern[str], wanted: str) -> Callable[[Any], Fault]:
    def fault(value: Any) -> Fault:
        if type(value) is not str or not value:
            return _kind(value, "string")
        if pattern.fullmatch(value) is None:
            return "value", f"The value is not a {wanted}."
        return None if _real_day(value) else ("value", "The calendar has no such day.")

    return fault


def _time_fault(value: Any) -> Fault:
    if type(value) is not str or not value:
        return _kind(value, "string")
    return None if _CLOCK.fullmatch(value) else ("value", "The value is not a time written as hh:mm:ss.")


def _pattern(pattern: re.Pattern[str], sentence: str) -> Callable[[Any], Fault]:
    def fault(value: Any) -> Fault:
        if type(value) is not str or not value:
            return _kind(value, "string")
        if len(value) > MAX_STRING or pattern.fullmatch(value) is None:
            return "value", sentence
        return None

    return fault


def _uri_fault(value: Any) -> Fault:
    """Check a uri: no white space, and the shape of the two URN kinds that FHIR names."""
    found = _text_fault(value)
    if found is None and _SPACE.search(value):
        return "value", "A URI holds no white space."
    if found is None and value.startswith("urn:"):
        if value.startswith("urn:oid:") and _OID.fullmatch(value) is None:
            return "value", "The value after urn:oid: is not an OID."
        if value.startswith("urn:uuid:") and _ANY_UUID.fullmatch(value) is None:
            return "value", "The value after urn:uuid: is not a UUID."
    return found


def _base64_fault(value: Any) -> Fault:
    if type(value) is not str or not value:
        return _kind(value, "string")
    try:
        a2b_base64(value, strict_mode=True)
    except (Base64Error, ValueError):
        try:
            a2b_base64("".join(value.split()), strict_mode=True)
        except (Base64Error, ValueError):
            return "value", "The value is not base64."
    return None


def _boolean_fault(value: Any) -> Fault:
    return None if value is True or value is False else _kind(value, "boolean")


def _whole(least: int, most: int) -> Callable[[Any], Fault]:
    def fault(value: Any) -> Fault:
        if type(value) is not int:
            return _kind(value, "integer")
        return None if least <= value <= most else ("value", f"The number is not between {least} and {most}.")

    return fault


def _decimal_fault(value: Any) -> Fault:
    if type(value) is int:
        return None
    if not isinstance(value, Decimal):
        return _kind(value, "number")
    return None if value.is_finite() else ("value", "The number is not finite.")


FAULTS: dict[str, Callable[[Any], Fault]] = {
    "base64Binary": _base64_fault,
    "boolean": _boolean_fault,
    "canonical": _uri_fault,
    "code": _pattern(_CODE, "A code holds no white space but single spaces between its words."),
    "date": _temporal(_DATE, "date written as YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _temporal(_DATE_TIME, "date, or a date with a time hh:mm:ss and a time zone"),
    "decimal": _decimal_fault,
    "id": _pattern(_ID, "An id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'."),
    "instant": _temporal(_INSTANT, "date with a time hh:mm:ss and a time zone"),
    "integer": _whole(-(2**31), 2**31 - 1),
    "markdown": _text_fault,
    "oid": _pattern(_OID, "The value is not an OID written as urn:oid:1.2.3."),
    "positiveInt": _whole(1, 2**31 - 1),
    "string": _text_fault,
    "time": _time_fault,
    "unsignedInt": _whole(0, 2**31 - 1),
    "uri": _uri_fault,
    "url": _uri_fault,
    "uuid": _pattern(_UUID, "The value is not a UUID written as urn:uuid: and lower-case digits."),
    "xhtml": _text_fault,
}
"""Primitive datatype -> function of a JSON value that returns what is wrong with it."""


def _string_check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    if type(value) is str and 0 < len(value) <= MAX_STRING and (value.isprintable() or not _FORBIDDEN.search(value)):
        return None
    return [Found("", *(_text_fault(value) or ("value", "The text is not valid.")))]


def _uri_check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
    if type(value) is str and value.startswith("http") and value.isprintable() and " " not in value:
        return None
    found = _uri_fault(value)
    return None if found is None else [Found("", *found)]


def _word_check(fault: Callable[[Any], Fault], longest: int) -> Check:
    """Return a check that lets plain ASCII words pass before it asks for `fault`."""

    def check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
        if type(value) is str and value.isalnum() and value.isascii() and len(value) <= longest:
            return None
        found = fault(value)
        return None if found is None else [Found("", *found)]

    return check


def _day_check(fault: Callable[[Any], Fault], pattern: re.Pattern[str]) -> Check:
    """Return a check that lets days before the 29th pass before it asks for `fault`."""
    matches = pattern.fullmatch

    def check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
        if type(value) is str and matches(value) and value[8:10] <= "28":
            return None
        found = fault(value)
        return None if found is None else [Found("", *found)]

    return check


def without_markup(check: Check) -> Check:
    """Return `check` of a string or markdown, plus that nothing in it looks like an HTML tag."""

    def plain(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        findings = check(value, scope, owner)
        if findings is None and "<" in value and _TAG.search(value):
            return [
                Found("", "business-rule", "The text holds what looks like an HTML tag; this server takes plain text.")
            ]
        return findings

    return plain


def preferably_absolute(check: Check) -> Check:
    """Return `check` of a uri plus a warning for a relative one; R4's own examples hold some where it wants none."""

    def absolute(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        findings = check(value, scope, owner)
        if findings is None and value[0] != "#" and ":" not in value:
            return [Found("", "value", "This URL should be absolute.", "warning")]
        return findings

    return absolute


def check_of(name: str) -> Check:
    """Return the check of the primitive datatype `name`. Raises KeyError for a name R4 does not know."""
    if name in ("string", "markdown"):
        return _string_check
    if name in ("uri", "url", "canonical"):
        return _uri_check
    if name in ("code", "id"):
        return _word_check(FAULTS[name], 64 if name == "id" else MAX_STRING)
    if name in ("date", "dateTime", "instant"):
        return _day_check(FAULTS[name], {"date": _DATE, "dateTime": _DATE_TIME, "instant": _INSTANT}[name])
    fault = FAULTS[name]

    def check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
        found = fault(value)
        return None if found is None else [Found("", *found)]

    return check
