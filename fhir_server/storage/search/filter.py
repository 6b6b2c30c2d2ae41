"""`_filter`: comparisons of search parameters, joined by and, or, not and parentheses.

https://hl7.org/fhir/R4/search_filter.html

What an operator means for a type of parameter is what R4's table says; what the table gives no meaning is refused.
A comparison is about the set of values that its path leads to: one of them passes, except `ni` and `pr false`, for
which none does. Tokens, and URIs, compare as they do without `_filter`, texts without case and accents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fhir_server.errors import BadRequest, FhirError, TooCostly, UnsupportedParameter
from fhir_server.storage.search import composite, item
from fhir_server.storage.search.chain import Link
from fhir_server.storage.search.criterion import KINDS, Criterion
from fhir_server.storage.search.filter_syntax import Combined, Comparison, Filter, Negated, parse, place
from fhir_server.storage.search.item import Item
from fhir_server.storage.search.kind import named, unsupported_parameter, wrong
from fhir_server.storage.search.logic import All, Either, Other
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.token import applies
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

_DEEPEST = 6  # references one after the other
_MOST_CONDITIONS = 1_000  # a path may lead to many types, each with a condition of its own
_SYSTEMS = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}
_ESCAPED = re.compile(r"([\\,|$])")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A comparison whose parameter is known."""

    names: Names
    type: str | None
    code: str
    targets: tuple[SearchTarget, ...]
    value: str

    @property
    def kind(self) -> str:
        return self.targets[0].type

    def plain(self, modifier: str, text: str) -> Criterion:
        """Return the condition of a plain parameter with `modifier` and a value with its escapes."""
        return Criterion(self.code, modifier, self.kind, self.targets, (self.operand(modifier, text),))

    def operand(self, modifier: str, text: str) -> Operand:
        return KINDS[self.kind].parse(text, modifier, self.names.context(self.type, self.targets))


_Maker = Callable[[_Asked], Node]


def _prefixed(prefix: str) -> _Maker:
    return lambda asked: asked.plain("", f"{prefix}{asked.value}")


def _amount(prefix: str) -> _Maker:
    def made(asked: _Asked) -> Node:
        number, *rest = asked.value.split("|", 1)
        return asked.plain("", f"{prefix}{number}" + (f"|{_spelled(rest[0])}" if rest else ""))

    return made


def _literal(value: str) -> str:
    """Return a text as a plain search would have it written: every sign stands for itself."""
    return _ESCAPED.sub(r"\\\1", value)


def _string(modifier: str) -> _Maker:
    return lambda asked: asked.plain(modifier, _literal(asked.value))


def _text(test: str) -> _Maker:
    return lambda asked: Item(asked.code, test, asked.kind, asked.targets, item.text(asked.value))


def _period(test: str) -> _Maker:
    return lambda asked: Item(asked.code, test, asked.kind, asked.targets, item.period(asked.value))


def _token(modifier: str) -> _Maker:
    def made(asked: _Asked) -> Node:
        if not applies(modifier, asked.targets):
            raise unsupported_parameter(f"The parameter {named(asked.code)} has no codes to which that could apply.")
        return asked.plain(modifier, asked.value if modifier in ("in", "not-in") else _spelled(asked.value))

    return made


def _unequal(asked: _Asked) -> Node:
    value = _spelled(asked.value) if asked.kind == "token" else _literal(asked.value)
    return Item(asked.code, "unequal", asked.kind, asked.targets, asked.operand("", value))


def _reference(asked: _Asked) -> Node:
    if "/" not in asked.value and ":" not in asked.value:
        raise wrong("A reference is written as [type]/[id] or a URL.")
    return asked.plain("", asked.value)


def _composite(asked: _Asked) -> Node:
    value = composite.parse(asked.value, asked.names.context(asked.type, asked.targets))
    return composite.Composite(asked.code, asked.targets, (value,))


def _present(asked: _Asked) -> Node:
    if asked.value not in ("true", "false"):
        raise wrong("The operator pr takes true or false.")
    return Criterion(asked.code, "missing", asked.kind, asked.targets, (), missing=asked.value == "false")


def _spelled(token: str) -> str:
    """Return a token with the system that a short name such as "loinc" stands for."""
    system, bar, code = token.partition("|")
    return f"{_SYSTEMS[system.lower()]}{bar}{code}" if bar and system.lower() in _SYSTEMS else token


_COMPARED = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_MEANINGS: Mapping[str, Mapping[str, _Maker]] = {
    "string": {
        "eq": _text("same text"),
        "ne": _text("other text"),
        "co": _string("contains"),
        "sw": _string(""),
        "ew": _text("ends with"),
        **{operator: _text(f"initial {operator}") for operator in ("gt", "lt", "ge", "le")},
        "pr": _present,
    },
    "number": {**{operator: _prefixed(operator) for operator in _COMPARED}, "pr": _present},
    "date": {
        **{operator: _prefixed(operator) for operator in _COMPARED},
        "co": _period("includes"),
        "po": _period("overlaps"),
        "pr": _present,
    },
    "token": {
        "eq": _token(""),
        "ne": _unequal,
        "ss": _token("below"),
        "sb": _token("above"),
        "in": _token("in"),
        "ni": _token("not-in"),
        "pr": _present,
    },
    "reference": {"re": _reference, "pr": _present},
    "quantity": {**{operator: _amount(operator) for operator in _COMPARED}, "pr": _present},
    "uri": {"eq": _string(""), "ne": _unequal, "pr": _present},
    "composite": {"eq": _composite},
}
"""What each operator means, by search parameter type."""


class _Composer:
    """Makes the condition of one filter."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._made = 0

    def node(self, said: Filter, resource_type: str | None, depth: int) -> Node:
        """Return the condition on resources of a type. Raises UnsupportedParameter, BadRequest, TooCostly."""
        if isinstance(said, Negated):
            return Other(self.node(said.part, resource_type, depth))
        if isinstance(said, Combined):
            parts = tuple(self.node(part, resource_type, depth) for part in said.parts)
            return All(parts) if said.word == "and" else Either(parts)
        if len(said.path) > 1 and said.operator == "ni":
            return Other(self._path(replace(said, operator="in"), 0, resource_type, depth))
        if len(said.path) > 1 and (said.operator, said.value) == ("pr", "false"):
            return Other(self._path(replace(said, value="true"), 0, resource_type, depth))
        return self._path(said, 0, resource_type, depth)

    def _path(self, test: Comparison, number: int, resource_type: str | None, depth: int) -> Node:
        if number == len(test.path) - 1:
            return self._compared(test, resource_type)
        step = test.path[number]
        if depth >= _DEEPEST:
            raise TooCostly(f"{place(step.at)}a parameter can be chained {_DEEPEST} times at most.")
        found = self._known(step.name, step.at, resource_type)
        targets = tuple(target for target in found if target.kind == "reference")
        if not targets:
            raise unsupported_parameter(
                f"{place(step.at)}{named(step.name)} is no reference: it leads to no resource that could be filtered."
            )
        made: dict[str, Node] = {}
        for kind in dict.fromkeys(kind for target in targets for kind in target.to or self._names.schema.types):
            try:
                made[kind] = self._behind(test, number, kind, depth)
            except UnsupportedParameter as error:
                refusal = error
        if not made:
            raise refusal

        def inner(names: Names, kind: str) -> Node:
            return made[kind] if names is self._names else _Composer(names)._behind(test, number, kind, depth)

        return Link(str(resource_type), step.name, targets, tuple(made), depth, inner).chain(self._names)

    def _behind(self, test: Comparison, number: int, kind: str, depth: int) -> Node:
        """Return the condition on the resources of type `kind` that a step of the path leads to."""
        condition = test.path[number].condition
        inner = self._path(test, number + 1, kind, depth + 1)
        return inner if condition is None else All((self.node(condition, kind, depth + 1), inner))

    def _known(self, code: str, at: int, resource_type: str | None) -> tuple[SearchTarget, ...]:
        found = self._names.targets(resource_type, code)
        if not found:
            raise _placed(self._names.refused(resource_type, code, code), at)
        return found

    def _compared(self, test: Comparison, resource_type: str | None) -> Node:
        self._made += 1
        if self._made > _MOST_CONDITIONS:
            raise TooCostly("The paths of the filter lead to too many types of resources: name fewer.")
        step = test.path[-1]
        targets = self._known(step.name, step.at, resource_type)
        maker = _MEANINGS.get(targets[0].type, {}).get(test.operator)
        if maker is None:
            meant = ", ".join(_MEANINGS.get(targets[0].type, {})) or "none"
            raise unsupported_parameter(
                f"{place(test.operator_at)}the operator {test.operator} has no meaning for a parameter of type "
                f"{targets[0].type}; it has these: {meant}."
            )
        try:
            return maker(_Asked(self._names, resource_type, step.name, targets, test.value))
        except BadRequest as error:
            raise _placed(error, test.value_at) from None


def _placed(error: FhirError, at: int) -> FhirError:
    """Return the same error with the place in front of what it says."""
    where = place(at)
    issues = tuple(replace(issue, diagnostics=where + issue.diagnostics) for issue in error.issues)
    return type(error)(where + error.diagnostics, error.expression, error.code, issues)


def filtering(names: Names, resource_type: str | None, modifier: str, depth: int) -> Callable[[str], Node]:
    """Return what makes the node of `_filter`. Raises UnsupportedParameter for a modifier."""
    if modifier:
        raise unsupported_parameter(f"The parameter '_filter' has no modifier {named(modifier)}.")
    return lambda text: _Composer(names).node(parse(text), resource_type, depth)
