"""Delete and conditional delete.

https://hl7.org/fhir/R4/http.html#delete
https://hl7.org/fhir/R4/http.html#3.1.0.7.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.errors import MethodNotAllowed
from fhir_server.rest.change import Change, criteria_of
from fhir_server.rest.headers import preferences
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions.update import tags, unmodified_since
from fhir_server.rest.message import Request
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def delete(_endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that deletes a resource."""
    return Change(
        "delete",
        route.type,
        route.id,
        if_match=tags(request, "If-Match"),
        if_none_match=tags(request, "If-None-Match"),
        unmodified_since=unmodified_since(request),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


def conditional_delete(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that deletes the one resource that the criteria match.

    Raises MethodNotAllowed where there are no criteria: a whole type is never deleted at once.
    """
    criteria = criteria_of(request.query)
    if not criteria:
        allowed = ", ".join(name for name in endpoint.router.allowed("[type]") if name not in ("DELETE", "PATCH"))
        raise MethodNotAllowed(
            "DELETE names an id (Type/id) or search criteria (Type?identifier=...).", headers={"Allow": allowed}
        )
    return Change(
        "delete",
        route.type,
        criteria=criteria,
        if_match=tags(request, "If-Match"),
        if_none_match=tags(request, "If-None-Match"),
        unmodified_since=unmodified_since(request),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


DELETE = Interaction("delete", "instance", "DELETE", "[type]/[id]", "Delete", prepare=delete)
CONDITIONAL_DELETE = Interaction(
    "delete", "type", "DELETE", "[type]", "Delete the one resource the criteria match", prepare=conditional_delete
)
