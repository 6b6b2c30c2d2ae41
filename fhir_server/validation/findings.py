"""What a check says and what it may look at: findings with relative paths, and the scope of one resource.

https://hl7.org/fhir/R4/operationoutcome.html

A path is built only on the way up: a check returns findings whose path starts at the value it was
given ("" is the value itself), and the caller puts its own step in front. A clean document builds no path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

MAX_DEPTH = 64
"""How many elements that can hold themselves (extensions, contained resources, items) may be nested."""

ENOUGH = 1_000
"""After so many errors the rest of a document is not looked at: a body full of errors must not cost minutes."""

Severity: TypeAlias = Literal["error", "warning"]


class Found(NamedTuple):
    """One broken rule.

    path      where, relative to the value checked: "", "name[0].given[1]"
    code      a code of http://hl7.org/fhir/issue-type
    text      a sentence for a person, without values of the record
    severity  "error" or "warning"
    contexts  when set, the finding stands only where the path of the element that carries it (the
              parent of `path`, without indexes, from the resource type on) is none of these
    """

    path: str
    code: str
    text: str
    severity: Severity = "error"
    contexts: frozenset[str] | None = None


class Neighbours(Protocol):
    """The entries of the Bundle around a resource."""

    def type_of(self, text: str, base: str) -> str:
        """Return the type of the resource that a reference names when it stands in the entry `base`, or ""."""


class Scope:
    """What the checks of one resource share.

    resource  the resource being checked (FHIRPath's %resource)
    root      the resource that contains it, or itself (%rootResource)
    bundle    the index of the Bundle it stands in, or None
    base      the entry's fullUrl in that Bundle, or ""
    depth     how many self-holding elements are open around the current value
    ids       ids of elements seen so far, None until the first
    """

    __slots__ = ("base", "bundle", "depth", "ids", "resource", "root")

    def __init__(self, resource: dict[str, Any], root: dict[str, Any] | None = None, depth: int = 0) -> None:
        self.resource = resource
        self.root = resource if root is None else root
        self.depth = depth
        self.ids: set[str] | None = None
        self.bundle: Neighbours | None = None
        self.base = ""


Findings: TypeAlias = "list[Found] | None"
Check: TypeAlias = Callable[[Any, Scope, dict[str, Any]], Findings]
"""A check takes the value, the scope of its resource and the object that holds the value; None means clean."""

Rule: TypeAlias = Callable[[dict[str, Any], Scope], Findings]
"""A rule sees a whole object whose own elements have the right shape."""


def below(step: str, findings: Iterable[Found]) -> list[Found]:
    """Return `findings` with `step` ("name", "[0]") put in front of every path."""
    return [
        found._replace(path=step + found.path if found.path[:1] in ("", "[") else f"{step}.{found.path}")
        for found in findings
    ]


def errors(findings: Iterable[Found]) -> int:
    """Return how many findings are errors wherever they stand."""
    return sum(found.severity == "error" and found.contexts is None for found in findings)


def and_then(check: Check, rule: Rule) -> Check:
    """Return `check` followed by `rule`, which sees only values that `check` finds no error in."""

    def both(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        findings = check(value, scope, owner)
        if findings is None:
            return rule(value, scope)
        if any(found.severity == "error" for found in findings):
            return findings
        return findings + (rule(value, scope) or [])

    return both


def bounded(check: Check) -> Check:
    """Return `check` with a limit on how deep it may stand inside itself."""

    def limited(value: Any, scope: Scope, owner: dict[str, Any]) -> Findings:
        if scope.depth >= MAX_DEPTH:
            return [Found("", "structure", f"Elements are nested more than {MAX_DEPTH} levels deep.")]
        scope.depth += 1
        findings = check(value, scope, owner)
        scope.depth -= 1
        return findings

    return limited
