"""From the content of a file to units that are submitted at once: a transaction, or entries independent of each other.

https://hl7.org/fhir/R4/valueset-bundle-type.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.cli.loading.report import Refusal
from fhir_server.cli.loading.sources import LINES, Chunk
from fhir_server.errors import FhirError, MalformedContent
from fhir_server.formats import json

_KEPT_WHOLE = frozenset({"document", "message"})


@dataclass(frozen=True, slots=True)
class Unit:
    """Entries that are submitted in one request.

    number   of the unit in its file, from 0; the same in every run
    entries  Bundle entries with their `request`
    places   for each entry where it stands in the file: "Bundle.entry[3]", "line 17", "" for the file itself
    atomic   True for a transaction of the file's author: all or nothing
    broken   indexes of entries that could not be read; they are empty
    """

    number: int
    entries: Sequence[dict[str, Any]]
    places: Sequence[str]
    atomic: bool = False
    broken: tuple[int, ...] = ()

    def only(self, indexes: Sequence[int]) -> Unit:
        """Return the unit with some of its entries."""
        entries, places = [self.entries[i] for i in indexes], [self.places[i] for i in indexes]
        return Unit(self.number, entries, places, self.atomic, self.broken)


def of_document(file: str, document: Any) -> Iterator[Unit | Refusal]:
    """Yield the units of a decoded JSON document: a Bundle or a single resource. Raises MalformedContent."""
    kind = _resource(document).get("type")
    if document["resourceType"] != "Bundle" or kind in _KEPT_WHOLE:
        yield Unit(0, [entry_of(document)], [""])
        return
    entries = document.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield Refusal(file, "", 400, "structure", "Bundle.entry must be an array of objects.", "Bundle.entry")
    elif kind == "transaction":
        yield Unit(0, entries, _places(entries), atomic=True)
    elif kind == "batch":
        yield from _pieces(entries, _places(entries))
    elif kind in ("collection", "searchset"):
        yield from _resources(entries)
    else:
        text = "Only Bundles of type transaction, batch, collection, searchset, document or message can be loaded."
        yield Refusal(file, "", 422, "not-supported", text, "Bundle.type")


def of_chunk(file: str, chunk: Chunk, max_depth: int) -> Iterator[Unit | Refusal]:
    """Yield the refusals of lines that cannot be read, then the unit of the others, of one chunk of NDJSON.

    A refused line keeps its place in the unit as an empty entry, so that indexes mean the same in every run.
    """
    entries: list[dict[str, Any]] = []
    places = [f"line {chunk.first_line + index}" for index in range(len(chunk.lines))]
    broken = []
    for index, line in enumerate(chunk.lines):
        entries.append({})
        if not line.strip():
            continue
        try:
            entries[index] = entry_of(_resource(json.decode(line, max_depth=max_depth)))
        except FhirError as error:
            broken.append(index)
            yield from refusals_of(file, places[index], error)
    yield Unit(chunk.number, entries, places, broken=tuple(broken))


def entry_of(resource: dict[str, Any], full_url: str = "") -> dict[str, Any]:
    """Return the entry that stores `resource`: under its own id when it has one, so that references to it stay true."""
    entry: dict[str, Any] = {"fullUrl": full_url} if full_url else {}
    entry["resource"] = resource
    name, resource_id = resource["resourceType"], resource.get("id")
    if resource_id:
        entry["request"] = {"method": "PUT", "url": f"{name}/{resource_id}"}
    else:
        entry["request"] = {"method": "POST", "url": name}
    return entry


def refusals_of(file: str, place: str, error: FhirError) -> Iterator[Refusal]:
    """Yield a refusal for each error among the issues of `error`."""
    for issue in error.all_issues():
        if issue.severity in ("error", "fatal"):
            yield Refusal(file, place, error.status, issue.code, issue.diagnostics, issue.expression)


def _resource(document: Any) -> dict[str, Any]:
    if isinstance(document, dict) and isinstance(document.get("resourceType"), str):
        return document
    raise MalformedContent("This is no FHIR resource: it has no resourceType.")


def _places(entries: Sequence[Any]) -> list[str]:
    return [f"Bundle.entry[{index}]" for index in range(len(entries))]


def _resources(entries: Sequence[dict[str, Any]]) -> Iterator[Unit]:
    """Yield the units of a collection or a search result; its outcomes are no records."""
    made, places = [], []
    linked = False
    for index, entry in enumerate(entries):
        resource = entry.get("resource")
        search = entry.get("search")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            continue
        if isinstance(search, dict) and search.get("mode") == "outcome":
            continue
        url = entry.get("fullUrl")
        temporary = isinstance(url, str) and url.startswith("urn:")
        linked = linked or temporary
        made.append(entry_of(resource, str(url) if temporary else ""))
        places.append(f"Bundle.entry[{index}]")
    if linked:  # entries that call each other by urn:uuid must stay together
        yield Unit(0, made, places)
    else:
        yield from _pieces(made, places)


def _pieces(entries: Sequence[dict[str, Any]], places: Sequence[str]) -> Iterator[Unit]:
    for number, start in enumerate(range(0, len(entries), LINES)):
        yield Unit(number, entries[start : start + LINES], places[start : start + LINES])
