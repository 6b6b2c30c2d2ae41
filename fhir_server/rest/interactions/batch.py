"""Batch: every entry for itself.

https://hl7.org/fhir/R4/http.html#brules
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fhir_server.errors import FhirError
from fhir_server.rest.entries import entries_of, entry_of
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import error_response, fault_response

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def batch(endpoint: Endpoint, request: Request, bundle: Mapping[str, Any]) -> list[Response]:
    """Carry out a batch Bundle; return the answer of each entry, in their order, errors among them.

    Raises a FhirError only where the Bundle itself cannot be read.
    """
    return [_entry(endpoint, request, raw, index) for index, raw in enumerate(entries_of(endpoint, bundle))]


def _entry(endpoint: Endpoint, request: Request, raw: Mapping[str, Any], index: int) -> Response:
    try:
        entry = entry_of(endpoint, request, raw, index)
        return endpoint.perform(entry.request, entry.route)
    except FhirError as error:
        return error_response(error)
    except Exception as error:  # noqa: BLE001 - a defect met by one entry must not cost the others their answer
        return fault_response(error, request.request_id)
