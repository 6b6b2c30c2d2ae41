"""Calls of operations at every level.

https://hl7.org/fhir/R4/operations.html#executing
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.rest import interaction
from fhir_server.rest.change import Change
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.operation import Invocation, Known, Level, arguments_of
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def found(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Known:
    """Return the operation that a request calls. Raises NotFound, MethodNotAllowed."""
    level: Level = "version" if route.version else "instance" if route.id else "type" if route.type else "system"
    method = "GET" if request.method == "HEAD" else request.method
    return endpoint.operations.find(route.operation, level, route.type, method)


def invocation(endpoint: Endpoint, known: Known, request: Request, route: Route[Interaction]) -> Invocation:
    """Return the call with its arguments. Raises BadRequest where they do not fit the definition."""
    arguments = arguments_of(known.definition, request, endpoint.settings.max_depth)
    return Invocation(request, route.type, route.id, arguments, route.version)


def run(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Answer a call that changes nothing."""
    known = found(endpoint, request, route)
    return known.operation.run(endpoint, invocation(endpoint, known, request, route))


def prepare(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change | None:
    """Return the write that a call means; None where it changes nothing."""
    known = found(endpoint, request, route)
    if known.operation.change is None:
        return None
    return known.operation.change(endpoint, invocation(endpoint, known, request, route))


_PLACES: tuple[tuple[interaction.Level, str], ...] = (
    ("system", ""),
    ("type", "[type]/"),
    ("instance", "[type]/[id]/"),
    ("instance", "[type]/[id]/_history/[vid]/"),
)

OPERATION_CALLS = tuple(
    Interaction("operation", level, method, f"{prefix}$[operation]", "Call an operation", run=run, prepare=prepare)
    for level, prefix in _PLACES
    for method in ("GET", "POST")
)
