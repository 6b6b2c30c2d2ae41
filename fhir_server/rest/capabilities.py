"""The CapabilityStatement, made from the same registries as the router: it cannot promise what is not there.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fhir_server.definitions import SearchParameter
from fhir_server.rest.bundle import quoted
from fhir_server.rest.includes import Includes, includes_of
from fhir_server.rest.interaction import Level
from fhir_server.rest.interactions import INTERACTIONS
from fhir_server.rest.interactions.patch import FORMATS as PATCH_FORMATS
from fhir_server.rest.operation import Level as OperationLevel
from fhir_server.rest.representation import JSON, XML, Representation

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

FHIR_VERSION = "4.0.1"
_COMPARTMENT = "http://hl7.org/fhir/CompartmentDefinition/"
_NAMES_OF_FORMATS = (JSON, XML, "json", "xml")
# They have no definition of their own, and no other place in the statement tells that they work.
_CONTAINED = (
    {"name": "_contained", "type": "token", "documentation": "true, false or both: search contained resources"},
    {"name": "_containedType", "type": "token", "documentation": "container or contained: what is returned of them"},
)


@dataclass(slots=True)
class Statement:
    """The finished statement: its JSON text, its entity tag, and its bytes in the forms that were asked for so far."""

    text: str
    tag: str
    rendered: dict[Representation, bytes] = field(default_factory=dict)


def statement(endpoint: Endpoint) -> Statement:
    """Return the statement of an endpoint."""
    includes = includes_of(endpoint)
    document = {
        "resourceType": "CapabilityStatement",
        "url": f"{endpoint.base_url}/metadata",
        "version": version("fhir-server"),
        "name": "FhirServer",
        "title": "FHIR R4 server",
        "status": "active",
        "date": endpoint.now().date().isoformat(),
        "kind": "instance",
        "software": {"name": "fhir-server", "version": version("fhir-server")},
        "implementation": {"description": "FHIR R4 on relational tables", "url": endpoint.base_url},
        "fhirVersion": FHIR_VERSION,
        "format": list(_NAMES_OF_FORMATS),
        "patchFormat": list(PATCH_FORMATS),
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": bool(endpoint.settings.cors_origins),
                    "description": "Callers are not asked who they are; loopback only.",
                },
                "resource": [_resource(endpoint, name, includes) for name in endpoint.definitions.resource_types],
                "interaction": [{"code": code} for code in _system_codes()],
                "searchParam": [*_parameters(endpoint.search_parameters("")), *_CONTAINED],
                "operation": _operations(endpoint, ("system",), ""),
                "compartment": [_COMPARTMENT + name.lower() for name in sorted(endpoint.definitions.compartments)],
            }
        ],
    }
    text = quoted(_without_empty(document))
    return Statement(text, hashlib.sha256(text.encode()).hexdigest()[:16])


def _codes(levels: Iterable[Level]) -> list[str]:
    """Return the interaction codes of some levels, each once, in the order of the registry."""
    wanted = frozenset(levels)
    return list(dict.fromkeys(one.code for one in INTERACTIONS if one.level in wanted and one.code != "operation"))


def _system_codes() -> list[str]:
    codes = [code for code in _codes(["system"]) if code != "capabilities"]
    # A batch goes where a transaction goes.
    return [*codes, "batch"] if "transaction" in codes else codes


def _has(code: str, level: Level) -> bool:
    return any(one.code == code and one.level == level for one in INTERACTIONS)


def _resource(endpoint: Endpoint, name: str, includes: Includes) -> dict[str, Any]:
    settings = endpoint.settings
    return {
        "type": name,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{name}",
        "interaction": [{"code": code} for code in _codes(["instance", "type"])],
        "versioning": "versioned-update" if settings.require_if_match else "versioned",
        "readHistory": _has("vread", "instance"),
        "updateCreate": settings.update_as_create,
        "conditionalCreate": _has("create", "type"),
        "conditionalRead": "full-support",
        "conditionalUpdate": _has("update", "type"),
        "conditionalDelete": "single" if _has("delete", "type") else "not-supported",
        "referencePolicy": [
            "literal",
            "logical",
            *(["enforced"] if settings.referential_integrity == "enforced" else []),
        ],
        "searchInclude": list(includes.forward[name]),
        "searchRevInclude": list(includes.reverse[name]),
        "searchParam": _parameters(endpoint.search_parameters(name)),
        "operation": _operations(endpoint, ("type", "instance"), name),
    }


def _parameters(parameters: Mapping[str, SearchParameter]) -> list[dict[str, Any]]:
    return [
        {"name": code, "definition": parameters[code].url, "type": parameters[code].type} for code in sorted(parameters)
    ]


def _operations(endpoint: Endpoint, levels: Iterable[OperationLevel], resource_type: str) -> list[dict[str, Any]]:
    wanted = tuple(levels)
    return [
        {"name": known.definition.code, "definition": known.definition.url}
        for known in endpoint.operations.all
        if any(known.works_at(level, resource_type) for level in wanted)
    ]


def _without_empty(document: Any) -> Any:
    """Return `document` without empty lists, which FHIR does not have."""
    if isinstance(document, dict):
        return {key: _without_empty(value) for key, value in document.items() if value != []}
    if isinstance(document, list):
        return [_without_empty(item) for item in document]
    return document
