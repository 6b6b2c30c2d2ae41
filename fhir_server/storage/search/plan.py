"""From the parameters of a request to a plan: plain data that can be printed, compared and explained.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.errors import FhirError, Issue, TooCostly, UnknownType, UnsupportedParameter
from fhir_server.storage import cursor as cursors
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.search.compartment import InCompartment
from fhir_server.storage.search.include import Include, includes_of
from fhir_server.storage.search.kind import named, wrong
from fhir_server.storage.search.names import Names
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.sort import SortKey, sort_key

_MOST_CRITERIA = 50
_MOST_VALUES = 500
_MOST_SORT_KEYS = 5


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins or ends: what a cursor holds.

    backward  the page lies before `values`, not after them
    phase     0: among the resources that have a value for the first sort key, 1: among those that have none
    values    sort values of the row, and its key last
    order     the sort keys it belongs to
    includes  -1; else the page shows only the included resources of the page at `values` whose key is greater
    """

    backward: bool
    phase: int
    values: tuple[Any, ...]
    order: str
    includes: int = -1

    def cursor(self) -> str:
        """Return the text for it."""
        return cursors.pack([self.backward, self.phase, list(self.values), self.order, self.includes])


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, understood.

    type      resource type, None for several or all
    types     the types of a search in several types, () for all
    nodes     conditions, ANDed
    sort      sort keys; the resource's key comes last, so that the order is total
    count     resources per page
    position  where the page begins, None for the first one
    total     whether the matches are counted
    includes  what is added to the matches
    """

    type: str | None
    types: tuple[str, ...]
    nodes: tuple[Node, ...]
    sort: tuple[SortKey, ...]
    count: int
    position: Position | None
    total: bool
    includes: tuple[Include, ...]

    @property
    def order(self) -> str:
        """What a cursor says of the order it belongs to."""
        return order_of([("-" if key.descending else "") + key.code for key in self.sort])

    def shape(self) -> Hashable:
        """Return what decides the SQL of a page beside the position in it."""
        return (self.type, self.types, tuple(node.shape() for node in self.nodes), self.sort)

    def data(self) -> tuple[Any, ...]:
        """Return the bound values of all nodes in order."""
        return tuple(item for node in self.nodes for item in node.data())


def plan(request: SearchRequest, names: Names) -> Plan:
    """Return the plan of `request`.

    Raises UnsupportedParameter naming every parameter, modifier, sort key and include that is not supported,
    BadRequest (code value) for a value that a parameter cannot have, UnknownType, TooCostly.
    """
    if request.type is not None and request.type not in names.schema.types:
        raise UnknownType(f"There is no resource type {named(request.type)}.")
    if len(request.parameters) > _MOST_CRITERIA:
        raise TooCostly(f"A search can have {_MOST_CRITERIA} parameters at most.")
    if len(request.sort) > _MOST_SORT_KEYS:
        raise TooCostly(f"A search can be sorted by {_MOST_SORT_KEYS} keys at most.")
    resource_type, types, parameters = _typed(request, names)
    _refuse_all(_problems(request, names, resource_type, types))
    nodes = _nodes(request, names, resource_type, types, parameters)
    if sum(len(node.data()) for node in nodes) > _MOST_VALUES * 4:
        raise TooCostly(f"A search can have {_MOST_VALUES} values at most.")
    sort = tuple(sort_key(names, resource_type, key) for key in request.sort)
    return Plan(
        resource_type,
        types,
        nodes,
        sort,
        request.count,
        position_of(request),
        request.total,
        includes_of(names, resource_type, request.includes),
    )


def _nodes(
    request: SearchRequest,
    names: Names,
    resource_type: str | None,
    types: tuple[str, ...],
    parameters: Sequence[tuple[str, str]],
) -> tuple[Node, ...]:
    """Return the conditions in the order of the parameters; chains are told the others, which narrow their search."""
    made: dict[int, Node] = {}
    if request.compartment is not None:
        made[len(parameters)] = InCompartment(*request.compartment)
    late: list[int] = []
    for number, (name, text) in enumerate(parameters):
        if "." in name or name == "_filter":
            late.append(number)
        else:
            made[number] = names.node(resource_type, types, name)(text)
    if late and made and resource_type is not None:
        names = replace(names, beside=(resource_type, tuple(made.values())))
    for number in late:
        name, text = parameters[number]
        made[number] = names.node(resource_type, types, name)(text)
    return tuple(made[number] for number in sorted(made))


def unsupported(request: SearchRequest, names: Names) -> list[str]:
    """Return the names (with modifier) of parameters, and "_sort=key", that cannot be answered.

    Includes that cannot be answered are named "_include=value". Raises BadRequest for a bad `_type`.
    """
    resource_type, types, _ = _typed(request, names)
    return [name for name, _ in _problems(request, names, resource_type, types)]


def _typed(request: SearchRequest, names: Names) -> tuple[str | None, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the type or types that are searched, and the other parameters."""
    asked = [text for name, text in request.parameters if name == "_type"]
    if request.type is not None or not asked:
        return request.type, (), request.parameters
    wanted: list[str] | None = None
    for text in asked:
        kinds = text.split(",")
        for kind in kinds:
            if kind not in names.schema.types:
                raise wrong(f"_type names {named(kind)}, which is no resource type.")
        wanted = kinds if wanted is None else [kind for kind in wanted if kind in kinds]
    found = tuple(dict.fromkeys(wanted or ()))
    rest = tuple(pair for pair in request.parameters if pair[0] != "_type")
    if len(found) == 1:
        return found[0], (), rest
    if not found:
        return None, ("",), rest  # contradictory: no resource has two types
    return None, found, rest


def _problems(
    request: SearchRequest, names: Names, resource_type: str | None, types: tuple[str, ...]
) -> list[tuple[str, FhirError]]:
    """Return (name, error) of what cannot be answered, each once."""
    found: dict[str, FhirError] = {}
    skipped = "_type" if request.type is None else ""
    for name, _ in request.parameters:
        if name != skipped and name not in found:
            try:
                names.node(resource_type, types, name)
            except UnsupportedParameter as error:
                found[name] = error
    for key in request.sort:
        try:
            sort_key(names, resource_type, key)
        except UnsupportedParameter as error:
            found[f"_sort={key}"] = error
    for name, value in request.includes:
        try:
            includes_of(names, resource_type, ((name, value),))
        except UnsupportedParameter as error:
            found[f"{name}={value}"] = error
    return list(found.items())


def _refuse_all(problems: Sequence[tuple[str, FhirError]]) -> None:
    if problems:
        issues = tuple(Issue("error", "not-supported", error.diagnostics, "") for _, error in problems[:_MOST_CRITERIA])
        raise UnsupportedParameter(issues[0].diagnostics, issues=issues)


def position_of(request: SearchRequest) -> Position | None:
    """Return where the page of `request` begins, None for the first one. Raises BadRequest for a foreign cursor."""
    if not request.cursor:
        return None
    values = cursors.unpack(request.cursor)
    try:
        backward, phase, row, order, includes = values
        if not (isinstance(backward, bool) and phase in (0, 1) and isinstance(row, list) and isinstance(includes, int)):
            raise ValueError
        if order != order_of(request.sort):
            raise ValueError
    except ValueError:
        raise unknown_page() from None
    return Position(backward, phase, tuple(row), order, includes)


def order_of(sort: Sequence[str]) -> str:
    """Return what a cursor says of the order it belongs to."""
    return ",".join(sort)


def unknown_page() -> FhirError:
    """Return the error for a cursor that does not belong to the search."""
    return wrong("The link to this page is not one this server made.")
