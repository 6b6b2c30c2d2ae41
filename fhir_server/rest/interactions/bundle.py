"""POST of a Bundle to the base URL: a batch or a transaction.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir_server.errors import BadRequest
from fhir_server.rest import body
from fhir_server.rest.bundle import bundle, response_entry
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions.batch import batch
from fhir_server.rest.interactions.transaction import transaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

# Levels added by Bundle, entry and resource around what may be nested as deep as in a request of its own.
_WRAPPING: Final = 3


def process(endpoint: Endpoint, request: Request, _route: Route[Interaction]) -> Response:
    """Return the batch-response or transaction-response for the Bundle in the body."""
    document = body.decode(request, endpoint.settings.max_depth + _WRAPPING)
    if document["resourceType"] != "Bundle":
        raise BadRequest("Only a Bundle is posted to the base URL; other resources are posted to their type.")
    kind = document.get("type")
    if kind == "transaction":
        responses = transaction(endpoint, request, document)
    elif kind == "batch":
        responses = batch(endpoint, request, document)
    else:
        raise BadRequest(
            "A Bundle posted to the base URL must have the type batch or transaction.", "Bundle.type", "value"
        )
    text = bundle(f"{kind}-response", endpoint.now(), (), None, map(response_entry, responses))
    return Response(200, {}, text)


TRANSACTION = Interaction("transaction", "system", "POST", "", "Carry out a batch or a transaction", run=process)
