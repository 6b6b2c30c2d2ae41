"""Token parameters: codes, identifiers, booleans, contact points, written as [system]|[code].

https://hl7.org/fhir/R4/search.html#token

Codes and identifiers compare exactly, case included: a code system says itself whether case matters, and nearly all do
not say. What R4 asks to compare without case does: elements of type string (without accents too), e-mail addresses;
phone numbers by their digits. `:text` is a string search of what a coding, concept or identifier type is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, false, or_, true

from fhir_server.definitions import Definitions
from fhir_server.errors import UnsupportedParameter
from fhir_server.storage.fold import fold, fold_phone, token_text
from fhir_server.storage.search import members, string
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Context, Marks, column, equals, halves, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS = frozenset({"not", "text", "in", "not-in", "above", "below", "of-type"})
NEGATIVE = frozenset({"not", "not-in"})

_CODED = frozenset({"coding", "concept", "code"})
_APPLIES = {
    "text": frozenset({"coding", "concept", "identifier"}),
    "in": _CODED,
    "not-in": _CODED,
    "above": _CODED,
    "below": _CODED,
    "of-type": frozenset({"identifier"}),
}
_BOOLEAN_SYSTEMS = (None, "http://hl7.org/fhir/special-values", "http://terminology.hl7.org/CodeSystem/special-values")
_TYPED = "of-type"


@dataclass(frozen=True, slots=True)
class Form:
    """The shape of a token.

    system   "any": every system will do; "none": there must be none; "one": it is given
    has_code whether a code is given
    truth    the code is true or false and no system rules a boolean out; None: it is no boolean
    implied  for each value set of a code element: its canonical and "equal" (the code is one of it), "any" (of its
             codes; nothing is to be compared), "listed" (one of those of the system) or "never"
    roles    what `data` holds, in order
    """

    system: str
    has_code: bool
    truth: bool | None
    implied: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    """The shape of a :text; that of the string it is."""

    string: Any


def applies(modifier: str, targets: tuple[SearchTarget, ...]) -> bool:
    """Say whether a modifier means something for what a parameter looks at."""
    return modifier not in _APPLIES or any(target.kind in _APPLIES[modifier] for target in targets)


def parse(text: str, modifier: str, context: Context) -> Operand:
    """Return what a token value stands for: `code`, `system|code`, `|code` or `system|`, or what the modifier takes.

    Raises UnsupportedParameter for a modifier that means nothing for this parameter.
    """
    if not applies(modifier, context.targets):
        raise UnsupportedParameter(f"The modifier :{modifier} cannot be used with this parameter.")
    if modifier == "text":
        found = string.parse(text, "", context)
        return Operand(_Text(found.shape), found.data)
    if modifier == "of-type":
        return _of_type(text)
    if modifier in _APPLIES:
        return members.parse(text, modifier, context)
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise wrong("A token is written as code, system|code, |code or system|.")
    return _plain(parts[0] if len(parts) == 2 else None, parts[-1] or None, context)


def condition(
    operand: Operand, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope
) -> ColumnElement[bool]:
    """Return when a row matches the token."""
    shape = operand.shape
    if isinstance(shape, Form):
        return _BY_KIND[target.kind](_Given(shape, marks, scope), target, table)
    if isinstance(shape, _Text):
        if target.kind not in _APPLIES["text"]:
            return false()
        return string.condition(Operand(shape.string), marks, target, table, scope)
    if isinstance(shape, members.Members):
        return members.condition(shape, marks, target, table, scope) if target.kind in _CODED else false()
    if target.kind not in _APPLIES[_TYPED]:
        return false()
    roles = ("type_system", "type_code", "value")
    return and_(*(column(target, table, role) == mark for role, mark in zip(roles, marks, strict=True)))


def _of_type(text: str) -> Operand:
    parts = [token_text(unescape(part)) for part in split(text, "|")]
    if len(parts) != 3 or not all(parts):
        raise wrong("The modifier :of-type takes the type's system, its code and the value: system|code|value.")
    return Operand(_TYPED, tuple(parts))


def _plain(system: str | None, code: str | None, context: Context) -> Operand:
    kinds = {target.kind for target in context.targets}
    if kinds == {"boolean"} and code not in ("true", "false"):
        raise wrong("This parameter can be true or false.")
    data: dict[str, Any] = {}
    for kind in kinds:
        data |= _DATA.get(kind, _coded_data)(system, code)
    implied = []
    for value_set in dict.fromkeys(target.value_set for target in context.targets if target.kind == "code"):
        verdict = _verdict(system, code, value_set, context.definitions)
        implied.append((value_set, verdict))
        if verdict == "listed":
            codes = context.definitions.value_sets[value_set][system or ""]
            data[f"codes of {value_set}"] = tuple(sorted(codes))
    truth = code == "true" if code in ("true", "false") and system in _BOOLEAN_SYSTEMS and "boolean" in kinds else None
    given = "any" if system is None else "one" if system else "none"
    data = dict(sorted(data.items()))
    form = Form(given, code is not None, truth, tuple(implied), tuple(data))
    return Operand(form, tuple(data.values()))


def _coded_data(system: str | None, code: str | None) -> dict[str, Any]:
    data = {} if code is None else {"code": token_text(code)}
    return data | {"system": token_text(system)} if system else data


def _contact_data(system: str | None, code: str | None) -> dict[str, Any]:
    data = {"use": token_text(system)} if system else {}
    if code is not None:
        data["folded"], digits = token_text(fold(code)), token_text(fold_phone(code))
        if digits != data["folded"]:
            data["digits"] = digits
    return data


def _text_data(system: str | None, code: str | None) -> dict[str, Any]:  # noqa: ARG001
    return {} if code is None else dict(zip(("text", "head"), halves(code), strict=True))


def _string_data(system: str | None, code: str | None) -> dict[str, Any]:  # noqa: ARG001
    return {} if code is None else dict(zip(("folded text", "folded head"), halves(fold(code)), strict=True))


_DATA: dict[str, Callable[[str | None, str | None], dict[str, Any]]] = {
    "boolean": lambda _system, _code: {},
    "contact": _contact_data,
    "string": _string_data,
    "uri": _text_data,
    "canonical": _text_data,
}


def _verdict(system: str | None, code: str | None, value_set: str, definitions: Definitions) -> str:
    """Say what a token means for a code element: its system is implied by the value set it is bound to."""
    if system is None:
        return "equal"
    required = definitions.value_sets.get(value_set)
    if required is not None:
        codes = required.get(system, frozenset())
        return ("listed" if codes else "never") if code is None else ("equal" if code in codes else "never")
    systems = members.implied_systems(value_set, definitions)
    if system not in (systems or {""}):
        return "never"
    return "any" if code is None else "equal"


class _Given:
    """A form with its marks."""

    def __init__(self, form: Form, marks: Marks, scope: Scope) -> None:
        self.form = form
        self.marks = dict(zip(form.roles, marks, strict=True))
        self.scope = scope


_Condition = Callable[[_Given, SearchTarget, FromClause], ColumnElement[bool]]


def _id(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if given.form.system != "any" or not given.form.has_code:
        return false()
    return column(target, table, "id") == given.marks["code"]


def _boolean(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    if given.form.truth is None:
        return false()
    return column(target, table, "value") == (true() if given.form.truth else false())


def _code(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    verdict = dict(given.form.implied)[target.value_set]
    stored = column(target, table, "value")
    if verdict == "never":
        return false()
    if verdict == "listed":
        return in_array(stored, given.marks[f"codes of {target.value_set}"], given.scope.parts.schema.dialect_name)
    return stored.is_not(None) if verdict == "any" else stored == given.marks["code"]


def _system_and(code: str) -> _Condition:
    def made(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = []
        if given.form.has_code:
            conditions.append(column(target, table, code) == given.marks["code"])
        if given.form.system == "none":
            conditions.append(column(target, table, "system").is_(None))
        elif given.form.system == "one":
            conditions.append(column(target, table, "system") == given.marks["system"])
        return and_(*conditions)

    return made


def _contact(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
    """A contact point's value compares without case, a phone number by its digits; the "system" is its use."""
    conditions: list[ColumnElement[bool]] = []
    if given.form.has_code:
        folded, marks = column(target, table, "folded"), given.marks
        conditions.append(or_(*(folded == marks[role] for role in ("folded", "digits") if role in marks)))
    if given.form.system != "any":
        use = column(target, table, "use")
        conditions.append(use == given.marks["use"] if given.form.system == "one" else use.is_(None))
    return and_(*conditions)


def _text(role: str, whole: str, head: str) -> _Condition:
    def made(given: _Given, target: SearchTarget, table: FromClause) -> ColumnElement[bool]:
        if given.form.system == "one" or not given.form.has_code:
            return false()
        return equals(target, table, role, given.marks[whole], given.marks[head])

    return made


_BY_KIND: dict[str, _Condition] = {
    "id": _id,
    "boolean": _boolean,
    "code": _code,
    "coding": _system_and("code"),
    "concept": _system_and("code"),
    "identifier": _system_and("value"),
    "contact": _contact,
    "string": _text("folded", "folded text", "folded head"),
    "uri": _text("value", "text", "head"),
    "canonical": _text("value", "text", "head"),
}
