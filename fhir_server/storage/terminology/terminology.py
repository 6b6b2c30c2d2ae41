"""Answers what search asks of terminology: the codes of a value set, the codes below and above a code.

https://hl7.org/fhir/R4/valueset.html#compositions and https://hl7.org/fhir/R4/codesystem.html#subsumption

Where a value set lists several value sets in one include, a code must be in all of them: so says the comment of
ValueSet.compose.include (and R5), against the definition of its valueSet. Abstract and deprecated codes belong; those
known to be inactive belong unless compose.inactive is false. What cannot be evaluated exactly is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.errors import BadRequest, TooCostly
from fhir_server.storage.access import Access
from fhir_server.storage.terminology.catalog import Catalog, Find
from fhir_server.storage.terminology.code_system import CodeSystem
from fhir_server.storage.terminology.expansion import EVERY_CODE, Codes, Expansion
from fhir_server.storage.terminology.filters import filtered, refused

MOST_CODES = 10_000
"""Codes that one value, or one code with those below it, can stand for."""

_MOST_IN_ALL = 100_000
_DEEPEST = 20
_INCOMPLETE = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/valueset-unclosed",
        "http://hl7.org/fhir/StructureDefinition/valueset-toocostly",
    }
)


class Terminology:
    """The value sets and code systems that one caller may use, during one search.

    access       the caller's rights
    find         how the store is searched, see Catalog
    definitions  R4's own value sets and code systems
    base_url     of this server
    """

    def __init__(self, access: Access, find: Find, definitions: Definitions, base_url: str = "") -> None:
        self._catalog = Catalog(access, find, definitions, base_url)
        self._expanded: dict[str, Expansion] = {}
        self._given = 0

    def expand(self, reference: str) -> Expansion:
        """Return the codes of a value set, named by its canonical ("url", "url|version") or as "ValueSet/id".

        Raises BadRequest (not-found: there is no such value set for this caller; not-supported: it cannot be
        evaluated exactly) and TooCostly for more than MOST_CODES codes.
        """
        return self._counted(self._value_set(reference, ()))

    def below(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and every code that it subsumes.

        Raises BadRequest (not-supported: the code system is not known completely, or its hierarchy is no
        subsumption; value: it has no such code) and TooCostly.
        """
        known = self._hierarchy(system, code)
        return self._counted(Expansion.listing(system, known.below(code) & known.codes)).any_system().listed

    def above(self, system: str, code: str) -> frozenset[str]:
        """Return `code` and every code that subsumes it. Raises as `below` does."""
        known = self._hierarchy(system, code)
        return self._counted(Expansion.listing(system, known.above(code) & known.codes)).any_system().listed

    def _counted(self, found: Expansion) -> Expansion:
        self._given += found.size
        if self._given > _MOST_IN_ALL:
            raise TooCostly(f"The value sets of a search can have {_MOST_IN_ALL} codes together at most.")
        return _bounded(found)

    def _hierarchy(self, system: str, code: str) -> CodeSystem:
        known = self._catalog.code_system(system, "")
        if known is None or not known.is_complete:
            raise refused("Which codes are above or below another is not known here for this code system.")
        if not known.is_subsuming:
            raise refused("The hierarchy of this code system is not one of narrower and broader codes.")
        if code not in known:
            raise BadRequest("The code system has no such code.", code="value")
        return known

    def _value_set(self, reference: str, trail: tuple[str, ...]) -> Expansion:
        if reference in trail or len(trail) >= _DEEPEST:
            raise refused("The value set includes itself, or value sets are nested too deeply in it.")
        found = self._expanded.get(reference)
        if found is None:
            document = self._catalog.value_set(reference)
            if document is None:
                what = "A value set that this value set includes" if trail else "The value set"
                raise BadRequest(f"{what} is not known here.", code="not-found")
            found = self._expanded[reference] = _bounded(self._content(document, (*trail, reference)))
        return found

    def _content(self, document: Mapping[str, Any], trail: tuple[str, ...]) -> Expansion:
        compose, expansion = document.get("compose"), document.get("expansion")
        if compose is None:
            if expansion is None:
                raise refused("The value set says nothing about its codes.")
            return _expanded(expansion)
        try:
            return self._composed(compose, trail)
        except BadRequest as error:
            # The expansion that its author stored says what cannot be found out here.
            if expansion is None or error.code not in ("not-supported", "not-found"):
                raise
            return _expanded(expansion)

    def _composed(self, compose: Mapping[str, Any], trail: tuple[str, ...]) -> Expansion:
        found = Expansion()
        for part in compose.get("include", ()):
            found |= self._part(part, trail)
        for part in compose.get("exclude", ()):
            found -= self._part(part, trail)
        return found - self._inactive(found) if compose.get("inactive") is False else found

    def _part(self, part: Mapping[str, Any], trail: tuple[str, ...]) -> Expansion:
        system, others = part.get("system"), part.get("valueSet", ())
        if not system and not others:
            raise refused("A part of the value set names neither a code system nor a value set.")
        found = self._of_system(str(system), part) if system else self._value_set(others[0], trail)
        for reference in others if system else others[1:]:
            found &= self._value_set(reference, trail)
        return found

    def _of_system(self, system: str, part: Mapping[str, Any]) -> Expansion:
        concepts, filters = part.get("concept"), part.get("filter")
        if concepts and not filters:
            return Expansion.listing(system, _codes(concepts))
        known = self._catalog.code_system(system, part.get("version", ""))
        if known is None or not known.is_complete:
            if filters:
                raise refused("The value set filters a code system whose codes are not known here.")
            return Expansion.of({system: EVERY_CODE})
        found = filtered(known, filters) if filters else known.codes
        return Expansion.listing(system, found.intersection(_codes(concepts)) if concepts else found)

    def _inactive(self, expansion: Expansion) -> Expansion:
        """Return the codes that are known to be out of use, of the systems of `expansion`."""
        found: dict[str, Codes] = {}
        for system in expansion.systems:
            known = self._catalog.code_system(system, "")
            if known is not None:
                found[system] = Codes(frozenset(code for code in known.codes if known.is_inactive(code)))
        return Expansion.of(found)


def _bounded(found: Expansion) -> Expansion:
    if found.size > MOST_CODES:
        raise TooCostly(f"The value set has more than {MOST_CODES} codes.")
    return found


def _codes(concepts: Iterable[Any]) -> Iterable[str]:
    for concept in concepts:
        code = concept if isinstance(concept, str) else concept.get("code")
        if isinstance(code, str):
            yield code


def _expanded(expansion: Mapping[str, Any]) -> Expansion:
    """Return what a stored expansion lists. Raises BadRequest when it is only a part of the value set."""
    counted = 0
    found: dict[str, set[str]] = {}
    waiting = list(expansion.get("contains", ()))
    while waiting:
        item = waiting.pop()
        waiting += item.get("contains", ())
        counted += 1
        if "system" in item and "code" in item:
            found.setdefault(item["system"], set()).add(item["code"])
    parts = [item.get("url") for item in expansion.get("extension", ()) if item.get("valueBoolean") is not False]
    narrowed = any(item.get("name") == "filter" for item in expansion.get("parameter", ()))
    if expansion.get("offset") or expansion.get("total", 0) > counted or _INCOMPLETE & set(parts) or narrowed:
        raise refused("The stored expansion of the value set is only a part of it.")
    return Expansion.of({system: Codes(frozenset(codes)) for system, codes in found.items()})
