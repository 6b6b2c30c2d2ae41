"""A version in the making: the document with its id and meta, its text, its place in the sequence of versions.

https://hl7.org/fhir/R4/resource.html#Meta
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fhir_server.errors import BadRequest, Gone, NotFound, PreconditionFailed, ServerFault
from fhir_server.formats import json
from fhir_server.storage.dialects import State
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.model import Version, Write
from fhir_server.storage.references import Reference

Rows = dict[str, list[tuple[Any, ...]]]

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(slots=True)
class Revision:
    """What becomes of one write.

    old         state before, None for a resource that was never here (a promise has version 0)
    old_document, old_targets, old_rows    the same of the version before, where it was not a deletion
    references  those references of the document that must lead somewhere here
    targets     those of them that say type and id
    """

    write: Write
    key: int
    version: int
    last_updated: datetime
    old: State | None
    document: dict[str, Any] | None = None
    content: str = ""
    settled: int = 1
    references: list[Reference] = field(default_factory=list)
    targets: set[Ref] = field(default_factory=set)
    old_document: dict[str, Any] | None = None
    old_targets: set[Ref] = field(default_factory=set)
    rows: Rows = field(default_factory=dict)
    old_rows: Rows = field(default_factory=dict)

    @property
    def ref(self) -> Ref:
        """(type, id)."""
        return self.write.type, self.write.id

    @property
    def was_there(self) -> bool:
        """True when the resource has a current version that is not a deletion."""
        return self.old is not None and not self.old.deleted

    def made(self) -> Version:
        """Return the version this became."""
        write = self.write
        return Version(
            write.type,
            write.id,
            self.version,
            self.last_updated,
            write.method == "delete",
            self.content,
            self.key,
            write.method,
        )


def revise(write: Write, old: State | None, key: int, now: datetime) -> Revision:
    """Return what becomes of `write` on top of `old`.

    key  of the resource, used when there is no `old`
    Raises PreconditionFailed when another version is current than the one expected, NotFound and Gone for a delete
    of what is not there.
    """
    version = 0 if old is None else old.version
    if write.expected is not None and write.expected != version:
        raise PreconditionFailed("The resource has changed since the version that was expected.", write.label)
    if write.method == "delete":
        if version == 0:
            raise NotFound("There is no resource with this type and id.", write.label)
        if old is not None and old.deleted:
            raise Gone("The resource was deleted.", write.label)
    made = Revision(
        write=write,
        key=key if old is None else old.key,
        version=version + 1,
        # A clock that was set back must not make time run backwards for a resource.
        last_updated=now if old is None or old.version == 0 else max(now, old.last_updated),
        old=old,
    )
    if write.method != "delete":
        _write_down(made)
    return made


def _write_down(made: Revision) -> None:
    write = made.write
    if write.document is None:
        raise ServerFault("A write came without a document. This is a fault of the server.", write.label)
    made.document = stamped(write.document, write.type, write.id, made.version, made.last_updated)
    try:
        made.content = json.encode(made.document).decode()
    except UnicodeEncodeError:
        raise BadRequest("A text holds half of a surrogate pair.", write.label, code="value") from None
    if "\\u0000" in made.content and _NUL.search(made.content):
        raise BadRequest("A text holds the character NUL, which FHIR forbids.", write.label, code="value")


def stamped(
    document: dict[str, Any], resource_type: str, resource_id: str, version: int, last_updated: datetime
) -> dict[str, Any]:
    """Return `document` with its id and meta.versionId / lastUpdated set; everything else stays as and where it is."""
    meta = {"versionId": str(version), "lastUpdated": _instant(last_updated)}
    given = document.get("meta")
    if isinstance(given, dict):
        meta = meta | given | meta
    # The merge keeps the first place and the last value of each name.
    head = {"resourceType": resource_type, "id": resource_id, "meta": meta}
    return head | document | head


@lru_cache(maxsize=64)  # a batch has one time
def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat("T", "microseconds") + "Z"


def compartments(targets: Collection[Ref], types: Collection[str]) -> set[Ref]:
    """Return those of `targets` whose type has a compartment: they decide who may see the resource."""
    return {ref for ref in targets if ref[0] in types}
