"""SearchParameter/[id]/$status: can the parameter be searched yet, and if not, how far is it?

https://hl7.org/fhir/R4/searchparameter.html

The answer is a Parameters resource with one `parameter` for each type that the SearchParameter adds something to. One
that adds nothing (it is not active, or the server has it already) is answered with none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_server.errors import Gone, NotFound
from fhir_server.rest.bundle import quoted
from fhir_server.rest.message import Response
from fhir_server.rest.operation import Invocation, Operation
from fhir_server.storage.access import Access
from fhir_server.storage.custom.entry import Entry

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def status(endpoint: Endpoint, call: Invocation) -> Response:
    """Return how far the parameters of a SearchParameter are built. Raises NotFound, Gone."""
    version = endpoint.store.read(call.request.access, call.type, call.id)
    if version is None:
        raise NotFound("There is no resource with this type and id.")
    if version.deleted:
        raise Gone("The resource was deleted.")
    entries = endpoint.store.parameter_entries(version.key)
    parameters = [{"name": "parameter", "part": _parts(call.request.access, entry)} for entry in entries]
    document: dict[str, Any] = {"resourceType": "Parameters"}
    return Response(200, {}, quoted(document | {"parameter": parameters} if parameters else document))


def _parts(access: Access, entry: Entry) -> list[dict[str, Any]]:
    """Return what is to be said of one type; numbers of resources only to who may find all of them."""
    parts: list[dict[str, Any]] = [
        {"name": "type", "valueCode": entry.type},
        {"name": "code", "valueCode": entry.code},
        {"name": "state", "valueCode": entry.state},
        {"name": "percent", "valueInteger": entry.percent},
    ]
    if access.reach(("search",), entry.type).everything:
        counts = {"done": entry.done, "total": max(entry.total, entry.done), "failed": entry.failed}
        parts += [{"name": name, "valueDecimal": count} for name, count in counts.items()]
    return parts


PARAMETER_STATUS = Operation("SearchParameter-status", "How far a new search parameter is built", run=status)
