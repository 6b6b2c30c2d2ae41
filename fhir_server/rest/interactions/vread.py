"""Vread: one version of a resource.

https://hl7.org/fhir/R4/http.html#vread
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.errors import NotFound
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions.read import found
from fhir_server.rest.message import Request, Response
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def vread(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Return one version of a resource. Raises NotFound, and Gone where the version is a deletion."""
    version = endpoint.store.vread(request.access, route.type, route.id, route.version)
    if version is None:
        raise NotFound("There is no such version of a resource with this type and id.")
    return found(request, version)


VREAD = Interaction("vread", "instance", "GET", "[type]/[id]/_history/[vid]", "Read one version", run=vread)
