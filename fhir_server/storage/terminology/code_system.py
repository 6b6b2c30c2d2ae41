"""A code system as a graph: its codes, which is below which, and their properties.

https://hl7.org/fhir/R4/codesystem.html

A code is below another when it is nested in it or when a property `parent` or `child` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.errors import TooCostly

_STANDARD = "http://hl7.org/fhir/concept-properties#"
_MOST_CONCEPTS = 200_000
_DEEPEST = 100


class CodeSystem:
    """The concepts of a CodeSystem resource, stored or official (where a concept may be a code alone).

    url          its canonical
    is_complete  every code of the system is here
    is_subsuming the hierarchy means that a narrower code is also the broader one ("is-a", or nothing is said)
    properties   code -> property -> values as texts
    Raises TooCostly for more concepts than a search can look through.
    """

    def __init__(self, url: str, resource: Mapping[str, Any]) -> None:
        self.url = url
        self.is_complete = resource.get("content") == "complete"
        self.is_subsuming = resource.get("hierarchyMeaning", "is-a") == "is-a"
        self.properties: dict[str, dict[str, list[str]]] = {}
        self._children: dict[str, set[str]] = {}
        self._parents: dict[str, set[str]] = {}
        self._meaning = {
            item["code"]: item["uri"].removeprefix(_STANDARD)
            for item in resource.get("property", ())
            if item.get("uri", "").startswith(_STANDARD) and "code" in item
        }
        self.declared = frozenset(item["code"] for item in resource.get("property", ()) if "code" in item)
        self._read(resource.get("concept", ()))

    @property
    def codes(self) -> frozenset[str]:
        """Every code."""
        return frozenset(self.properties)

    def __contains__(self, code: str) -> bool:
        return code in self.properties

    def children(self, code: str) -> frozenset[str]:
        """Return the codes directly below `code`."""
        return frozenset(self._children.get(code, ()))

    def parents(self, code: str) -> frozenset[str]:
        """Return the codes directly above `code`."""
        return frozenset(self._parents.get(code, ()))

    def below(self, code: str) -> frozenset[str]:
        """Return `code` and every code below it."""
        return _reached(code, self._children)

    def above(self, code: str) -> frozenset[str]:
        """Return `code` and every code above it."""
        return _reached(code, self._parents)

    def is_inactive(self, code: str) -> bool:
        """Say whether a code is out of use: property `inactive` is true, or `status` is retired or inactive."""
        found = self.properties[code]
        return "true" in found.get("inactive", ()) or not {"retired", "inactive"}.isdisjoint(found.get("status", ()))

    def _read(self, concepts: Iterable[Any]) -> None:
        waiting: list[tuple[Any, str, int]] = [(concept, "", 1) for concept in concepts]
        while waiting:
            concept, parent, depth = waiting.pop()
            if len(self.properties) >= _MOST_CONCEPTS or depth > _DEEPEST:
                raise TooCostly("A code system is too large to be looked through in a search.")
            if isinstance(concept, str):
                concept = {"code": concept}
            code = concept.get("code")
            if not isinstance(code, str):
                continue
            self._add(code, concept.get("property", ()))
            if parent:
                self._link(parent, code)
            waiting += [(child, code, depth + 1) for child in concept.get("concept", ())]

    def _add(self, code: str, properties: Iterable[Any]) -> None:
        found = self.properties.setdefault(code, {})
        for item in properties:
            name, value = item.get("code"), _text(item)
            if name is None or value is None:
                continue
            found.setdefault(name, []).append(value)
            meaning = self._meaning.get(name, name)
            if meaning != name:
                found.setdefault(meaning, []).append(value)
            if meaning == "parent":
                self._link(value, code)
            elif meaning == "child":
                self._link(code, value)

    def _link(self, parent: str, child: str) -> None:
        self._children.setdefault(parent, set()).add(child)
        self._parents.setdefault(child, set()).add(parent)


def _reached(start: str, links: Mapping[str, set[str]]) -> frozenset[str]:
    found, waiting = {start}, [start]
    while waiting:
        for code in links.get(waiting.pop(), ()):
            if code not in found:
                found.add(code)
                waiting.append(code)
    return frozenset(found)


def _text(item: Mapping[str, Any]) -> str | None:
    """Return the value of a property as filters write it, None where it has none."""
    for name, value in item.items():
        if not name.startswith("value"):
            continue
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Mapping):
            return value.get("code")
        return str(value)
    return None
