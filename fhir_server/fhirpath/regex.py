"""Regular expressions of expressions, run by RE2 so that no pattern can take exponential time.

https://hl7.org/fhirpath/N1/#matchesregex--string--boolean
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from fhir_server.fhirpath.errors import FhirPathError, FhirPathTooCostly

MAX_PATTERN = 1_000
MAX_SUBJECT = 100_000
_MAX_MEMORY = 1 << 20


def _options() -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    return options


@lru_cache(maxsize=256)
def _compile(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        reason = str(error)
    if "too large" in reason or "repetition" in reason:
        raise FhirPathTooCostly("the pattern is too large")
    raise FhirPathError("the pattern is no regular expression RE2 knows (it has no look-around and no back-references)")


def compiled(pattern: str, subject: str) -> Any:
    """Return the compiled pattern, after checking that pattern and subject are of a size that runs in milliseconds.

    Raises FhirPathTooCostly beyond the limits, FhirPathError for what is no pattern.
    """
    if len(pattern) > MAX_PATTERN:
        raise FhirPathTooCostly(f"a pattern may have {MAX_PATTERN} characters")
    if len(subject) > MAX_SUBJECT:
        raise FhirPathTooCostly(f"a text to match may have {MAX_SUBJECT} characters")
    return _compile(pattern)


def contains(subject: str, pattern: str) -> bool:
    """Return whether the pattern occurs in the subject."""
    return compiled(pattern, subject).search(subject) is not None


def covers(subject: str, pattern: str) -> bool:
    """Return whether the pattern matches the whole subject."""
    return compiled(pattern, subject).fullmatch(subject) is not None


def replace(subject: str, pattern: str, substitution: str) -> str:
    """Replace every match; `$1` and `${name}` in the substitution stand for groups."""
    return str(compiled(pattern, subject).sub(_template(substitution), subject))


def _template(substitution: str) -> Any:
    """Return a function from match to text, so that nothing in the substitution has a meaning but `$`."""
    parts = re2.compile(r"\$(?:(\d)|\{(\w+)\})").split(substitution)

    def expand(match: Any) -> str:
        words = [parts[0]]
        for place in range(1, len(parts), 3):
            group = int(parts[place]) if parts[place] else parts[place + 1]
            try:
                words.append(match.group(group) or "")
            except (IndexError, KeyError):
                raise FhirPathError("the substitution names a group the pattern does not have") from None
            words.append(parts[place + 2])
        return "".join(words)

    return expand
