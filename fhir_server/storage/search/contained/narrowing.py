"""What a search for contained resources says of their containers, so that few of them need be looked into.

https://hl7.org/fhir/R4/search.html#contained

Every condition is judged on the contained resource itself. What is said here follows from one: a resource that contains
one with the id p holds that id, one that contains something about Patient/1 refers to Patient/1 or is it, and what is
contained was changed last when its container was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhir_server.storage.search.compartment import InCompartment
from fhir_server.storage.search.contained.holders import Holding, Referring
from fhir_server.storage.search.criterion import Criterion
from fhir_server.storage.search.logic import All
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.plan import Plan
from fhir_server.storage.targets import COMMON_TARGETS


def holding(plan: Plan) -> tuple[Node, ...]:
    """Return conditions that every container of a match of `plan` fulfils; plan.types must not be contradictory."""
    types = plan.types or (() if plan.type is None else (plan.type,))
    nodes = list(_parts(plan.nodes))
    ids: set[str] | None = None
    for node in nodes:
        named = _ids(node)
        if named is not None:
            ids = named if ids is None else ids & named
    found: list[Node] = [Holding(types, ids=None if ids is None else tuple(sorted(ids)))]
    for node in nodes:
        about = _about(node)
        if about is not None:
            found.append(about)
    return tuple(found)


def _parts(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, All):
            yield from _parts(node.nodes)
        else:
            yield node


def _ids(node: Node) -> set[str] | None:
    if not isinstance(node, Criterion) or node.code != "_id" or node.modifier:
        return None
    if any(len(value.data) != 1 for value in node.values):
        return None
    return {str(value.data[0]) for value in node.values}


def _about(node: Node) -> Node | None:
    """Return what a condition on a contained resource says of its container, None for nothing."""
    if isinstance(node, InCompartment):
        return Referring((((node.type,), node.id),))
    if not isinstance(node, Criterion) or node.is_negative:
        return None
    if node.targets == (COMMON_TARGETS["_lastUpdated"],):
        return node
    if node.kind != "reference" or any(target.kind != "reference" for target in node.targets):
        return None
    wanted = []
    for value in node.values:
        shape = value.shape
        if not isinstance(shape, tuple) or shape[0] != "local" or len(value.data) != 1:
            return None
        wanted.append((tuple(shape[1]), str(value.data[0])))
    return Referring(tuple(wanted))
