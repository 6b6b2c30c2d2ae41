"""Regular expressions of expressions, run by RE2 so that no pattern can take exponential time.

https://hl7.org/fhirpath/N1/#matchesregex--string--boolean
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from fhir_server.fhirpath.environment import Environment
from fhir_server.fhirpath.errors import FhirPathError, FhirPathTooCostly

MAX_PATTERN = 1_000
MAX_SUBJECT = 100_000
# Replacing costs about 2 us a character in the binding.
MAX_REPLACED = 40_000
# RE2 needs at worst about 6 ns (20 ns when replacing) for each instruction of the program and byte of the text.
MAX_WORK = 5_000_000
_STEP = 50
_MAX_MEMORY = 1 << 18


def _options() -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    return options


@lru_cache(maxsize=128)
def _compile(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        reason = str(error)
    if "too large" in reason or "repetition size" in reason:
        raise FhirPathTooCostly("the pattern is too large")
    raise FhirPathError("the pattern is no regular expression RE2 knows (it has no look-around and no back-references)")


def _prepared(subject: str, pattern: str, longest: int, env: Environment) -> Any:
    """Return the compiled pattern, once pattern and subject are known to be of a size that runs in milliseconds."""
    if len(pattern) > MAX_PATTERN:
        raise FhirPathTooCostly(f"a pattern may have {MAX_PATTERN} characters")
    if len(subject) > longest:
        raise FhirPathTooCostly(f"a text to search may have {longest} characters")
    compiled = _compile(pattern)
    work = compiled.programsize * len(subject)
    if work > MAX_WORK:
        raise FhirPathTooCostly("the pattern is too large for a text of this length")
    env.spend(work // _STEP)
    return compiled


def contains(subject: str, pattern: str, env: Environment) -> bool:
    """Return whether the pattern occurs in the subject.

    Raises FhirPathTooCostly beyond the limits above, FhirPathError for what is no pattern.
    """
    return _prepared(subject, pattern, MAX_SUBJECT, env).search(subject) is not None


def covers(subject: str, pattern: str, env: Environment) -> bool:
    """Return whether the pattern matches the whole subject; raises as `contains`."""
    return _prepared(subject, pattern, MAX_SUBJECT, env).fullmatch(subject) is not None


def replace(subject: str, pattern: str, substitution: str, env: Environment) -> str:
    """Replace every match; `$1` and `${name}` in the substitution stand for groups. Raises as `contains`."""
    compiled = _prepared(subject, pattern, MAX_REPLACED, env)
    env.spend(len(subject))
    return str(compiled.sub(_template(substitution), subject))


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
