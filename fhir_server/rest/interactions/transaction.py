"""Transaction: every entry or none.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fhir_server.errors import FhirError
from fhir_server.rest.answer import written
from fhir_server.rest.change import Change
from fhir_server.rest.entries import Entry, entries_of, entry_of
from fhir_server.rest.links import Links
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import within
from fhir_server.rest.pipeline import write
from fhir_server.storage.repository import WriteUnit

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def transaction(
    endpoint: Endpoint,
    request: Request,
    bundle: Mapping[str, Any],
    also: Callable[[WriteUnit], None] | None = None,
) -> list[Response]:
    """Carry out a transaction Bundle; return the answer of each entry, in their order.

    Entries are processed as FHIR orders them: DELETE, POST, PUT and PATCH, GET. Writes go to the database in one
    call; reads see what was written, and one that fails undoes all.
    Raises the FhirError of the first entry that cannot be processed; nothing is stored then.
    """
    entries = [entry_of(endpoint, request, raw, index) for index, raw in enumerate(entries_of(endpoint, bundle))]
    writing: list[tuple[Entry, Change]] = []
    reading: list[Entry] = []
    for entry in entries:
        change = _change(endpoint, entry)
        if change is not None:
            writing.append((entry, change))
        elif entry.route.target.code == "operation" and entry.request.method == "POST":
            entry.response = _read(endpoint, entry)  # an operation that changes nothing: POST comes before GET
        else:
            reading.append(entry)
    if not writing and not also:
        with endpoint.store.snapshot():  # reads alone need no lock, but all of them must see the same state
            for entry in reading:
                entry.response = _read(endpoint, entry)
        return _responses(entries)
    changes = [change for _, change in writing]
    links = Links(endpoint)

    def at_last(unit: WriteUnit) -> None:
        # The store reads on the connection of the open transaction, so this sees what was just written.
        for entry in reading:
            entry.response = _read(endpoint, entry)
        if also is not None:
            also(unit)

    try:
        _link(links, writing)
        results = write(endpoint, request.access, changes, links.second_pass, at_last if reading or also else None)
    finally:
        links.restore()
    for (entry, change), result in zip(writing, results, strict=True):
        entry.response = written(endpoint, change, result, "minimal")
    return _responses(entries)


def _responses(entries: Sequence[Entry]) -> list[Response]:
    return [entry.response for entry in entries if entry.response is not None]


def _change(endpoint: Endpoint, entry: Entry) -> Change | None:
    """Return what an entry writes; None where it only reads."""
    try:
        change = entry.route.target.prepare(endpoint, entry.request, entry.route)
    except FhirError as error:
        raise within(error, entry.label) from None
    if change is not None and change.method == "update" and not change.id:
        change.id = endpoint.new_id()  # the id it gets if the criteria match nothing
    return change


def _link(links: Links, writing: Sequence[tuple[Entry, Change]]) -> None:
    """Take the references of the transaction through their first pass."""
    for entry, change in writing:
        if entry.full_url and change.method in ("create", "update"):
            links.target(entry.full_url, change)
    for index, (entry, change) in enumerate(writing):
        try:
            links.first_pass(index, change, entry.full_url)
            links.patched(change, entry.full_url)
        except FhirError as error:
            raise within(error, change.label) from None


def _read(endpoint: Endpoint, entry: Entry) -> Response:
    try:
        return endpoint.run(entry.request, entry.route)
    except FhirError as error:
        raise within(error, entry.label) from None
