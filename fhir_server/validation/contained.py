"""Rules of contained resources, dom-2 to dom-5, and that their ids tell them apart.

https://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhir_server.validation.findings import Findings, Found, Scope

_LOCAL_LINK = re.compile(r"""(?:href|src)\s*=\s*["']#([^"']+)["']""")


def rule(value: dict[str, Any], scope: Scope) -> Findings:
    """Check the contained resources of `value`, a DomainResource whose own structure is right."""
    resources = value.get("contained")
    if resources is None or scope.root is not value:
        return None
    findings: list[Found] = []
    names = {id(resource): set(_local_names(resource)) for resource in resources}
    used = set(_local_names({key: item for key, item in value.items() if key != "contained"})).union(*names.values())
    seen: set[str] = set()
    for index, resource in enumerate(resources):
        name = resource.get("id", "")
        findings.extend(_fault(resource, f"contained[{index}]"))
        if name and name in seen:
            findings.append(Found(f"contained[{index}].id", "invariant", "Another contained resource has this id."))
        if name not in used and "" not in names[id(resource)]:
            text = "A contained resource must be referenced in the resource that contains it, or refer to it (dom-3)."
            findings.append(Found(f"contained[{index}]", "invariant", text))
        seen.add(name)
    return findings or None


def _fault(resource: dict[str, Any], path: str) -> Iterator[Found]:
    if "contained" in resource:
        yield Found(path, "invariant", "A contained resource must not contain resources itself (dom-2).")
    meta = resource.get("meta", {})
    if "versionId" in meta or "lastUpdated" in meta:
        yield Found(path, "invariant", "A contained resource has no version and no time of change of its own (dom-4).")
    if "security" in meta:
        yield Found(path, "invariant", "A contained resource has no security labels of its own (dom-5).")


def _local_names(resource: dict[str, Any]) -> Iterator[str]:
    """Yield X of every "#X" that a reference, uri or narrative link in `resource` holds ("" for "#" alone)."""
    pending: list[Any] = [resource]
    while pending:
        value = pending.pop()
        if type(value) is dict:
            div = value.get("div")
            if isinstance(div, str):
                yield from _LOCAL_LINK.findall(div)
            pending.extend(value.values())
        elif type(value) is list:
            pending.extend(value)
        elif type(value) is str and value[:1] == "#":
            yield value[1:]
