"""Functions on strings.

https://hl7.org/fhirpath/N1/#string-manipulation
"""

from __future__ import annotations

import base64
import binascii
import html
import json
from collections.abc import Callable
from typing import Any

from fhir_server.fhirpath import regex
from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.function import Function
from fhir_server.fhirpath.operators import EMPTY, MAX_TEXT, boolean, text
from fhir_server.fhirpath.values import integer, string


def _on_string(name: str, operate: Callable[..., Any]) -> Callable[..., Items]:
    """Make a function of one string and string arguments; empty where any of them is empty."""

    def run(items: Items, env: Environment, *arguments: Items) -> Items:
        words = []
        for part in (items, *arguments):
            word = string(part, f"{name}()")
            if word is None:
                return EMPTY
            words.append(word)
        env.spend(len(words[0]) // 100)
        result = operate(*words)
        return [text(result, env)] if isinstance(result, str) else [result]

    return run


def substring(items: Items, _: Environment, start: Items, length: Items | None = None) -> Items:
    word, first = string(items, "substring()"), integer(start, "substring()")
    if word is None or first is None or not 0 <= first < len(word):
        return EMPTY
    size = None if length is None else integer(length, "substring()")
    return [word[first:] if size is None else word[first : first + max(size, 0)]]


def replace(items: Items, env: Environment, pattern: Items, substitution: Items) -> Items:
    word, old, new = (string(part, "replace()") for part in (items, pattern, substitution))
    if word is None or old is None or new is None:
        return EMPTY
    if (word.count(old) if old else len(word) + 1) * len(new) > MAX_TEXT:
        env.spend(env.steps + 1)
    return [text(word.replace(old, new), env)]


def replace_matches(items: Items, env: Environment, pattern: Items, substitution: Items) -> Items:
    word, old, new = (string(part, "replaceMatches()") for part in (items, pattern, substitution))
    if word is None or old is None or new is None:
        return EMPTY
    if not old:
        return [word]
    if (len(word) + 1) * len(new) > MAX_TEXT:
        env.spend(env.steps + 1)
    return [text(regex.replace(word, old, new, env), env)]


def to_chars(items: Items, env: Environment) -> Items:
    word = string(items, "toChars()")
    env.spend(len(word or ""))
    return list(word or "")


def split(items: Items, env: Environment, separator: Items) -> Items:
    word, mark = string(items, "split()"), string(separator, "split()")
    if word is None or mark is None:
        return EMPTY
    parts = word.split(mark) if mark else list(word)
    env.spend(len(parts))
    return list(parts)


def join(items: Items, env: Environment, separator: Items | None = None) -> Items:
    mark = "" if separator is None else string(separator, "join()") or ""
    if not items:
        return EMPTY
    words = [string([item], "join()") or "" for item in items]
    env.spend(len(words) + len(mark) * len(words) // 10)
    return [text(mark.join(words), env)]


def _on_pattern(name: str, test: Callable[[str, str, Environment], bool]) -> Callable[..., Items]:
    def run(items: Items, env: Environment, pattern: Items) -> Items:
        word, wanted = string(items, f"{name}()"), string(pattern, f"{name}()")
        return EMPTY if word is None or wanted is None else boolean(test(word, wanted, env))

    return run


def _encode(word: str, form: str) -> str:
    raw = word.encode()
    if form == "hex":
        return raw.hex()
    if form == "base64":
        return base64.b64encode(raw).decode()
    if form == "urlbase64":
        return base64.urlsafe_b64encode(raw).decode()
    raise FhirPathError("encode() and decode() know hex, base64 and urlbase64")


def _decode(word: str, form: str) -> str:
    try:
        if form == "hex":
            return bytes.fromhex(word).decode()
        if form == "base64":
            return base64.b64decode(word, validate=True).decode()
        if form == "urlbase64":
            return base64.b64decode(word, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise FhirPathError("decode() got a text that is not encoded that way") from None
    raise FhirPathError("encode() and decode() know hex, base64 and urlbase64")


def _escape(word: str, form: str) -> str:
    if form == "html":
        return html.escape(word).replace("&#x27;", "&#39;")
    if form == "json":
        return json.dumps(word, ensure_ascii=False)[1:-1]
    raise FhirPathError("escape() and unescape() know html and json")


def _unescape(word: str, form: str) -> str:
    if form == "html":
        return html.unescape(word)
    if form == "json":
        try:
            return str(json.loads(f'"{word}"', strict=False))
        except ValueError:
            # A quote that stands unescaped already is what it is.
            return word
    raise FhirPathError("escape() and unescape() know html and json")


# name -> function of strings, number of arguments, type of the result
_SIMPLE: dict[str, tuple[Callable[..., Any], int, str]] = {
    "indexOf": (str.find, 1, "Integer"),
    "lastIndexOf": (str.rfind, 1, "Integer"),
    "startsWith": (str.startswith, 1, "Boolean"),
    "endsWith": (str.endswith, 1, "Boolean"),
    "contains": (str.__contains__, 1, "Boolean"),
    "upper": (str.upper, 0, "String"),
    "lower": (str.lower, 0, "String"),
    "trim": (str.strip, 0, "String"),
    "length": (len, 0, "Integer"),
    "encode": (_encode, 1, "String"),
    "decode": (_decode, 1, "String"),
    "escape": (_escape, 1, "String"),
    "unescape": (_unescape, 1, "String"),
}

FUNCTIONS = {
    **{
        name: Function(_on_string(name, run), count, count, result=result, needs="text")
        for name, (run, count, result) in _SIMPLE.items()
    },
    "matches": Function(_on_pattern("matches", regex.contains), 1, 1, result="Boolean", needs="text"),
    "matchesFull": Function(_on_pattern("matchesFull", regex.covers), 1, 1, result="Boolean", needs="text"),
    "substring": Function(substring, 1, 2, result="String", needs="text"),
    "replace": Function(replace, 2, 2, result="String", needs="text"),
    "replaceMatches": Function(replace_matches, 2, 2, result="String", needs="text"),
    "toChars": Function(to_chars, result="String", needs="text"),
    "split": Function(split, 1, 1, result="String", needs="text"),
    "join": Function(join, 0, 1, result="String", needs="text"),
}
