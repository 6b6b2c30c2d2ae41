"""A search value in two halves: what decides the SQL, and what is bound to it, so that a statement is compiled once.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operand:
    """One value of a search parameter.

    shape  decides the form of the condition; equal shapes share a compiled statement
    data   the values bound to it, in the order in which the condition takes its marks
    """

    shape: Hashable
    data: tuple[Any, ...] = ()
