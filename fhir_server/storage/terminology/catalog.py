"""Finds value sets and code systems: those in the store that the caller may read first, then those of R4 itself.

https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.errors import TooCostly
from fhir_server.formats import json
from fhir_server.storage.access import Access
from fhir_server.storage.model import SearchRequest, Version
from fhir_server.storage.references import Kind, classify
from fhir_server.storage.terminology.code_system import CodeSystem

Find = Callable[[Access, SearchRequest], Sequence[Version]]
"""find(access, request): the first page of a search, with the rights of `access`."""

_MOST_DOCUMENTS = 200
_CANDIDATES = 50  # stored resources with the same canonical
_SPECIAL = re.compile(r"([\\,|$])")
_SNOMED = "http://snomed.info/sct"
_WHOLE_SYSTEMS = {"http://loinc.org/vs": "http://loinc.org"}


class Catalog:
    """What one search looks up; each resource is read once.

    access       the caller's rights: what they do not reach is not there
    find         how the store is searched
    definitions  the official resources, for what the store does not have
    base_url     of this server, without a slash at the end
    Raises TooCostly when a search needs more than 200 of them.
    """

    def __init__(self, access: Access, find: Find, definitions: Definitions, base_url: str) -> None:
        self._access = access
        self._find = find
        self._definitions = definitions
        self._base_url = base_url
        self._looked_up = 0
        self._systems: dict[tuple[str, str], CodeSystem | None] = {}

    def value_set(self, reference: str) -> Mapping[str, Any] | None:
        """Return the ValueSet with this canonical ("url", "url|version") or address ("ValueSet/id"), else None.

        Without a version the one that was stored last answers.
        """
        meant = classify(reference, self._base_url)
        if meant.kind is Kind.LOCAL and meant.type == "ValueSet":
            for version in self._search("ValueSet", ("_id", meant.id)):
                if meant.version in (None, version.version):
                    return _document(version)
        url, _, version_name = reference.partition("|")
        stored = self._stored("ValueSet", url, version_name)
        if stored is not None:
            return stored
        official = self._definitions.compositions.get(url)
        if official is not None and version_name in ("", official.get("version")):
            return official
        return None if version_name else self._implicit(url)

    def code_system(self, url: str, version: str) -> CodeSystem | None:
        """Return a code system, None when nothing is known of it; `version` is "" or "*" for any."""
        asked = (url, "" if version == "*" else version)
        if asked not in self._systems:
            stored = self._stored("CodeSystem", *asked)
            if stored is None:
                official = self._definitions.code_systems.get(url)
                stored = official if official is not None and asked[1] in ("", official.get("version")) else None
            self._systems[asked] = None if stored is None else CodeSystem(url, stored)
        return self._systems[asked]

    def _implicit(self, url: str) -> Mapping[str, Any] | None:
        """Return the value set of all codes of a code system, or a SNOMED CT one, which only its URL defines."""
        system = self._definitions.implicit_value_sets.get(url) or _WHOLE_SYSTEMS.get(url)
        if system is not None:
            return {"compose": {"include": [{"system": system}]}}
        edition, mark, asked = url.partition("?fhir_vs")
        if not mark or edition != _SNOMED:
            return None
        if not asked:
            return {"compose": {"include": [{"system": _SNOMED}]}}
        if asked.startswith("=isa/"):
            is_a = {"property": "concept", "op": "is-a", "value": asked.removeprefix("=isa/")}
            return {"compose": {"include": [{"system": _SNOMED, "filter": [is_a]}]}}
        return None

    def _stored(self, kind: str, url: str, version: str) -> dict[str, Any] | None:
        if not url:
            return None
        for found in self._search(kind, ("url", url), *((("version", version),) if version else ())):
            document = _document(found)
            # A supplement adds to another code system and defines no codes.
            if version in ("", document.get("version")) and document.get("content") != "supplement":
                return document
        return None

    def _search(self, kind: str, *asked: tuple[str, str]) -> Sequence[Version]:
        self._looked_up += 1
        if self._looked_up > _MOST_DOCUMENTS:
            raise TooCostly(f"A search can use {_MOST_DOCUMENTS} value sets and code systems at most.")
        parameters = tuple((name, _SPECIAL.sub(r"\\\1", value)) for name, value in asked)
        request = SearchRequest(kind, parameters, count=_CANDIDATES, sort=("-_lastUpdated",))
        return self._find(self._access, request)


def _document(version: Version) -> dict[str, Any]:
    document: dict[str, Any] = json.decode_trusted(version.content)
    return document
