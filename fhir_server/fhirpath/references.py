"""Finds the resource a reference points at: contained, in the same Bundle, or by asking the caller.

https://hl7.org/fhir/R4/references.html#literal
https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import re

from fhir_server.fhirpath.environment import Environment, Items
from fhir_server.fhirpath.model import is_type_name
from fhir_server.fhirpath.navigation import step
from fhir_server.fhirpath.node import Node, root_node

_RELATIVE = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]{1,60})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?", re.ASCII
)


def resolve(text: str, env: Environment) -> Node | None:
    """Return the Node of the resource that `text` (the `reference` of a Reference) names, or None."""
    if text.startswith("#"):
        return _contained(text[1:], env)
    if env.root.type == "Bundle":
        found = _in_bundle(text, env)
        if found is not None:
            return found
    if env.resolver is None:
        return None
    resource = env.resolver(text)
    return None if resource is None else root_node(resource)


def target_type(text: str) -> str | None:
    """Return the resource type a literal reference names ("Patient/1" gives "Patient"), None where it names none."""
    match = _RELATIVE.fullmatch(text) if len(text) <= 2_000 else None
    return match.group(1) if match is not None and is_type_name(match.group(1)) else None


def _contained(wanted: str, env: Environment) -> Node | None:
    """`#` alone is the resource that contains; `#id` one that it contains."""
    if not wanted:
        return env.root
    for holder in (env.resource, env.root):
        for node in step([holder], "contained", env):
            if type(node.value) is dict and node.value.get("id") == wanted:
                return node  # type: ignore[no-any-return]
    return None


def _in_bundle(text: str, env: Environment) -> Node | None:
    entries: Items = step([env.root], "entry", env)
    bare = text.partition("/_history/")[0]
    relative = target_type(text) is not None and "://" not in text
    for entry in entries:
        held = entry.value
        if type(held) is not dict or type(held.get("resource")) is not dict:
            continue
        url, resource = str(held.get("fullUrl", "")), held["resource"]
        same = url in (text, bare)
        if relative and not same:
            same = url.endswith("/" + bare) or bare == f"{resource.get('resourceType')}/{resource.get('id')}"
        if same:
            return Node(resource, str(resource.get("resourceType", "Resource")), None, entry, "resource")
    return None
