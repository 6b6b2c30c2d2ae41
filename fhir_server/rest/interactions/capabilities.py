"""Capabilities: the CapabilityStatement of this server.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.errors import BadRequest, UnsupportedParameter
from fhir_server.rest.headers import entity_tags
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.representation import part
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_MODES = ("full", "normative", "terminology")


def capabilities(endpoint: Endpoint, request: Request, _route: Route[Interaction]) -> Response:
    """Return the statement. It uses normative elements alone, so `full` and `normative` are the same text."""
    mode = next((value for name, value in request.query if name == "mode"), "full")
    if mode not in _MODES:
        raise BadRequest("mode must be full, normative or terminology.", code="value")
    if mode == "terminology":
        raise UnsupportedParameter("The server has no terminology service, so it has no TerminologyCapabilities.")
    statement = endpoint.statement
    headers = {"ETag": f'W/"{statement.tag}"'}
    known = request.headers.get("if-none-match")
    if known is not None and statement.tag in entity_tags(known, "If-None-Match").values:
        return Response(304, headers)
    if request.form.whole:
        return Response(200, headers, statement.text, rendered=statement.rendered)
    return Response(200, headers, part(statement.text, request.form))


CAPABILITIES = Interaction("capabilities", "system", "GET", "metadata", "What the server can do", run=capabilities)
