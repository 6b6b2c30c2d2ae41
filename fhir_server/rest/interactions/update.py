"""Update, update-as-create and conditional update.

https://hl7.org/fhir/R4/http.html#update
https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fhir_server.errors import BadRequest
from fhir_server.rest import body
from fhir_server.rest.binary import BINARY, uploaded
from fhir_server.rest.change import Change, criteria_of
from fhir_server.rest.headers import Tags, entity_tags, modified_since, preferences
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def update(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that makes the body the current version of the id in the URL. Raises BadRequest."""
    content = uploaded(request) if route.type == BINARY else None
    if content is not None:
        content["id"] = route.id
    document = content or body.of_type(body.decode(request, endpoint.settings.max_depth), route.type)
    named = document.get("id")
    if named != route.id:
        state = "has no id" if named is None else "has another id"
        raise BadRequest(f"The body {state}; it must have the id that the URL names.", f"{route.type}.id")
    return Change(
        "update",
        route.type,
        route.id,
        document,
        if_match=tags(request, "If-Match"),
        if_none_match=tags(request, "If-None-Match"),
        unmodified_since=unmodified_since(request),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


def conditional_update(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Change:
    """Return the change that updates what the criteria in the URL match, or creates it. Raises BadRequest."""
    criteria = criteria_of(request.query)
    if not criteria:
        raise BadRequest("A PUT names an id (Type/id) or search criteria (Type?identifier=...); this one has neither.")
    document = body.of_type(body.decode(request, endpoint.settings.max_depth), route.type)
    return Change(
        "update",
        route.type,
        "",
        document,
        criteria=criteria,
        if_match=tags(request, "If-Match"),
        if_none_match=tags(request, "If-None-Match"),
        unmodified_since=unmodified_since(request),
        label=request.label,
        preferences=preferences(request.headers.get("prefer") or ""),
    )


def tags(request: Request, name: str) -> Tags | None:
    """Return the entity tags of a header, None where it is absent. Raises BadRequest for a malformed value."""
    value = request.headers.get(name.lower())
    return None if value is None else entity_tags(value, name)


def unmodified_since(request: Request) -> datetime | None:
    """Return the moment after which the resource may not have changed; None where If-Match says which version is meant.

    https://www.rfc-editor.org/rfc/rfc9110#name-if-unmodified-since
    """
    value = request.headers.get("if-unmodified-since")
    return None if value is None or request.headers.get("if-match") is not None else modified_since(value)


UPDATE = Interaction("update", "instance", "PUT", "[type]/[id]", "Update, or create with this id", prepare=update)
CONDITIONAL_UPDATE = Interaction(
    "update", "type", "PUT", "[type]", "Update or create what the criteria match", prepare=conditional_update
)
