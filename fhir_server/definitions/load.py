"""Reads the compiled data files into `Definitions`; every part is built on first use.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from fhir_server.definitions.model import (
    Element,
    ExtensionDef,
    Invariant,
    OperationDef,
    OperationParameter,
    SearchComponent,
    SearchParameter,
    TypeDef,
    TypeRef,
)

_DATA = Path(__file__).parent / "data"


def _read(name: str) -> Any:
    return msgspec.json.decode((_DATA / name).read_bytes())


def _type_ref(raw: str | list[Any]) -> TypeRef:
    return TypeRef(raw) if isinstance(raw, str) else TypeRef(raw[0], tuple(raw[1]))


def _element(raw: dict[str, Any], order: int) -> Element:
    strength, value_set = raw.get("binding", ("", ""))
    return Element(
        name=raw["name"],
        min=raw["min"],
        max=raw["max"],
        types=tuple(_type_ref(ref) for ref in raw["types"]),
        choice=raw.get("choice", False),
        modifier=raw.get("modifier", False),
        summary=raw.get("summary", False),
        strength=strength,
        value_set=value_set,
        constraints=tuple(raw.get("constraints", ())),
        attribute=raw.get("attribute", False),
        order=order,
        simple=raw.get("simple", False),
    )


def _extension(raw: dict[str, Any]) -> ExtensionDef:
    return ExtensionDef(
        contexts=tuple(raw.get("on", ())),
        modifier=raw.get("modifier", False),
        types=tuple(_type_ref(ref) for ref in raw.get("value", ())),
        required=raw.get("required", False),
        binding=raw.get("binding", ""),
        min=raw.get("min", 0),
        max=raw.get("max"),
        parts={url: _extension(part) for url, part in raw.get("parts", {}).items()},
    )


class Definitions:
    """Look-ups into R4: `types` by name, search parameters by type and code, compartments, value sets."""

    def __init__(self) -> None:
        self._raw_types: dict[str, Any] = _read("types.json")
        self._types: dict[str, TypeDef] = {}

    def type(self, name: str) -> TypeDef:
        """Return the type called `name` ("Patient", "HumanName", "Patient.contact", "string").

        Raises KeyError for a name R4 does not know.
        """
        found = self._types.get(name)
        if found is None:
            raw = self._raw_types[name]
            elements = tuple(_element(element, order) for order, element in enumerate(raw["elements"]))
            found = TypeDef(
                name=name,
                kind=raw["kind"],
                base=raw["base"],
                abstract=raw.get("abstract", False),
                elements=elements,
                constraints=tuple(raw.get("constraints", ())),
                regex=raw.get("regex", ""),
            )
            self._types[name] = found
        return found

    def __contains__(self, name: str) -> bool:
        return name in self._raw_types

    @cached_property
    def type_names(self) -> tuple[str, ...]:
        """Every type name, backbone paths included, sorted."""
        return tuple(self._raw_types)

    @cached_property
    def resource_types(self) -> tuple[str, ...]:
        """The names of the concrete resource types, sorted."""
        return tuple(
            name
            for name, raw in self._raw_types.items()
            if raw["kind"] == "resource" and not raw.get("abstract", False)
        )

    @cached_property
    def resource_type_set(self) -> frozenset[str]:
        """The same names for membership tests."""
        return frozenset(self.resource_types)

    @cached_property
    def invariants(self) -> dict[str, tuple[Invariant, ...]]:
        """Invariants by key; a key can stand for several expressions, told apart by `where`."""
        result: dict[str, tuple[Invariant, ...]] = {}
        for raw in _read("invariants.json"):
            result[raw["key"]] = (*result.get(raw["key"], ()), Invariant(**raw))
        return result

    @cached_property
    def search_parameters(self) -> tuple[SearchParameter, ...]:
        """Every SearchParameter of the base specification."""
        return tuple(
            SearchParameter(
                id=raw["id"],
                url=raw["url"],
                code=raw["code"],
                type=raw["type"],
                base=tuple(raw["base"]),
                expression=raw["expression"],
                targets=tuple(raw.get("target", ())),
                components=tuple(SearchComponent(*part) for part in raw.get("component", ())),
            )
            for raw in _read("search_parameters.json")
        )

    @cached_property
    def _search_index(self) -> dict[str, dict[str, SearchParameter]]:
        index: dict[str, dict[str, SearchParameter]] = {}
        for parameter in self.search_parameters:
            for base in parameter.base:
                index.setdefault(base, {})[parameter.code] = parameter
        return index

    @cache  # noqa: B019 - one Definitions lives as long as the process
    def search_parameters_of(self, resource_type: str) -> dict[str, SearchParameter]:
        """Return code -> SearchParameter for a concrete type, those of Resource and DomainResource included."""
        index, merged = self._search_index, dict[str, SearchParameter]()
        for base in ("Resource", self.type(resource_type).base, resource_type):
            merged.update(index.get(base, {}))
        return merged

    @cached_property
    def compartments(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Compartment -> resource type -> codes of the search parameters that place a resource in it."""
        raw: dict[str, dict[str, list[str]]] = _read("compartments.json")
        return {name: {key: tuple(codes) for key, codes in rows.items()} for name, rows in raw.items()}

    @cached_property
    def operations(self) -> tuple[OperationDef, ...]:
        """Every OperationDefinition of the base specification."""
        return tuple(
            OperationDef(
                id=raw["id"],
                url=raw["url"],
                code=raw["code"],
                affects_state=raw["affects_state"],
                system=raw["system"],
                type=raw["type"],
                instance=raw["instance"],
                resources=tuple(raw["resource"]),
                parameters=tuple(OperationParameter(*row) for row in raw["parameter"]),
            )
            for raw in _read("operations.json")
        )

    @cached_property
    def _raw_extensions(self) -> dict[str, Any]:
        raw: dict[str, Any] = _read("extensions.json")
        return raw

    @cache  # noqa: B019 - one Definitions lives as long as the process, and the urls it knows are few
    def _known_extension(self, url: str) -> ExtensionDef:
        return _extension(self._raw_extensions[url])

    def extension(self, url: str) -> ExtensionDef | None:
        """Return the facts of the extension `url` when the R4 package defines it, else None."""
        return self._known_extension(url) if url in self._raw_extensions else None

    @cached_property
    def value_sets(self) -> dict[str, dict[str, frozenset[str]]]:
        """Canonical of a required value set -> code system -> codes. Not enumerable ones are absent."""
        raw: dict[str, dict[str, list[str]]] = _read("value_sets.json")
        return {url: {system: frozenset(codes) for system, codes in parts.items()} for url, parts in raw.items()}

    @cached_property
    def code_systems(self) -> dict[str, dict[str, Any]]:
        """URL -> CodeSystem of the R4 package: version, content, valueSet, hierarchyMeaning, property, concept.

        A concept that has nothing but a code is that code. Large, read on first use: only what a server does on
        demand asks for it.
        """
        raw: dict[str, dict[str, Any]] = _read("code_systems.json")
        return raw

    @cached_property
    def compositions(self) -> dict[str, dict[str, Any]]:
        """URL -> ValueSet of the R4 package: version, compose. In compose.include.concept a code stands alone."""
        raw: dict[str, dict[str, Any]] = _read("compositions.json")
        return raw

    @cached_property
    def implicit_value_sets(self) -> dict[str, str]:
        """Canonical of the value set of all codes of a code system -> that code system's URL."""
        return {raw["valueSet"]: url for url, raw in self.code_systems.items() if "valueSet" in raw}

    @cached_property
    def value_set_codes(self) -> dict[str, frozenset[str]]:
        """Canonical of a required value set -> its codes, whatever their system."""
        return {url: frozenset().union(*parts.values()) for url, parts in self.value_sets.items()}


@cache
def load() -> Definitions:
    """Return the definitions of R4; one immutable instance for the process."""
    return Definitions()
