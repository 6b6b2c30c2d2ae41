"""Compile the facts of the extensions that the official package defines: where they may stand, what they hold.

https://hl7.org/fhir/R4/defining-extensions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_ALL_TYPES = 40
"""A definition that leaves value[x] open lists all fifty datatypes; that says nothing, so it is left out."""


def compile_extension(sd: dict[str, Any], type_refs: Callable[[dict[str, Any], str], list[Any]]) -> dict[str, Any]:
    """Return one extension's facts: `on` (contexts), `modifier`, and what `_content` gives.

    sd         the StructureDefinition (derivation "constraint" of Extension)
    type_refs  function (element, path) -> type references, as the types are compiled
    """
    elements = {element["id"]: element for element in sd["snapshot"]["element"]}
    root = elements["Extension"] if "Extension" in elements else sd["snapshot"]["element"][0]
    row: dict[str, Any] = {"on": [item["expression"] for item in sd["context"] if item["type"] == "element"]}
    if root.get("isModifier"):
        row["modifier"] = True
    row.update(_content(elements, root["id"], type_refs))
    return row


def bindings(row: dict[str, Any]) -> Iterator[str]:
    """Yield the value sets that an extension's facts (and its parts') require."""
    if "binding" in row:
        yield row["binding"]
    for part in row.get("parts", {}).values():
        yield from bindings(part)


def _content(
    elements: dict[str, Any], owner: str, type_refs: Callable[[dict[str, Any], str], list[Any]]
) -> dict[str, Any]:
    """Return what the extension with element id `owner` holds: `value` types, `required`, `binding`, `parts` by url."""
    content: dict[str, Any] = {}
    value = elements.get(f"{owner}.value[x]")
    if value is not None and value["max"] != "0":
        refs = type_refs(value, "")
        content["value"] = refs if len(refs) < _ALL_TYPES else ["*"]
        if value["min"]:
            content["required"] = True
        binding = value.get("binding", {})
        if binding.get("strength") == "required" and binding.get("valueSet"):
            content["binding"] = binding["valueSet"].split("|")[0]
    prefix = f"{owner}.extension:"
    parts = {}
    for key, element in elements.items():
        if key.startswith(prefix) and "." not in key[len(prefix) :]:
            url = elements[f"{key}.url"]["fixedUri"]
            part = _content(elements, key, type_refs)
            if element["min"]:
                part["min"] = element["min"]
            if element["max"] != "*":
                part["max"] = int(element["max"])
            parts[url] = part
    if parts:
        content["parts"] = parts
    return content
