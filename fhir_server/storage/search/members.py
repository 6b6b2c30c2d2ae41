"""Tokens that stand for many codes: members of a value set, codes above or below a code.

https://hl7.org/fhir/R4/search.html#token

`:in` and `:not-in` name a value set, `:above` and `:below` a code as system|code. Where a parameter looks at code
elements alone, whose system their value set implies, the code will do for `:above` and `:below`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, FromClause, and_, false, not_, or_

from fhir_server.definitions import Definitions, load
from fhir_server.errors import FhirError, TooCostly, UnsupportedParameter
from fhir_server.storage.access import Access
from fhir_server.storage.fold import token_text
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Context, Marks, column, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget
from fhir_server.storage.terminology import Codes, Expansion, Terminology

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

_MOST_SYSTEMS = 200

_LISTED, _ALL_BUT, _ALL, _NONE = "listed", "all but", "all", "none"


@dataclass(frozen=True, slots=True)
class Members:
    """The shape of a set of codes.

    systems  for each system: "listed", "all but" (data: the system, then the codes) or "all" (data: the system)
    implied  for each value set that code elements are bound to: its canonical and the form of its codes: "listed" or
             "all but" (data: the codes), "all" or "none" (no data)
    """

    systems: tuple[str, ...]
    implied: tuple[tuple[str, str], ...]


def parse(text: str, modifier: str, context: Context) -> Operand:
    """Return the codes that a value of `:in`, `:not-in`, `:above` or `:below` stands for.

    Raises BadRequest and TooCostly as Terminology does.
    """
    terminology = context.terminology
    if terminology is None:
        raise UnsupportedParameter("Value sets and code systems cannot be used here.")
    if modifier in ("in", "not-in"):
        return _operand(terminology.expand(unescape(text)), context)
    system, code = _concept(text, context)
    found = terminology.below(system, code) if modifier == "below" else terminology.above(system, code)
    return _operand(Expansion.listing(system, found), context)


def condition(
    shape: Members, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope
) -> ColumnElement[bool]:
    """Return when the code of a row is one of the set."""
    waiting, dialect = iter(marks), scope.parts.schema.dialect_name
    alternatives: list[ColumnElement[bool]] = []
    for form in shape.systems:
        system = next(waiting)
        codes = next(waiting) if form != _ALL else None
        if target.kind != "code":
            stored = column(target, table, "code")
            same = column(target, table, "system") == system
            alternatives.append(and_(same, _has(stored, form, codes, dialect)))
    for value_set, form in shape.implied:
        codes = next(waiting) if form in (_LISTED, _ALL_BUT) else None
        if target.kind == "code" and target.value_set == value_set and form != _NONE:
            alternatives.append(_has(column(target, table, "value"), form, codes, dialect))
    return or_(*alternatives) if alternatives else false()


def implied_systems(value_set: str, definitions: Definitions) -> frozenset[str]:
    """Return the code systems of a value set that a code element is bound to; empty where they are not known."""
    required = definitions.value_sets.get(value_set)
    return frozenset(required) if required is not None else _official_systems(value_set)


@lru_cache(maxsize=1024)
def _official_systems(value_set: str) -> frozenset[str]:
    if not value_set:
        return frozenset()
    try:
        official = Terminology(Access.nothing(), lambda _access, _request: (), load())
        return frozenset(official.expand(value_set).systems)
    except FhirError:
        return frozenset()


def _has(stored: ColumnElement[str], form: str, codes: ColumnElement[str] | None, dialect: str) -> ColumnElement[bool]:
    if codes is None:
        return stored.is_not(None)
    inside = in_array(stored, codes, dialect)
    return inside if form == _LISTED else and_(stored.is_not(None), not_(inside))


def _concept(text: str, context: Context) -> tuple[str, str]:
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) == 1:
        systems = {each for item in context.targets for each in _systems_of(item, context.definitions)}
        parts = [*(systems if len(systems) == 1 else [""]), *parts]
    if len(parts) != 2 or not all(parts):
        raise wrong("The modifiers :above and :below take one code, written as system|code.")
    return parts[0], parts[1]


def _systems_of(target: SearchTarget, definitions: Definitions) -> Iterable[str]:
    """Return the systems of a target, "" among them when it can have any."""
    return (target.kind == "code" and implied_systems(target.value_set, definitions)) or ("",)


def _operand(found: Expansion, context: Context) -> Operand:
    if len(found.systems) > _MOST_SYSTEMS:
        raise TooCostly(f"A value set that is searched by can have codes of {_MOST_SYSTEMS} code systems at most.")
    forms, data = [], list[str | tuple[str, ...]]()
    for system, codes in found.systems.items():
        forms.append(_form(codes))
        data.append(token_text(system))
        data += _data(codes)
    implied = []
    for value_set in dict.fromkeys(target.value_set for target in context.targets if target.kind == "code"):
        codes = _implied(found, value_set, context.definitions)
        implied.append((value_set, _form(codes)))
        data += _data(codes)
    return Operand(Members(tuple(forms), tuple(implied)), tuple(data))


def _implied(found: Expansion, value_set: str, definitions: Definitions) -> Codes:
    """Return which codes of an element that is bound to `value_set` belong to `found`.

    Where the systems of the element are not known, a code of any system counts.
    """
    required = definitions.value_sets.get(value_set)
    if required is not None:
        bound = Expansion.of({system: Codes(codes) for system, codes in required.items()})
        return (found & bound).any_system()
    systems = implied_systems(value_set, definitions)
    if systems:
        found = Expansion.of({system: codes for system, codes in found.systems.items() if system in systems})
    return found.any_system()


def _form(codes: Codes) -> str:
    if codes.all_but:
        return _ALL_BUT if codes.listed else _ALL
    return _LISTED if codes.listed else _NONE


def _data(codes: Codes) -> list[tuple[str, ...]]:
    return [tuple(sorted(map(token_text, codes.listed)))] if codes.listed else []
