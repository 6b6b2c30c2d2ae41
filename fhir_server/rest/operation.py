"""Operations: an OperationDefinition's facts, a function, and the arguments between them.

https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fhir_server.definitions import OperationDef, OperationParameter
from fhir_server.errors import (
    BadRequest,
    MalformedContent,
    MethodNotAllowed,
    NotFound,
    ServerFault,
    UnsupportedParameter,
)
from fhir_server.rest import body
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.message import Request, Response
from fhir_server.rest.paging import PAGE

if TYPE_CHECKING:
    from fhir_server.rest.change import Change
    from fhir_server.rest.endpoint import Endpoint

Level = Literal["system", "type", "instance", "version"]
_FREE = ANSWER_PARAMETERS | {PAGE}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of an operation.

    request    the request it came with
    type, id   what it was called on; "" where the level has none
    arguments  parameter name -> values, each a string (from a URL), a JSON value or a resource
    version    number of the version it was called on, 0 where it was called on the resource
    """

    request: Request
    type: str
    id: str
    arguments: Mapping[str, Sequence[Any]]
    version: int = 0

    def first(self, name: str) -> Any:
        """Return the first value of a parameter, or None."""
        values = self.arguments.get(name)
        return values[0] if values else None


def _only_writes(_endpoint: Endpoint, _call: Invocation) -> Response:
    raise ServerFault("The operation only writes. This is a fault of the server.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the registry.

    id        id of the OperationDefinition it implements: "Resource-meta-add"
    run       answers a call that changes nothing
    change    turns a call into a write, which goes through the pipeline like every other one; given instead of `run`
    summary   a few words for the OpenAPI document
    versions  it can be called on one version of a resource too, which an OperationDefinition says in prose only
    """

    id: str
    summary: str
    run: Callable[[Endpoint, Invocation], Response] = _only_writes
    change: Callable[[Endpoint, Invocation], Change] | None = None
    versions: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """An operation with its definition."""

    operation: Operation
    definition: OperationDef

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it is called by: GET only where it changes nothing and needs no resource or complex value."""
        mandatory = [item for item in self.definition.parameters if item.use == "in" and item.min]
        simple = all(item.type[:1].islower() for item in mandatory)
        return ("GET", "POST") if self.operation.change is None and simple else ("POST",)

    def works_at(self, level: Level, resource_type: str) -> bool:
        """Tell whether the definition allows a call at this level and on this type."""
        definition = self.definition
        allowed = {
            "system": definition.system,
            "type": definition.type,
            "instance": definition.instance,
            "version": definition.instance and self.operation.versions,
        }[level]
        return allowed and (level == "system" or bool({"Resource", resource_type} & set(definition.resources)))


class Operations:
    """The operations of the server, found by name and place.

    Raises KeyError where an operation has no OperationDefinition in R4.
    """

    def __init__(self, operations: Iterable[Operation], definitions: Iterable[OperationDef]) -> None:
        by_id = {definition.id: definition for definition in definitions}
        self.all = tuple(Known(operation, by_id[operation.id]) for operation in operations)

    def find(self, name: str, level: Level, resource_type: str, method: str) -> Known:
        """Return the operation `name` at a level. Raises NotFound, MethodNotAllowed."""
        known = next(
            (one for one in self.all if one.definition.code == name and one.works_at(level, resource_type)), None
        )
        if known is None:
            raise NotFound(f"The server has no operation ${name} here.", code="not-supported")
        if method not in known.methods:
            raise MethodNotAllowed(
                f"${name} is called by {' or '.join(known.methods)}.", headers={"Allow": ", ".join(known.methods)}
            )
        return known


def arguments_of(definition: OperationDef, request: Request, max_depth: int) -> dict[str, list[Any]]:
    """Return the arguments of a call, checked against the definition.

    They come from the URL, from a Parameters resource in the body, or are the body itself where the definition has
    one parameter that is a resource.
    Raises BadRequest for a missing or repeated one, UnsupportedParameter for one the definition does not have.
    """
    known = {item.name: item for item in definition.parameters if item.use == "in"}
    found: dict[str, list[Any]] = {}
    for name, value in request.query:
        if name not in _FREE:
            _add(found, known, name, value, f"The parameter {name}")
    if request.body or request.resource is not None:
        document = body.decode(request, max_depth)
        if document["resourceType"] == "Parameters":
            for index, item in enumerate(_parameters(document)):
                name, value = _named_value(item, index)
                _add(found, known, name, value, f"Parameters.parameter[{index}]")
        else:
            whole = [item.name for item in known.values() if item.type == "Resource"]
            if len(whole) != 1:
                raise BadRequest("The body of this operation is a Parameters resource.", document["resourceType"])
            _add(found, known, whole[0], document, "The body")
    for item in known.values():
        if item.min and item.name not in found:
            raise BadRequest(f"The operation needs the parameter {item.name}.", code="required")
    return found


def _parameters(document: Mapping[str, Any]) -> list[Any]:
    items = document.get("parameter", [])
    if not isinstance(items, list):
        raise MalformedContent("Parameters.parameter must be an array.", "Parameters.parameter")
    return items


def _named_value(item: Any, index: int) -> tuple[str, Any]:
    place = f"Parameters.parameter[{index}]"
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise MalformedContent("A parameter has a name and a value.", place)
    values = [value for key, value in item.items() if key.startswith("value") or key == "resource"]
    if len(values) != 1:
        raise BadRequest("A parameter of this operation has exactly one value or resource.", place)
    return item["name"], values[0]


def _add(
    found: dict[str, list[Any]], known: Mapping[str, OperationParameter], name: str, value: Any, place: str
) -> None:
    item = known.get(name)
    if item is None:
        raise UnsupportedParameter(f"{place} is not among the parameters of this operation.")
    values = found.setdefault(name, [])
    values.append(value)
    if item.max is not None and len(values) > item.max:
        raise BadRequest(f"{place} occurs more than {item.max} times.")
