"""Which _include and _revinclude a type has here, read from the targets of its reference parameters.

https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.searchInclude
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_server.storage.model import SearchRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Includes:
    """What can be included, by type.

    forward  "Observation:subject" for what resources of the type refer to, and "*"
    reverse  "Observation:subject" for what refers to resources of the type
    """

    forward: Mapping[str, tuple[str, ...]]
    reverse: Mapping[str, tuple[str, ...]]


def includes_of(endpoint: Endpoint) -> Includes:
    """Return the includes that the store can answer."""
    types = endpoint.definitions.resource_types
    forward: dict[str, tuple[str, ...]] = {}
    reverse: dict[str, list[str]] = {name: [] for name in types}
    for name in types:
        references = {
            code: parameter
            for code, parameter in endpoint.search_parameters(name).items()
            if parameter.type == "reference"
        }
        asked = tuple(("_include", f"{name}:{code}") for code in references)
        missing = frozenset(endpoint.store.unsupported(SearchRequest(name, includes=asked)))
        known = [code for code in sorted(references) if f"_include={name}:{code}" not in missing]
        forward[name] = ("*", *(f"{name}:{code}" for code in known))
        for code in known:
            for target in _targets(references[code].targets, types):
                reverse[target].append(f"{name}:{code}")
    return Includes(forward, {name: ("*", *found) for name, found in reverse.items()})


def _targets(given: Iterable[str], types: Iterable[str]) -> Iterable[str]:
    named = tuple(given)
    known = frozenset(types)
    return types if not named or "Resource" in named else [name for name in named if name in known]
