"""A compiled expression, and the cache of them.

https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from fhir_server.fhirpath.check import check
from fhir_server.fhirpath.compiler import build
from fhir_server.fhirpath.environment import DEFAULT_BUDGET, Environment, Resolver
from fhir_server.fhirpath.model import elements
from fhir_server.fhirpath.node import Node, root_node
from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.tree import Tree

_NONE: Mapping[str, Any] = MappingProxyType({})


class Expression:
    """An expression ready to run. Made by `compile`; safe to share between threads.

    source   the text
    ast      its syntax tree (see `fhir_server.fhirpath.tree`)
    lenient  whether it was compiled for the reading R4's own expressions need
    """

    __slots__ = ("_checked", "_condition", "_run", "ast", "lenient", "source")

    def __init__(self, source: str, ast: Tree, *, lenient: bool) -> None:
        self.source = source
        self.ast = ast
        self.lenient = lenient
        self._run, self._condition = build(ast, source, lenient=lenient)
        self._checked: set[str] = set()

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def evaluate(
        self,
        focus: dict[str, Any] | Node | None,
        *,
        resource: dict[str, Any] | Node | None = None,
        root: dict[str, Any] | Node | None = None,
        variables: Mapping[str, Any] = _NONE,
        resolver: Resolver | None = None,
        clock: Callable[[], datetime.datetime] | None = None,
        budget: int = DEFAULT_BUDGET,
    ) -> list[Any]:
        """Return the items the expression finds.

        focus      the resource, or a Node for an element of it; None for an expression that needs none
        resource   the resource that holds the focus (%resource); the focus itself where not given
        root       the resource that contains that one (%rootResource); `resource` where not given
        variables  name -> value, for %name; a dict is a resource, a list a collection
        resolver   reference text -> resource or None, asked after contained resources and the Bundle at `root`
        clock      returns the moment of now(), with a zone; the system's clock in UTC where not given
        budget     steps allowed, about one per item touched

        Items are Nodes for FHIR data, and bool, int, str, Decimal, Temporal or Quantity for values that were computed.
        Raises FhirPathError, with its place in the text, and FhirPathTooCostly when the budget is used up.
        """
        here = _node(focus)
        env = self._environment(here, resource, root, variables, resolver, clock, budget)
        return list(self._run([] if focus is None else [here], env))

    def _environment(
        self,
        here: Node,
        resource: dict[str, Any] | Node | None,
        root: dict[str, Any] | Node | None,
        variables: Mapping[str, Any],
        resolver: Resolver | None,
        clock: Callable[[], datetime.datetime] | None,
        budget: int,
    ) -> Environment:
        if not self.lenient and here.type not in self._checked:
            self._check(here.type)
        holder = here if resource is None else _node(resource)
        return Environment(
            here, holder, holder if root is None else _node(root), variables, resolver, clock, budget, self.lenient
        )

    def _check(self, focus_type: str) -> None:
        """Run the checks of strict mode, once for each type the expression meets."""
        check(self.ast, self.source, focus_type)
        if not focus_type or elements(focus_type):
            self._checked.add(focus_type)

    def evaluate_boolean(
        self,
        focus: dict[str, Any] | Node | None,
        *,
        resource: dict[str, Any] | Node | None = None,
        root: dict[str, Any] | Node | None = None,
        variables: Mapping[str, Any] = _NONE,
        resolver: Resolver | None = None,
        clock: Callable[[], datetime.datetime] | None = None,
        budget: int = DEFAULT_BUDGET,
    ) -> bool | None:
        """Return the result as a condition, the way invariants are read: None where it is empty.

        Arguments and errors as of `evaluate`.
        """
        here = _node(focus)
        env = self._environment(here, resource, root, variables, resolver, clock, budget)
        return self._condition([] if focus is None else [here], env)


def _node(value: dict[str, Any] | Node | None) -> Node:
    if isinstance(value, Node):
        return value
    return Node({}, "") if value is None else root_node(value)


def compile(source: str, lenient: bool = False) -> Expression:  # noqa: A001, FBT001 - the word of the trade
    """Return the compiled expression; the last 512 of up to 1,000 characters are kept.

    lenient   the reading that R4's search parameters and invariants were written for: unknown elements are empty,
              `as` filters collections, types without an order compare as empty. Without it (strict) those are errors.

    Raises FhirPathError, with the position, for a text that is no expression, names an unknown function or type, or is
    too long or nested too deep.
    """
    return _kept(source, lenient) if len(source) <= _KEPT_LENGTH else _compiled(source, lenient)


def _compiled(source: str, lenient: bool) -> Expression:  # noqa: FBT001 - see compile
    return Expression(source, parse(source), lenient=lenient)


# A compiled expression takes up to 400 bytes a character: 200 MB at worst.
_KEPT_LENGTH = 1_000
_kept = lru_cache(maxsize=512)(_compiled)
