"""Errors of FHIRPath: what is wrong with an expression, and where in its text.

https://hl7.org/fhirpath/N1/
"""

from __future__ import annotations

import re

from fhir_server.errors import BadRequest

_EXCERPT = 40
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'?", re.DOTALL)


class FhirPathError(BadRequest):
    """An expression that cannot be parsed, makes no sense for its type, or failed while it ran.

    reason    the sentence without the place
    position  offset into the expression text, -1 where unknown
    source    the expression text, "" where unknown

    The diagnostics quote the expression without its texts, never the data it ran on.
    """

    def __init__(self, reason: str, position: int = -1, source: str = "") -> None:
        self.reason = reason
        self.position = position
        self.source = source
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        if self.position < 0:
            return f"FHIRPath: {self.reason}"
        line, column = self.line_and_column()
        place = f"line {line}, column {column}" if line > 1 else f"column {column}"
        # A text in an expression can be the name of a patient.
        shown = _TEXT.sub("'...'", self.source[self.position : self.position + 10 * _EXCERPT])
        excerpt = shown[:_EXCERPT].split("\n")[0].strip()
        near = f' near "{excerpt}"' if excerpt else " at the end"
        return f"FHIRPath: {self.reason} ({place}{near})"

    def line_and_column(self) -> tuple[int, int]:
        """Return the 1-based line and column of the position."""
        before = self.source[: max(self.position, 0)]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def locate(self, position: int, source: str) -> None:
        """Fill in the place, unless a deeper part of the expression already did."""
        if self.position < 0:
            self.position, self.source = position, source
            self.diagnostics = self._sentence()


class FhirPathTooCostly(FhirPathError):
    """An evaluation that used up its budget of steps, or a pattern that is too large to run safely."""

    status = 422
    default_code = "too-costly"
