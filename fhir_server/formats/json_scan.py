"""Finds the place of a problem in JSON text: a token scanner that knows the path it is at.

https://www.rfc-editor.org/rfc/rfc8259

The decoder is fast and says little; this runs only after it refused something, to tell a person where to look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# Possessive, so that hostile text costs one pass: an unterminated string ends the scan instead of being tried again.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_NAME = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})")
_MAX_TOKENS = 200_000
_MAX_STEPS = 40


@dataclass(slots=True)
class _Frame:
    """One open object (names it has had, the current one) or array (index of the current item)."""

    names: set[str] | None
    name: str = ""
    index: int = 0
    at_name: bool = True


@dataclass(slots=True)
class Cursor:
    """The scanner's position: the current token and the containers around it.

    text       the token's bytes; `start` and `end` are its offsets in the document
    is_name    the token is a property name
    duplicate  ... and its object already had this name
    """

    text: bytes = b""
    start: int = 0
    end: int = 0
    is_name: bool = False
    duplicate: bool = False
    resource_type: str = ""
    frames: list[_Frame] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """Number of open objects and arrays."""
        return len(self.frames)

    @property
    def is_number(self) -> bool:
        """The token is a number."""
        return self.text[:1] in b"-0123456789"

    @property
    def is_string(self) -> bool:
        """The token is a complete string."""
        return len(self.text) > 1 and self.text[0] == self.text[-1] == 0x22

    @property
    def name(self) -> str:
        """The property name the cursor is at, or "" where it is not one FHIR could have (it may be anything then)."""
        name = self.frames[-1].name if self.frames else ""
        return name if _NAME.fullmatch(name) else ""

    @property
    def expression(self) -> str:
        """FHIRPath of the current place; where a name is not one FHIR could have, of the object around it."""
        path = self.resource_type
        for frame in self.frames[:_MAX_STEPS]:
            if frame.names is None:
                path += f"[{frame.index}]"
                continue
            known = _NAME.fullmatch(frame.name)
            if known is None:
                break
            path += f".{known[1]}" if path else known[1]
        return path


def _step(cursor: Cursor, token: bytes) -> None:
    """Move the cursor over one token."""
    frames = cursor.frames
    top = frames[-1] if frames else None
    cursor.is_name = cursor.duplicate = False
    if token in (b"{", b"["):
        frames.append(_Frame(set() if token == b"{" else None))
    elif token in (b"}", b"]"):
        if frames:
            frames.pop()
    elif top is None:
        return
    elif token == b",":
        top.index += 1
        top.at_name = True
    elif token == b":":
        top.at_name = False
    elif top.names is not None and top.at_name and cursor.is_string:
        _name(cursor, top, top.names, token)
    elif len(frames) == 1 and top.name == "resourceType" and cursor.is_string:
        cursor.resource_type = token[1:-1].decode("ascii", "ignore")


def _name(cursor: Cursor, top: _Frame, names: set[str], token: bytes) -> None:
    try:
        name = json.loads(token) if b"\\" in token else token[1:-1].decode()
    except ValueError:
        name = ""
    cursor.is_name, cursor.duplicate = True, name in names
    top.name = name
    names.add(name)


def scan(raw: bytes) -> Iterator[Cursor]:
    """Yield one and the same Cursor at every token of `raw`, which need not be valid JSON; stops after 200,000."""
    cursor = Cursor()
    for number, match in enumerate(_TOKEN.finditer(raw)):
        if number >= _MAX_TOKENS:
            return
        cursor.text, cursor.start, cursor.end = match[0], match.start(), match.end()
        _step(cursor, cursor.text)
        yield cursor


def find(raw: bytes, wanted: Callable[[Cursor], bool]) -> Cursor | None:
    """Return the cursor at the first token that `wanted` accepts, or None."""
    return next((cursor for cursor in scan(raw) if wanted(cursor)), None)


def find_offset(raw: bytes, offset: int) -> Cursor | None:
    """Return the cursor at the token that holds byte `offset`, or at the last one before it."""
    last = None
    for cursor in scan(raw):
        if cursor.start > offset:
            break
        last = cursor
        if cursor.end > offset:
            break
    return last


def line_and_column(raw: bytes, offset: int) -> str:
    """Return "line L, column C" of byte `offset`, both counted from 1, columns in characters."""
    line_start = raw.rfind(b"\n", 0, offset) + 1
    column = len(raw[line_start:offset].decode("utf-8", "replace")) + 1
    line = raw.count(b"\n", 0, offset) + 1
    return f"line {line}, column {column}"
