"""Token parameters: codes, identifiers, booleans, contact points, written as [system]|[code].

https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, false, literal, or_

from fhir_server.definitions import load
from fhir_server.storage.fold import fold, fold_phone, token_text
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Context, column, equals, wrong
from fhir_server.storage.targets import SearchTarget

MODIFIERS = frozenset({"not"})
_BOOLEAN_SYSTEMS = (None, "http://hl7.org/fhir/special-values", "http://terminology.hl7.org/CodeSystem/special-values")


@dataclass(frozen=True, slots=True)
class Token:
    """A token value.

    system  None: any; "": none; else the system
    code    None: any code of the system
    """

    system: str | None
    code: str | None


def parse(text: str, modifier: str, context: Context) -> Token:  # noqa: ARG001
    """Return the token `text` stands for: `code`, `system|code`, `|code` or `system|`."""
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise wrong("A token is written as code, system|code, |code or system|.")
    token = Token(None, parts[0]) if len(parts) == 1 else Token(parts[0], parts[1] or None)
    if token.code not in ("true", "false") and all(target.kind == "boolean" for target in context.targets):
        raise wrong("This parameter can be true or false.")
    return token


def condition(value: Token, modifier: str, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:  # noqa: ARG001
    """Return when a row matches the token."""
    return _BY_KIND[target.kind](value, target, table)


def _id(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if value.system is not None or value.code is None:
        return false()
    return column(target, table, "id") == value.code


def _boolean(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if value.system not in _BOOLEAN_SYSTEMS or value.code not in ("true", "false"):
        return false()
    return column(target, table, "value") == literal(value.code == "true")


def _code(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    """A code's system is implied by the value set its element is bound to."""
    if value.system == "":
        return false()
    stored = column(target, table, "value")
    systems = load().value_sets.get(target.value_set) if value.system is not None else None
    if systems is not None:
        codes = systems.get(value.system or "", frozenset())
        if value.code is None:
            return stored.in_(sorted(codes)) if codes else false()
        if value.code not in codes:
            return false()
    return stored.is_not(None) if value.code is None else stored == token_text(value.code)


def _coding(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    return _system_and(value, column(target, table, "system"), column(target, table, "code"))


def _identifier(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    return _system_and(value, column(target, table, "system"), column(target, table, "value"))


def _system_and(
    value: Token, system: ColumnElement[str | None], code: ColumnElement[str | None]
) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if value.code is not None:
        conditions.append(code == token_text(value.code))
    if value.system == "":
        conditions.append(system.is_(None))
    elif value.system is not None:
        conditions.append(system == token_text(value.system))
    return and_(*conditions)


def _contact(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    """A contact point's value compares without case, a phone number by its digits; the "system" is its use."""
    conditions: list[ColumnElement[bool]] = []
    if value.code is not None:
        texts = sorted({token_text(fold(value.code)), token_text(fold_phone(value.code))})
        folded = column(target, table, "folded")
        conditions.append(or_(*(folded == text for text in texts)))
    if value.system is not None:
        use = column(target, table, "use")
        conditions.append(use == value.system if value.system else use.is_(None))
    return and_(*conditions)


def _text(value: Token, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if value.system or value.code is None:
        return false()
    return equals(target, table, "value", value.code)


_BY_KIND: dict[str, Callable[[Token, SearchTarget, FromClause], ColumnElement[bool]]] = {
    "id": _id,
    "boolean": _boolean,
    "code": _code,
    "coding": _coding,
    "concept": _coding,
    "identifier": _identifier,
    "contact": _contact,
    "string": _text,
    "uri": _text,
    "canonical": _text,
}
