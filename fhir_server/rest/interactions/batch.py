"""Batch: every entry for itself.

https://hl7.org/fhir/R4/http.html#brules
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, FhirError
from fhir_server.rest.entries import entry_of, independent_entries_of
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import error_response, fault_response
from fhir_server.storage.references import walk

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def batch(endpoint: Endpoint, request: Request, bundle: Mapping[str, Any]) -> list[Response]:
    """Carry out a batch Bundle; return the answer of each entry, in their order, errors among them.

    Raises a FhirError only where the Bundle itself cannot be read.
    """
    entries, faults = independent_entries_of(endpoint, bundle)
    urls = frozenset(raw["fullUrl"] for raw in entries if "fullUrl" in raw)
    return [
        error_response(faults[index]) if index in faults else _entry(endpoint, request, raw, index, urls)
        for index, raw in enumerate(entries)
    ]


def _entry(endpoint: Endpoint, request: Request, raw: Mapping[str, Any], index: int, urls: Set[str]) -> Response:
    try:
        entry = entry_of(endpoint, request, raw, index)
        if urls and isinstance(entry.request.resource, dict):
            _refuse_neighbours(entry.request.resource, urls, entry.label)
        return endpoint.perform(entry.request, entry.route)
    except FhirError as error:
        return error_response(error)
    except Exception as error:  # noqa: BLE001 - a defect met by one entry must not cost the others their answer
        return fault_response(error, request.request_id)


def _refuse_neighbours(resource: dict[str, Any], urls: Set[str], label: str) -> None:
    """Refuse a reference to another entry by its URN: entries of a batch know nothing of each other."""
    for place in walk(resource):
        if place.text.startswith("urn:") and place.text in urls:
            raise BadRequest(
                "An entry of a batch cannot refer to another entry; a transaction can.",
                f"{label}.resource.{place.expression}",
            )
