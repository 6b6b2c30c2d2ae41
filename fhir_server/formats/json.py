"""FHIR JSON to dictionaries and back, without losing a digit and without letting bad text through.

https://hl7.org/fhir/R4/json.html

Numbers with a fraction or an exponent are `Decimal` (`1.00` stays `1.00`), as are integers beyond 64 bits.
A document that the standard allows costs one decode, one encode and a few searches in C. Only when one of these
raises a suspicion does slower code decide exactly, and only when that refuses does the scanner look for the place.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, DecimalException
from typing import Any

import msgspec

from fhir_server.errors import MalformedContent
from fhir_server.formats.encoding import plain_utf8
from fhir_server.formats.json_scan import Cursor, find, find_offset, line_and_column
from fhir_server.formats.numbers import LIMIT, decimal_of, fits_word

_DECODER = msgspec.json.Decoder(float_hook=decimal_of)
_TRUSTED = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")

_COLON_ESCAPE = re.compile(rb"\\u003")
_MAYBE_CONTROL = re.compile(rb"\\[ubf]")
_CONTROL = re.compile(rb"(?<!\\)(?:\\\\)*+\\[ubf]")  # an odd number of backslashes: an escape, not the text of one
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_WIDE_INTEGER = b"0" * 19  # shorter ones fit 64 bits
_MINUS = ord("-")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")
_BYTE_IN_MESSAGE = re.compile(r" \(byte (\d+)\)$")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decode(raw: bytes, *, max_depth: int = 64) -> dict[str, Any]:
    """Return the JSON object in `raw` as a dictionary.

    max_depth  deepest nesting of FHIR elements; JSON writes a repeating one as an object in an array, so twice as
               many brackets may be open
    Raises MalformedContent (structure, or value for text and numbers FHIR cannot hold) and UnsupportedMediaType.
    """
    value = _decode(raw, max_depth)
    if not isinstance(value, dict):
        raise MalformedContent(f"The body must be one JSON object, not {_kind(value)}.")
    return value


def decode_array(raw: bytes, *, max_depth: int = 64) -> list[Any]:
    """Return the JSON array in `raw` (a JSON Patch document) as a list; bounds and errors as for `decode`."""
    value = _decode(raw, max_depth)
    if not isinstance(value, list):
        raise MalformedContent(f"The body must be one JSON array, not {_kind(value)}.")
    return value


def decode_trusted(text: bytes | str) -> Any:
    """Return the value of JSON text that this server encoded itself: no check is repeated."""
    return _TRUSTED.decode(text)


def encode(value: Any) -> bytes:
    """Return compact JSON; a Decimal is written as a number with its digits, names keep their order."""
    return _ENCODER.encode(value)


def encode_pretty(value: Any) -> bytes:
    """Return the same JSON laid out for people, two spaces a level."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2)


def _decode(raw: bytes, max_depth: int) -> Any:
    raw = plain_utf8(raw, "JSON")
    try:
        return _checked(raw, _DECODER.decode(raw), max_depth)
    except RecursionError:
        raise _too_deep(max_depth, "") from None
    except UnicodeDecodeError:
        raise _not_utf8(raw) from None
    except (DecimalException, msgspec.ValidationError):
        raise _bad_number(raw) from None
    except msgspec.DecodeError as error:
        raise _malformed(raw, str(error)) from None


def _checked(raw: bytes, value: Any, max_depth: int) -> Any:
    """Return `value`, decoded from `raw`, after proving what the decoder does not look at."""
    again = _ENCODER.encode(value)
    limit = 2 * max_depth
    if not _surely_within(again, limit) and _deeper_than(value, limit):
        place = find(raw, lambda cursor: cursor.depth > limit)
        raise _too_deep(max_depth, _ancestor(place))
    # A name that stood twice is gone from `again`, and its colon with it. Colons in strings are in both, unless
    # `raw` writes one as an escape.
    if raw.count(b":") != again.count(b":") or _COLON_ESCAPE.search(raw):
        _refuse_duplicates(raw)
    if _MAYBE_CONTROL.search(again) and _CONTROL.search(again):
        raise _control_character(raw)
    if _may_hold_wide_integer(again.translate(_DIGITS_TO_ZERO)):
        return _without_wide_integers(raw, value)
    return value


def _may_hold_wide_integer(zeros: bytes) -> bool:
    """Tell whether a run of digits, all turned to "0", is long and stands where a number can; most stand in strings."""
    at = zeros.find(_WIDE_INTEGER)
    while at >= 0:
        before = at - 2 if zeros[at - 1] == _MINUS else at - 1
        if zeros[before] in b":,[":
            return True
        at = zeros.find(_WIDE_INTEGER, at + len(_WIDE_INTEGER))
    return False


def _surely_within(text: bytes, limit: int) -> bool:
    """Tell, by searches in C alone, that JSON `text` nests at most `limit` deep; False means: look closer.

    The brackets alone are taken, and pairs that hold nothing are struck out; each round strikes out one level or two.
    Brackets in strings may leave a rest.
    """
    brackets = text.translate(None, _NO_BRACKETS)
    for _ in range(limit // 2):
        if not brackets:
            return True
        fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(fewer) == len(brackets):
            return False
        brackets = fewer
    return not brackets


def _deeper_than(value: Any, limit: int) -> bool:
    """Tell whether more than `limit` objects and arrays are nested in each other, level by level."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            for child in (item.values() if type(item) is dict else item)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _without_wide_integers(raw: bytes, value: Any) -> Any:
    """Return `value` with integers beyond 64 bits as Decimal: databases and drivers stop at 64 bits."""
    if type(value) is dict:
        return {name: _without_wide_integers(raw, item) for name, item in value.items()}
    if type(value) is list:
        return [_without_wide_integers(raw, item) for item in value]
    if type(value) is int and not fits_word(value):
        try:
            return decimal_of(value)
        except DecimalException:
            raise _bad_number(raw) from None
    return value


class _DuplicateName(Exception):
    """Ends the standard decoder at the first object that has a name twice."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise _DuplicateName
        seen.add(name)


def _refuse_duplicates(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_unique, parse_int=len, parse_float=len)
    except _DuplicateName:
        place = find(raw, lambda cursor: cursor.duplicate)
        name = f" {place.name}" if place else ""
        raise MalformedContent(f"A JSON object has the property{name} twice{_at(raw, place)}.", _path(place)) from None


def _malformed(raw: bytes, message: str) -> MalformedContent:
    """Return the error for what the decoder refused, with the place it stopped at."""
    surrogate = find(raw, _is_broken_string) if _SURROGATE.search(raw) else None
    if surrogate is not None:
        text = f"A string holds half of a surrogate pair, which is no character{_at(raw, surrogate)}."
        return MalformedContent(text, surrogate.expression, code="value")
    found = _BYTE_IN_MESSAGE.search(message)
    offset = min(int(found[1]), len(raw)) if found else len(raw)
    byte = raw[offset : offset + 1]
    place = find_offset(raw, offset)
    if found is None:
        detail = "the text ends before the document does"
    elif byte in (b"N", b"I") or raw[offset - 1 : offset + 1] == b"-I":
        detail = "NaN and Infinity are no numbers in JSON"
    elif b"" < byte < b" " and place is not None and place.text.startswith(b'"'):
        detail = "control characters in a string must be escaped"
    else:
        detail = message.removeprefix("JSON is malformed: ").removesuffix(found[0])
    return MalformedContent(f"The body is not JSON: {detail} ({line_and_column(raw, offset)}).", _path(place))


def _is_broken_string(cursor: Cursor) -> bool:
    """The token is a string that cannot be written as UTF-8."""
    if not cursor.is_string or b"\\u" not in cursor.text:
        return False
    try:
        json.loads(cursor.text).encode()
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False
    return False


def _is_bad_number(cursor: Cursor) -> bool:
    if not cursor.is_number:
        return False
    try:
        decimal_of(cursor.text.decode("ascii", "replace"))
    except DecimalException:
        return True
    return False


def _bad_number(raw: bytes) -> MalformedContent:
    place = find(raw, _is_bad_number)
    return MalformedContent(f"A number is too large or too precise{_at(raw, place)}: {LIMIT}.", _path(place), "value")


def _control_character(raw: bytes) -> MalformedContent:
    place = find(raw, _holds_control_character)
    text = f"A string holds a control character other than tab, line feed and carriage return{_at(raw, place)}."
    return MalformedContent(text, _path(place), "value")


def _holds_control_character(cursor: Cursor) -> bool:
    return cursor.is_string and _CONTROL.search(_ENCODER.encode(json.loads(cursor.text))) is not None


def _not_utf8(raw: bytes) -> MalformedContent:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        place = find_offset(raw, error.start)
        return MalformedContent(f"The body is not UTF-8 ({line_and_column(raw, error.start)}).", _path(place))
    return MalformedContent("The body is not UTF-8.")


def _too_deep(max_depth: int, expression: str) -> MalformedContent:
    return MalformedContent(f"The document nests elements deeper than {max_depth} levels.", expression)


def _ancestor(place: Cursor | None) -> str:
    """Return the path of an element near the root that holds the place, short enough to read."""
    if place is None:
        return ""
    del place.frames[4:]
    return place.expression


def _at(raw: bytes, place: Cursor | None) -> str:
    return f" ({line_and_column(raw, place.start)})" if place else ""


def _path(place: Cursor | None) -> str:
    return place.expression if place else ""


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
