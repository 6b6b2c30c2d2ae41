"""Compile code systems (codes, hierarchy, properties) and value sets (what they are composed of), without any prose.

https://hl7.org/fhir/R4/codesystem.html and https://hl7.org/fhir/R4/valueset.html

Both keep the shape of their resources, so that stored and official ones are read by the same code; in a concept that
has nothing but a code, the code stands alone.
"""

from __future__ import annotations

from typing import Any


def compile_code_system(system: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a CodeSystem: version, content, valueSet, hierarchyMeaning, concept."""
    kept: dict[str, Any] = {
        name: system[name] for name in ("version", "content", "valueSet", "hierarchyMeaning") if name in system
    }
    declared = [
        {"code": item["code"], **({"uri": item["uri"]} if "uri" in item else {})} for item in system.get("property", ())
    ]
    if declared and "concept" in system:
        kept["property"] = declared
    concepts = [_concept(concept) for concept in system.get("concept", ())]
    return {**kept, "concept": concepts} if concepts else kept


def _concept(concept: dict[str, Any]) -> str | dict[str, Any]:
    kept: dict[str, Any] = {name: concept[name] for name in ("code", "property") if name in concept}
    children = [_concept(child) for child in concept.get("concept", ())]
    if children:
        kept["concept"] = children
    return kept if len(kept) > 1 else str(concept["code"])


def compile_value_set(value_set: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a ValueSet: version and compose, or expansion.contains where there is no compose."""
    kept: dict[str, Any] = {"version": value_set["version"]} if "version" in value_set else {}
    compose = value_set.get("compose")
    if compose is None:
        return kept
    kept["compose"] = {
        name: [_part(part) for part in compose[name]] for name in ("include", "exclude") if name in compose
    }
    if compose.get("inactive") is False:
        kept["compose"]["inactive"] = False
    return kept


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: part[name] for name in ("system", "version", "filter", "valueSet") if name in part}
    if "concept" in part:
        kept["concept"] = [concept["code"] for concept in part["concept"]]
    return kept
