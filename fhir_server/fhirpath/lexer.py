"""Splits the text of an expression into tokens.

https://hl7.org/fhirpath/N1/#lexical-elements
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fhir_server.fhirpath.errors import FhirPathError


class Token(NamedTuple):
    """One token.

    kind      name, quoted (a `delimited` name), string, number, moment ("@..."), variable, special, sign or end
    text      names, strings and variables without their quotes and escapes; else as written
    position  offset in the expression
    """

    kind: str
    text: str
    position: int


_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+ | //[^\r\n]* | /\*.*?\*/)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign><= | >= | != | !~ | [.,()\[\]{}+\-*/|&<>=~])
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<quoted>`(?:[^`\\]|\\.)*`)
    | (?P<special>\$(?:this|index|total)\b)
    | (?P<variable>%(?:[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))
    | (?P<moment>@(?:
          T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?
        | [0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?
          (?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?
      ))
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"`": "`", "'": "'", '"': '"', "\\": "\\", "/": "/", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LONE = {"'": "the text is not closed", "`": "the name is not closed", "/": "the comment is not closed"}


def tokens(source: str) -> list[Token]:
    """Return the tokens of `source`, the last one of kind "end".

    Raises FhirPathError at the first character that begins no token.
    """
    found: list[Token] = []
    position, length = 0, len(source)
    while position < length:
        match = _TOKEN.match(source, position)
        if match is None:
            raise FhirPathError(_complaint(source, position), position, source)
        kind = match.lastgroup or ""
        text = match.group()
        if kind == "sign" and text == "/" and source.startswith("/*", position):
            raise FhirPathError(_LONE["/"], position, source)
        if kind != "space":
            found.append(Token(kind, _content(kind, text, position, source), position))
        position = match.end()
    found.append(Token("end", "", length))
    return found


def _complaint(source: str, position: int) -> str:
    character = source[position]
    return _LONE.get(character, f"unexpected character {character!r}")


def _content(kind: str, text: str, position: int, source: str) -> str:
    if kind in ("string", "quoted"):
        text = text[1:-1]
    elif kind == "variable":
        text = text[1:]
        if text[0] in "`'":
            text = text[1:-1]
    else:
        return text
    return _unescape(text, position, source) if "\\" in text else text


def _unescape(text: str, position: int, source: str) -> str:
    def replace(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPED:
            raise FhirPathError(f"unknown escape \\{escape}", position, source)
        return _ESCAPED[escape]

    plain = _ESCAPE.sub(replace, text)
    try:
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise FhirPathError("half of a surrogate pair is no character", position, source) from None
