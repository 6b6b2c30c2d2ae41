"""From method and path to an interaction: the same router serves a web request and a Bundle entry.

https://hl7.org/fhir/R4/http.html#general
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from fhir_server.errors import BadRequest, MethodNotAllowed, NotFound, UnknownType

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")  # a version id is a text: "01" is not "1"
_OPERATION = re.compile(r"\$[A-Za-z][A-Za-z0-9-]{0,63}")
_DOTS = frozenset((".", ".."))
# What stands in a template for a part of the path that varies.
_PARTS = ("[type]", "[id]", "[vid]", "[member]", "$[operation]")
ALL_MEMBERS: Final = "*"
"""In the place of a type below a compartment: all types."""


class Routed(Protocol):
    """What the router needs to know of an interaction: its method and the template of its path."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...


Target = TypeVar("Target", bound=Routed)


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    """Where a request goes.

    target     the interaction
    type       resource type, "" at system level
    id         logical id, "" above the instance level
    version    number of the version in the path, 0 without one
    operation  name of the operation without "$", or ""
    member     type that is looked for in the compartment of the resource with that id, "*" for all, "" elsewhere
    """

    target: Target
    type: str = ""
    id: str = ""
    version: int = 0
    operation: str = ""
    member: str = ""


class Router(Generic[Target]):
    """Finds the interaction of a request.

    targets         interactions; a path template joins "[type]", "[id]", "[vid]", "[member]", "$[operation]" and fixed
                    words by "/"
    resource_types  the types the server has
    compartments    type -> types of which resources can be in its compartment
    """

    def __init__(
        self,
        targets: Iterable[Target],
        resource_types: Iterable[str],
        compartments: Mapping[str, Container[str]],
    ) -> None:
        self._types = frozenset(resource_types)
        self._compartments = compartments
        self._table: dict[str, dict[str, Target]] = {}
        for target in targets:
            self._table.setdefault(target.path, {})[target.method] = target
        self._instance = self._table.get("[type]/[id]", {})
        self._fixed = {
            (method, name): Route(target, name)
            for method, target in self._table.get("[type]", {}).items()
            for name in self._types
        }

    def route(self, method: str, path: str) -> Route[Target]:
        """Return the route of a request; `path` is relative to the base and percent-decoded.

        Raises UnknownType and NotFound (404) for paths that mean nothing, BadRequest for ids outside FHIR's rule,
        MethodNotAllowed (405, with Allow).
        """
        verb = "GET" if method == "HEAD" else method
        fixed = self._fixed.get((verb, path))
        if fixed is not None:
            return fixed
        head, _, tail = path.partition("/")
        if head in self._types and tail and _ID.fullmatch(tail) and tail not in _DOTS:
            target = self._instance.get(verb)  # the common case, kept short
            if target is not None:
                return Route(target, head, tail)
        parts = path.split("/") if path else []
        template = self._template(parts)
        methods = self._table.get(template)
        if methods is None:
            raise NotFound("There is nothing at this address: it is no path of the FHIR interface.")
        target = methods.get(verb)
        if target is None:
            allowed = ", ".join(self.allowed(template))
            raise MethodNotAllowed(f"Here the server accepts {allowed}.", headers={"Allow": allowed})
        return _filled(target, template, parts)

    def allowed(self, template: str) -> Sequence[str]:
        """Return the methods a path template answers, sorted; HEAD comes with GET."""
        methods = set(self._table.get(template, ()))
        return sorted(methods | {"HEAD"} if "GET" in methods else methods)

    def methods(self, path: str) -> Sequence[str]:
        """Return the methods that `path` answers. Raises as `route` does for paths that mean nothing."""
        return self.allowed(self._template(path.split("/") if path else []))

    def _template(self, parts: Sequence[str]) -> str:
        """Return the template that `parts` have the shape of."""
        if not parts or parts[0].startswith("_") or parts[0] == "metadata":
            return "/".join(parts)
        if parts[0].startswith("$"):
            return "/".join((_operation(parts[0]), *parts[1:]))
        if parts[0] not in self._types:
            raise UnknownType(self._unknown(parts[0]))
        shape = ["[type]"]
        for place, part in enumerate(parts[1:], start=1):
            if part.startswith("$"):
                shape.append(_operation(part))  # at a place where there is none the table has no such template
            elif part in ("_history", "_search"):
                shape.append(part)
            elif place == 3:
                _version(part)
                shape.append("[vid]")
            elif place == 1:
                _id(part)
                shape.append("[id]")
            elif place == 2 and (part == ALL_MEMBERS or part in self._types):
                self._member(parts[0], part)
                shape.append("[member]")
            else:
                raise NotFound("There is nothing at this address: it is no path of the FHIR interface.")
        return "/".join(shape)

    def _member(self, owner: str, member: str) -> None:
        """Raise NotFound where resources of a type are never in the compartment that the path names."""
        members = self._compartments.get(owner)
        if members is None:
            raise NotFound(f"There is no compartment for {owner} in FHIR R4.", code="not-supported")
        if member not in (ALL_MEMBERS, owner) and member not in members:
            text = f"A {member} is never in the compartment of a {owner}, so there is nothing to search."
            raise NotFound(text, code="not-supported")

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name[:64], self._types, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"The address does not begin with a resource type of FHIR R4.{hint}"


def _filled(target: Target, template: str, parts: Sequence[str]) -> Route[Target]:
    names = template.split("/") if template else []
    values = {name: value for name, value in zip(names, parts, strict=True) if name in _PARTS}
    return Route(
        target,
        values.get("[type]", ""),
        values.get("[id]", ""),
        int(values.get("[vid]", 0)),
        values.get("$[operation]", "").removeprefix("$"),
        values.get("[member]", ""),
    )


def _operation(part: str) -> str:
    if not _OPERATION.fullmatch(part):
        raise BadRequest("The name of an operation is a $ followed by letters, digits and hyphens.", code="value")
    return "$[operation]"


def _id(part: str) -> None:
    if not _ID.fullmatch(part) or part in _DOTS:
        raise BadRequest("A resource id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'.", code="value")


def _version(part: str) -> None:
    if not _VERSION.fullmatch(part):
        if not _ID.fullmatch(part):
            raise BadRequest("A version id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'.", code="value")
        raise NotFound("There is no such version: this server numbers versions 1, 2, 3.")
