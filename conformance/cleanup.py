"""Removes from the target everything that a run made, also after failures, and says what could not be removed.

https://hl7.org/fhir/R4/http.html#delete
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.client import Elsewhere, NoAnswer, OutOfTime
from conformance.json_content import NotJson, decode
from conformance.ledger import Key
from conformance.target import Target

_PASSES = 3
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource that still stands on the target, and why."""

    type: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}: {self.reason}"


def clean(target: Target, *, seconds: float) -> tuple[int, list[Leftover]]:
    """Remove what the run made; return how many are gone, and what is left.

    Takes at most `seconds`. Referrers go before what they refer to (newest first, in several passes); references
    that hold each other in a circle are cut first. Only resources that carry the mark of the run are touched.
    """
    target.client.deadline = time.monotonic() + seconds
    reasons: dict[Key, str] = {}
    before = 0
    try:
        for key in _unknown(target):
            target.ledger.add(key)
        before = len(target.ledger.standing)
        for number in range(_PASSES):
            for key in reversed(target.ledger.standing):
                reasons[key] = _remove(target, key)
                if not reasons[key]:
                    target.ledger.discard(key)
            if not target.ledger.standing:
                break
            if number == 0:
                for key in target.ledger.standing:
                    _cut_references(target, key)
    except (NoAnswer, OutOfTime, KeyboardInterrupt) as error:
        text = str(error) or "the clean-up was cut short"
        for key in target.ledger.standing:
            reasons[key] = reasons.get(key) or text
    left = [Leftover(*key, reasons.get(key) or "not tried") for key in target.ledger.standing]
    return max(before - len(left), 0), left


def _remove(target: Target, key: Key) -> str:
    """Delete one resource and look whether it is gone; return "" or why it is not."""
    path = "/".join(key)
    if target.ledger.is_said_deleted(key) and target.get(path).status in _GONE:
        return ""
    answer = target.send("DELETE", path)
    seen = target.get(path)
    if seen.status in _GONE:
        return ""
    if answer.status not in (200, 202, 204):
        return f"DELETE answered {answer.status}"
    return f"DELETE answered {answer.status}, yet a read answers {seen.status}"


def _cut_references(target: Target, key: Key) -> None:
    """Rewrite a resource without the elements that refer to others, so that a circle can be deleted."""
    answer = target.get("/".join(key))
    resource = _decoded(answer.body)
    if answer.status != 200 or not target.ledger.is_ours(resource):
        return
    kept = {name: value for name, value in resource.items() if not _refers(value)}
    if len(kept) < len(resource):
        version = resource.get("meta", {}).get("versionId")
        target.send("PUT", "/".join(key), kept, headers={"If-Match": f'W/"{version}"'} if version else {})


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return "reference" in value or any(map(_refers, value.values()))
    return isinstance(value, list) and any(map(_refers, value))


def _unknown(target: Target) -> Iterator[Key]:
    """Search for resources of this run that no answer told of: a lost answer, or a Location that was not given."""
    known = set(target.ledger.standing)
    system = urllib.parse.quote(f"{target.run.system}|", safe="")
    for resource_type in target.ledger.types:
        if "search-type" not in target.claims.of(resource_type).interactions:
            continue
        for criterion in ("_tag", "identifier"):
            try:
                answer = target.get(f"{resource_type}?{criterion}={system}&_count=500")
            except (Elsewhere, NoAnswer):
                continue
            entries = _decoded(answer.body).get("entry")
            for entry in entries if isinstance(entries, list) else []:
                resource = entry.get("resource") if isinstance(entry, dict) else None
                if (
                    isinstance(resource, dict)
                    and isinstance(resource.get("id"), str)
                    and target.ledger.is_ours(resource)
                ):
                    key = (str(resource.get("resourceType")), resource["id"])
                    if key not in known:
                        known.add(key)
                        yield key


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        value = decode(raw)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}
