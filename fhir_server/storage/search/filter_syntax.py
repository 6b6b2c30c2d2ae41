"""The grammar of `_filter`: what a filter says, as a tree, with the place of everything in the text.

https://hl7.org/fhir/R4/search_filter.html

    filter  = test / filter ("and" / "or") filter / "not" "(" filter ")" / "(" filter ")"
    test    = path operator value
    path    = name ["[" filter "]"] *("." name ["[" filter "]"]), a filter being followed by a further name
    value   = JSON string / characters without white space, ")" and "]"

"and" and "or" have no precedence over one another: they are read from left to right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from fhir_server.errors import FhirError, TooCostly
from fhir_server.storage.search.kind import named, wrong

OPERATORS = frozenset(
    ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re")
)

_LONGEST = 4_000
_DEEPEST = 20
_MOST_TESTS = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path.

    condition  the filter in brackets behind it, None for none
    at         where the name begins
    """

    name: str
    condition: Filter | None
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison.

    path      at least one step
    operator  one of OPERATORS
    value     the text, without quotes and escapes of JSON
    """

    path: tuple[Step, ...]
    operator: str
    value: str
    operator_at: int
    value_at: int


@dataclass(frozen=True, slots=True)
class Combined:
    """Filters joined by one word, "and" or "or"."""

    word: str
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """What does not match `part`."""

    part: Filter


Filter = Comparison | Combined | Negated


def parse(text: str) -> Filter:
    """Return the tree of a filter.

    Raises BadRequest (code value) that names the character at which the text is no filter, TooCostly for one that is
    too long, too deep or has too many comparisons.
    """
    if len(text) > _LONGEST:
        raise TooCostly(f"A filter can have {_LONGEST} characters at most.")
    return _Reader(text).read()


def place(at: int) -> str:
    """Return how a message names a place in the filter."""
    return f"_filter, character {at + 1}: "


class _Reader:
    """Reads a filter from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._tests = 0

    def read(self) -> Filter:
        found = self._filter()
        if self._at < len(self._text):
            raise self._expected("'and', 'or' or the end")
        return found

    def _expected(self, what: str) -> FhirError:
        rest = self._text[self._at : self._at + 20]
        seen = "the text ends here" if not rest else f"here stands {named(rest.split()[0] if rest.split() else rest)}"
        return wrong(f"{place(self._at)}expected {what}; {seen}.")

    def _blank(self) -> bool:
        """Pass over white space and say whether there was any."""
        start = self._at
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at > start

    def _takes(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False

    def _word(self) -> str:
        """Return the word that stands here in lower case, without passing over it; "" for none."""
        match = _WORD.match(self._text, self._at)
        return match[0].lower() if match else ""

    def _filter(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooCostly(f"{place(self._at)}a filter can be nested {_DEEPEST} times at most.")
        found = self._operand()
        self._blank()
        while (word := self._word()) in ("and", "or"):
            self._at += len(word)
            other = self._operand()
            if isinstance(found, Combined) and found.word == word:
                found = Combined(word, (*found.parts, other))
            else:
                found = Combined(word, (found, other))
            self._blank()
        self._depth -= 1
        return found

    def _operand(self) -> Filter:
        self._blank()
        if self._takes("("):
            return self._closed(")")
        if self._word() == "not":
            start = self._at
            self._at += len("not")
            self._blank()
            if self._takes("("):
                return Negated(self._closed(")"))
            self._at = start
        return self._test()

    def _closed(self, end: str) -> Filter:
        found = self._filter()
        if not self._takes(end):
            raise self._expected(f"'and', 'or' or '{end}'")
        return found

    def _test(self) -> Comparison:
        self._tests += 1
        if self._tests > _MOST_TESTS:
            raise TooCostly(f"A filter can have {_MOST_TESTS} comparisons at most.")
        path = self._path()
        if not self._blank():
            raise self._expected("a blank and an operator")
        operator_at, operator = self._at, self._word()
        if operator not in OPERATORS:
            raise self._expected(f"an operator ({', '.join(sorted(OPERATORS))})")
        self._at += len(operator)
        if not self._blank():
            raise self._expected("a blank and a value")
        value_at = self._at
        return Comparison(path, operator, self._value(), operator_at, value_at)

    def _path(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            at, match = self._at, _NAME.match(self._text, self._at)
            if match is None:
                raise self._expected("the name of a search parameter")
            self._at = match.end()
            condition = self._closed("]") if self._takes("[") else None
            steps.append(Step(match[0], condition, at))
            if not self._takes("."):
                if condition is not None:
                    raise self._expected("a point and a further name behind a filter in brackets")
                return tuple(steps)

    def _value(self) -> str:
        if self._text.startswith('"', self._at):
            return self._string()
        start = self._at
        while self._at < len(self._text) and not (self._text[self._at].isspace() or self._text[self._at] in ")]"):
            self._at += 1
        if self._at == start:
            raise self._expected("a value")
        return self._checked(self._text[start : self._at], start)

    def _string(self) -> str:
        start, match = self._at, _STRING.match(self._text, self._at)
        if match is None:
            raise wrong(f"{place(start)}this string has no end.")
        try:
            value = str(json.loads(match[0]))
        except ValueError:
            raise wrong(f"{place(start)}this is no JSON string.") from None
        self._at = match.end()
        if not value.strip():
            raise wrong(f"{place(start)}the value is empty.")
        return self._checked(value, start)

    def _checked(self, value: str, at: int) -> str:
        if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in value):
            raise wrong(f"{place(at)}the value holds a character that no text can have.")
        return value
