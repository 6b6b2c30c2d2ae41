"""Quantity parameters: number, system and unit, across all units that UCUM can convert.

https://hl7.org/fhir/R4/search.html#quantity

    5.4                                  the number, whatever the unit
    5.4||mg                              "mg" as code or as the text of the unit, as it is written
    5.4|http://unitsofmeasure.org|mg     the amount: finds 0.0054 g; a code that UCUM does not know is compared as it is
    5.4|http://example.org/units|mg      system and code
    5.4|http://unitsofmeasure.org|       any unit of the system

A unit always limits what is compared: ne5.4|...|mg finds other amounts of mass, not temperatures. The code of an
amount of money is its currency, in the system urn:iso:std:iso:4217.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, false, or_, true

from fhir_server.definitions import ucum
from fhir_server.storage.fold import token_text
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Context, Marks, column, wrong
from fhir_server.storage.search.number import compared, limits, read
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS: frozenset[str] = frozenset()
NEGATIVE: frozenset[str] = frozenset()
CURRENCIES = "urn:iso:std:iso:4217"
"""The system of a currency code."""


def parse(text: str, modifier: str, context: Context) -> Operand:  # noqa: ARG001
    """Return a quantity value; its shape is (prefix, how the unit is matched: a key of _TEXTS).

    The data are the texts of the unit, then the limits of the number. Raises BadRequest (value).
    """
    number, *unit = split(text, "|")
    if len(unit) not in (0, 2):
        raise wrong("A quantity is written as number, number|system|code or number||code.")
    prefix, value = read(number)
    system, code = (unescape(part) for part in unit or ("", ""))
    how, texts, ends = _unit(system, code, limits(prefix, value))
    return Operand((prefix, how), (*texts, *ends))


def _unit(system: str, code: str, ends: tuple[Decimal, ...]) -> tuple[str, tuple[str, ...], tuple[Decimal, ...]]:
    """Return how the unit is matched, with which texts, and the limits in the unit of the comparison."""
    if system and code:
        unit = ucum.canonical(code) if system == ucum.SYSTEM else None
        if unit is not None:
            return "canonical", (unit.code,), tuple(map(unit.convert, ends))
        return "currency" if system == CURRENCIES else "coded", (token_text(system), token_text(code)), ends
    if system:
        return "currencies" if system == CURRENCIES else "system", (token_text(system),), ends
    return ("written", (token_text(code),), ends) if code else ("any", (), ends)


# How many texts of the unit stand before the limits of the number.
_TEXTS = {"any": 0, "written": 1, "system": 1, "currencies": 1, "coded": 2, "currency": 2, "canonical": 1}


def condition(
    operand: Operand,
    marks: Marks,
    target: SearchTarget,
    table: FromClause,
    scope: Scope,  # noqa: ARG001
) -> ColumnElement[bool]:
    """Return when a row's amount compares to the value as its prefix says, in a unit that matches."""
    shape: Any = operand.shape
    prefix, how = shape
    texts, ends = marks[: _TEXTS[how]], marks[_TEXTS[how] :]
    matches = (_money if target.kind == "money" else _measure)(how, texts, target, table)
    if matches is None:
        return false()
    return and_(matches, compared(prefix, target, table, ends, "canonical_" if how == "canonical" else ""))


def _money(how: str, texts: Marks, target: SearchTarget, table: FromClause) -> ColumnElement[bool] | None:
    if how in ("any", "currencies"):
        return true()
    return column(target, table, "code") == texts[-1] if how in ("written", "currency") else None


def _measure(how: str, texts: Marks, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if how == "any":
        return true()
    if how == "canonical":
        return column(target, table, "canonical_code") == texts[0]
    if how == "written":
        return or_(column(target, table, "code") == texts[0], column(target, table, "unit") == texts[0])
    matches = column(target, table, "system") == texts[0]
    return and_(matches, column(target, table, "code") == texts[1]) if len(texts) > 1 else matches
