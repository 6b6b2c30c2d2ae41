"""Create and conditional create.

https://hl7.org/fhir/R4/http.html#create
https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.rest import body
from fhir_server.rest.binary import BINARY, uploaded
from fhir_server.rest.change import Change, criteria_in
from fhir_server.rest.headers import preferences
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def create(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that stores the body under a new id; an id in the body is ignored, as FHIR demands."""
    document = uploaded(request) if route.type == BINARY else None
    if document is None:
        document = body.of_type(body.decode(request, endpoint.settings.max_depth), route.type)
    condition = request.headers.get("if-none-exist")
    return Change(
        "create",
        route.type,
        endpoint.new_id(),
        document,
        criteria=None if condition is None else criteria_in(condition, "If-None-Exist", route.type),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


CREATE = Interaction("create", "type", "POST", "[type]", "Create", prepare=create)
