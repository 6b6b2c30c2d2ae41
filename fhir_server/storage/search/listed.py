"""`_list`: resources that a List refers to in its entries.

https://hl7.org/fhir/R4/search.html#list

An entry that says deleted is not part of the list any more: that element changes the meaning of the entry. Whoever may
not search for the List itself finds nothing by it. Lists by function ("$current-allergies") are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, select, true

from fhir_server.errors import TooCostly
from fhir_server.storage.references import Kind, classify
from fhir_server.storage.search.escape import split, unescape
from fhir_server.storage.search.kind import Marks, among, named, unsupported_parameter, wrong
from fhir_server.storage.search.node import REFERENCE, Node, Nothing
from fhir_server.storage.search.scope import Scope

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

LIST, ITEM, DELETED = "List", "item", "entry.deleted"
_MOST_LISTS = 100
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Listed(Nothing):
    """Being referred to by an entry of one of some Lists.

    lists  the condition on the List: its id
    """

    lists: Node

    @property
    def rank(self) -> int:
        return REFERENCE

    def shape(self) -> Hashable:
        return ("_list", self.lists.shape())

    def data(self) -> tuple[Any, ...]:
        return self.lists.data()

    def words(self) -> str:
        return "an entry of a List"

    def keys(self, scope: Scope, marks: Marks) -> Select[Any] | None:
        return self._items(scope, marks)

    def condition(self, scope: Scope, marks: Marks) -> ColumnElement[bool]:
        return scope.key.in_(self._items(scope, marks))

    def _items(self, scope: Scope, marks: Marks) -> Select[Any]:
        """Return the keys of what the Lists refer to, whatever its type."""
        (target,) = scope.parts.schema.targets(LIST, ITEM)
        deleted = scope.parts.schema.layout(LIST).fields[DELETED]
        lists = Scope.of(scope.build, LIST, [(self.lists, marks)])
        entry = scope.alias(scope.parts.table(LIST, target.table))
        key = entry.c[target.columns["key"]]
        conditions = [key.is_not(None), entry.c[deleted.columns["value"]].is_not(true())]
        if scope.type is not None:
            conditions.append(among(entry.c[target.columns["type"]], (scope.type,)))
        source = lists.source.join(entry, entry.c.key == lists.key)
        return select(key).select_from(source).where(*lists.conditions, *conditions)


def listed(names: Names, resource_type: str | None, modifier: str, depth: int) -> Callable[[str], Node]:  # noqa: ARG001
    """Return what makes the node of `_list`. Raises UnsupportedParameter for a modifier."""
    if modifier:
        raise unsupported_parameter(f"The parameter '_list' has no modifier {named(modifier)}.")
    return lambda text: _made(names, text)


def _made(names: Names, text: str) -> Node:
    ids = [_id(names, unescape(value)) for value in split(text, ",")]
    if len(ids) > _MOST_LISTS:
        raise TooCostly(f"The parameter '_list' can have {_MOST_LISTS} values at most.")
    criterion = names.node(LIST, (), "_id")(",".join(ids))
    return Listed(criterion)


def _id(names: Names, text: str) -> str:
    if text.startswith("$"):
        # Which allergies, problems or medications are current is for people to say: there is nothing to derive it from.
        raise unsupported_parameter(
            f"Lists by function such as {named(text)} are not kept here: name a List by its id."
        )
    if _ID.fullmatch(text):
        return text
    meant = classify(text, names.base_url)
    if meant.kind is not Kind.LOCAL or meant.type != LIST or meant.version:
        raise wrong("The parameter '_list' takes the id of a List, such as 42 or List/42.")
    return meant.id
