"""What an interaction is to the router, to a Bundle and to the CapabilityStatement.

https://hl7.org/fhir/R4/valueset-restful-interaction.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fhir_server.errors import ServerFault
from fhir_server.rest.message import Request, Response
from fhir_server.rest.router import Route

if TYPE_CHECKING:
    from fhir_server.rest.change import Change
    from fhir_server.rest.endpoint import Endpoint

Level = Literal["system", "type", "instance", "compartment"]
Run = Callable[["Endpoint", Request, "Route[Interaction]"], Response]
Prepare = Callable[["Endpoint", Request, "Route[Interaction]"], "Change | None"]


def _only_writes(_endpoint: Endpoint, _request: Request, route: Route[Interaction]) -> Response:
    raise ServerFault(f"The interaction {route.target.code} only writes. This is a fault of the server.")


def _only_reads(_endpoint: Endpoint, _request: Request, _route: Route[Interaction]) -> Change | None:
    return None


@dataclass(frozen=True, slots=True)
class Interaction:
    """One row of the registry.

    code     FHIR's code: "read", "history-type", "search-type", ...; "operation" for what an OperationDefinition says
    level    where it works
    method   HTTP method; HEAD is served as GET
    path     template: "[type]/[id]"
    run      answers a request that changes nothing by itself
    prepare  turns a request that writes into a Change, which the write pipeline carries out; a transaction collects
             the changes of all its entries. None for a request that only reads: then `run` answers it
    summary  a few words for the OpenAPI document
    """

    code: str
    level: Level
    method: str
    path: str
    summary: str
    run: Run = _only_writes
    prepare: Prepare = _only_reads
