"""Parts of resources: what `_summary` and `_elements` leave of one.

https://hl7.org/fhir/R4/search.html#summary
https://hl7.org/fhir/R4/search.html#elements

Every part keeps what would be wrong to hide: the type, the id, meta, mandatory elements, rules that change how the
rest is read (implicitRules, modifierExtension), and the contained resources that the part still points to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from fhir_server.definitions import load
from fhir_server.errors import BadRequest

Mode = Literal["true", "text", "data", "count", "false"]

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS = frozenset(("resourceType", "id", "meta", "implicitRules", "modifierExtension"))


@dataclass(frozen=True, slots=True)
class _Part:
    """What a subset needs to know of one JSON property; `type` is "" where there is nothing below to choose from."""

    name: str
    summary: bool
    mandatory: bool
    type: str


@cache
def _parts(type_name: str) -> dict[str, _Part]:
    definitions = load()
    parts = {}
    for element in definitions.type(type_name).elements:
        for key, ref in element.json_keys():
            below = definitions.type(ref.code)
            inner = ref.code if below.kind in ("complex", "backbone") and ref.code != "Extension" else ""
            parts[key] = _Part(element.name, element.summary, element.min > 0, inner)
    return parts


def summary(resource: dict[str, Any], mode: Mode) -> dict[str, Any]:
    """Return the part of `resource` that `_summary=mode` asks for, tagged SUBSETTED ("false": `resource` itself).

    "count" is for searches: of a Bundle it leaves everything but the entries.
    Raises BadRequest for "count" of anything else.
    """
    if mode == "false":
        return resource
    if mode == "count":
        if resource.get("resourceType") != "Bundle":
            raise BadRequest("_summary=count is for searches only.", code="not-supported")
        return _tagged({key: value for key, value in resource.items() if key != "entry"})
    if mode == "data":
        return _tagged({key: value for key, value in resource.items() if key != "text"})
    parts = _parts_of_resource(resource)
    if mode == "text":
        kept = {key: value for key, value in resource.items() if key == "text" or _is_kept(key, parts)}
    else:
        kept = _summarised(resource, parts)
    return _tagged(_with_contained(kept, resource))


def elements(resource: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the part of `resource` that `_elements=names` asks for, tagged SUBSETTED.

    names  top-level element names; a choice is named without its type ("value") or with it ("valueQuantity")
    """
    parts = _parts_of_resource(resource)
    kept = {
        key: value
        for key, value in resource.items()
        if _is_kept(key, parts) or _plain(key) in names or ((part := parts.get(_plain(key))) and part.name in names)
    }
    return _tagged(_with_contained(kept, resource))


def _parts_of_resource(resource: dict[str, Any]) -> dict[str, _Part]:
    name = resource.get("resourceType")
    return _parts(name) if isinstance(name, str) and name in load().resource_type_set else {}


def _plain(key: str) -> str:
    return key.removeprefix("_")


def _is_kept(key: str, parts: dict[str, _Part]) -> bool:
    """Tell whether every part of the resource has this top-level property."""
    part = parts.get(_plain(key))
    return _plain(key) in _ALWAYS or (part is not None and part.mandatory)


def _summarised(data: dict[str, Any], parts: dict[str, _Part]) -> dict[str, Any]:
    kept = {}
    for key, value in data.items():
        part = parts.get(_plain(key))
        if part is None or not (part.summary or part.mandatory):
            if _plain(key) in _ALWAYS:
                kept[key] = value
            continue
        smaller = _smaller(value, part.type) if part.type else value
        if smaller or part.mandatory or not part.type:
            kept[key] = smaller or value
    return kept


def _smaller(value: Any, type_name: str) -> Any:
    """Return the summary of an element's content; empty where none of it belongs there."""
    if isinstance(value, list):
        return [smaller for item in value if (smaller := _smaller(item, type_name))]
    return _summarised(value, _parts(type_name)) if isinstance(value, dict) else value


def _with_contained(kept: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """Return `kept` with the contained resources that it, or another kept one, refers to."""
    contained = resource.get("contained")
    if not isinstance(contained, list) or "contained" in kept:
        return kept
    wanted = set(_local_references(kept))
    chosen: list[Any] = []
    left = [item for item in contained if isinstance(item, dict)]
    while found := [item for item in left if item.get("id") in wanted]:
        chosen += found
        left = [item for item in left if item.get("id") not in wanted]
        wanted = set(_local_references(found))
    if not chosen:
        return kept
    result = {"resourceType": resource["resourceType"], **kept}
    result["contained"] = [item for item in contained if item in chosen]
    return result


def _local_references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _local_references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _local_references(item)
    elif isinstance(value, str) and value.startswith("#"):
        yield value[1:]


def _tagged(resource: dict[str, Any]) -> dict[str, Any]:
    """Return `resource` (a new dictionary) with the tag that warns of using it in an update."""
    meta = resource.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    tags = meta.get("tag")
    tags = list(tags) if isinstance(tags, list) else []
    known = any(isinstance(tag, dict) and tag.get("code") == "SUBSETTED" for tag in tags)
    meta["tag"] = tags if known else [*tags, dict(SUBSETTED)]
    head: dict[str, Any] = {key: resource[key] for key in ("resourceType", "id") if key in resource}
    return {**head, "meta": meta, **{key: value for key, value in resource.items() if key != "meta"}}
