"""Rules of Questionnaire and CodeSystem that look at the whole tree of items or concepts.

https://hl7.org/fhir/R4/questionnaire.html
https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_server.validation.findings import Findings, Found, Scope


def _tree(root: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and value of every element under `key`, nested ones included, in document order."""
    pending = [("", root)]
    while pending:
        path, holder = pending.pop()
        if path:
            yield path[:-1], holder
        children = holder.get(key, ())
        pending.extend((f"{path}{key}[{index}].", children[index]) for index in reversed(range(len(children))))


def questionnaire(value: dict[str, Any], _scope: Scope) -> Findings:
    """Check that linkIds are unique (que-2) and that every enableWhen asks another question that exists."""
    findings: list[Found] = []
    items = list(_tree(value, "item"))
    places: dict[str, str] = {}
    for path, item in items:
        link = item.get("linkId")
        if link in places:
            findings.append(Found(f"{path}.linkId", "invariant", "Another item has this linkId (que-2)."))
        elif link is not None:
            places[link] = path
    for path, item in items:
        for index, condition in enumerate(item.get("enableWhen", ())):
            asked = condition.get("question")
            if asked is None:
                continue
            target = places.get(asked)
            if target is None:
                text = "This enableWhen asks for a linkId that no item has."
            elif target == path or target.startswith(path + "."):
                text = "An item cannot depend on itself or on an item within it."
            else:
                continue
            findings.append(Found(f"{path}.enableWhen[{index}]", "business-rule", text))
    return findings or None


def code_system(value: dict[str, Any], _scope: Scope) -> Findings:
    """Check that every code stands once (csd-1), and that none stands where the content is said to be absent."""
    if value.get("content") == "not-present" and "concept" in value:
        return [Found("concept", "business-rule", "The code system says that its content is absent.")]
    seen: set[str] = set()
    findings: list[Found] = []
    for path, concept in _tree(value, "concept"):
        code = concept.get("code")
        if code is None:
            continue
        if code in seen:
            findings.append(Found(f"{path}.code", "invariant", "Another concept has this code (csd-1)."))
        seen.add(code)
    return findings or None
