"""Answers about one resource: reads, 304, and what a write returns.

https://hl7.org/fhir/R4/http.html#return
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.errors import Issue
from fhir_server.rest.change import Change, Result
from fhir_server.rest.headers import etag, http_date
from fhir_server.rest.message import Response
from fhir_server.rest.outcome import outcome_text
from fhir_server.storage.model import Version

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_DONE = {
    "create": "The resource was created.",
    "update": "The resource was updated.",
    "patch": "The resource was patched.",
    "delete": "The resource was deleted.",
}


def version_headers(version: Version) -> dict[str, str]:
    """Return the headers that tell which version an answer is about."""
    return {"ETag": etag(version.version), "Last-Modified": http_date(version.last_updated)}


def location(endpoint: Endpoint, version: Version) -> str:
    """Return the absolute URL of a version."""
    return f"{endpoint.base_url}/{version.type}/{version.id}/_history/{version.version}"


def written(endpoint: Endpoint, change: Change, result: Result, usual: str) -> Response:
    """Return the answer to a write.

    usual  what is returned where the client has no preference: "representation" or "minimal"
    """
    version = result.version
    if version is not None and change.answer is not None:
        return change.answer(version)
    returns = change.preferences.returns or usual
    headers: dict[str, str] = {}
    modified = None
    if version is not None:
        headers = version_headers(version)
        modified = version.last_updated
        if change.method != "delete":
            headers["Location"] = location(endpoint, version)
    if returns == "OperationOutcome":
        status = 200 if result.status == 204 else result.status
        return Response(status, headers, _report(change, result), outcome=True, modified=modified)
    shown = returns == "representation" and version is not None and not version.deleted
    return Response(result.status, headers, version.content if version and shown else "", modified=modified)


def _report(change: Change, result: Result) -> str:
    if result.status == 204 and result.version is None:
        text = "There was nothing to delete."
    elif change.method == "create" and result.status == 200:
        text = "A resource that matches If-None-Exist was there already; nothing was created."
    else:
        text = "The resource was created." if result.status == 201 else _DONE[change.method]
    return outcome_text([Issue("information", "informational", text), *change.issues])
