"""$validate: would this resource be accepted, and would this interaction succeed?

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, FhirError, Gone, Issue, NotFound
from fhir_server.formats import json
from fhir_server.rest.change import Change
from fhir_server.rest.message import Response
from fhir_server.rest.operation import Invocation, Operation
from fhir_server.rest.outcome import outcome_text
from fhir_server.rest.pipeline import rehearse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_server.rest.endpoint import Endpoint

_MODES = ("create", "update", "delete", "profile")
_BASE = "http://hl7.org/fhir/StructureDefinition/"
_WELL = Issue("information", "informational", "No problem was found.")


def validate(endpoint: Endpoint, call: Invocation) -> Response:
    """Return 200 with an OperationOutcome that lists what is wrong; nothing is stored.

    Without a mode the resource alone is judged. With create, update or delete the whole interaction is carried out
    and rolled back, so that versions, references and business rules have their say.
    """
    mode = call.first("mode") or ""
    if mode and mode not in _MODES:
        raise BadRequest("The parameter mode must be create, update, delete or profile.", code="value")
    document = call.first("resource")
    if document is None and mode != "delete":
        document = _stored(endpoint, call)
    if document is not None and not isinstance(document, dict):
        raise BadRequest("The parameter resource holds a resource.", code="value")
    issues = list(_profile(call, document)) + list(_judged(endpoint, call, mode, document))
    return Response(200, {}, outcome_text(issues or [_WELL]))


def _stored(endpoint: Endpoint, call: Invocation) -> Any:
    """Return the stored resource, which is judged where a call on an instance brings none."""
    if not call.id:
        raise BadRequest("The operation needs the parameter resource.", code="required")
    version = endpoint.store.read(call.request.access, call.type, call.id)
    if version is None:
        raise NotFound("There is no resource with this type and id.")
    if version.deleted:
        raise Gone("The resource was deleted.")
    return json.decode_trusted(version.content)


def _profile(call: Invocation, document: Any) -> Sequence[Issue]:
    """Return what is to be said about the profile that the caller names."""
    profile = call.first("profile")
    if not profile or profile == f"{_BASE}{call.type}":
        return ()
    text = "The server does not have this profile: the resource was judged by the base specification alone."
    return (Issue("error", "not-found", text, call.type if document is not None else ""),)


def _judged(endpoint: Endpoint, call: Invocation, mode: str, document: dict[str, Any] | None) -> Sequence[Issue]:
    issues: Sequence[Issue] = ()
    if document is not None:
        issues = endpoint.adviser.validate(document, resource_type=call.type)
        if any(issue.severity in ("error", "fatal") for issue in issues):
            return issues
    try:
        change = _rehearsal(endpoint, call, mode, document)
        if change is not None:
            rehearse(endpoint, call.request.access, change)
    except FhirError as error:
        return error.all_issues()
    return issues


def _rehearsal(endpoint: Endpoint, call: Invocation, mode: str, document: dict[str, Any] | None) -> Change | None:
    """Return the change that a mode asks about; None for the resource alone."""
    if mode == "create":
        return Change("create", call.type, endpoint.new_id(), document)
    if mode in ("update", "delete") and not call.id:
        raise BadRequest(f"The mode {mode} is asked of one resource: Type/id/$validate.")
    if mode == "delete":
        version = endpoint.store.read(call.request.access, call.type, call.id)
        if version is None:
            raise NotFound("There is no resource with this type and id.")
        return Change("delete", call.type, call.id)
    if mode == "update":
        if document is not None and document.get("id") != call.id:
            raise BadRequest("The body must have the id that the URL names.", f"{call.type}.id")
        return Change("update", call.type, call.id, document)
    return None


VALIDATE = Operation(
    "Resource-validate", "Validate a resource, or an interaction without carrying it out", run=validate
)
