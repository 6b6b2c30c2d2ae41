"""A shelf: named resources of one type that a topic's checks search among, made once in a run.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance import expect
from conformance.check import Skipped
from conformance.samples import Resource
from conformance.searching import asked, encoded, pages
from conformance.target import Stored, Target

Bodies = Mapping[str, Resource]
"""Elements of new resources by the names that checks know them by.

The reference "@name" stands for a resource further up on the same shelf.
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Resources of one type that one criterion finds.

    type    resource type
    scope   search criteria that match all of them and nothing else, not yet escaped for a URL
    stored  the resources by name
    """

    type: str
    scope: str
    stored: Mapping[str, Stored]

    def id(self, name: str) -> str:
        """Return the id of the resource of that name."""
        return self.stored[name].id

    def path(self, name: str) -> str:
        """Return "Type/id" of the resource of that name."""
        return self.stored[name].path

    def ask(self, target: Target, query: str, *, promised: bool = True) -> Resource:
        """Search among the resources of the shelf and return the first page; see `searching.asked`."""
        return asked(target, self.type, f"{self.scope}&{query}", promised=promised)

    def names(self, found: list[Resource]) -> list[str]:
        """Return the names of the matches on these pages, in order; "Type/id" of what is not of the shelf."""
        known = {stored.path: name for name, stored in self.stored.items()}
        paths = [
            f"{entry['resource'].get('resourceType')}/{entry['resource'].get('id')}"
            for page in found
            for entry in expect.matches(page)
        ]
        return [known.get(path, path) for path in paths]

    def found(self, target: Target, query: str, *, promised: bool = True) -> list[str]:
        """Return the names of all that a search finds, in order."""
        return self.names(pages(target, self.ask(target, query, promised=promised)))

    def finds(self, target: Target, wanted: Mapping[str, str], *, promised: bool = True) -> None:
        """Make sure that each search finds just the resources that are named, in any order.

        wanted  from a query to names with blanks between them; "" for none, "a?" for one that may be found or not
        """
        for query, names in wanted.items():
            found = self.found(target, query, promised=promised)
            allowed = {name.removesuffix("?") for name in names.split()}
            needed = [name for name in names.split() if not name.endswith("?")]
            if len(set(found)) != len(found) or not set(needed) <= set(found) <= allowed:
                expect.fail(f"{self.type}?{query} finds {_listed(found)}, expected {_listed(needed)}")


def shelf(target: Target, name: str, resource_type: str, bodies: Callable[[Target], Bodies]) -> Shelf:
    """Return the shelf of that name, making its resources when it is asked for the first time.

    bodies  makes the elements of the resources; may ask for other shelves, whose resources it refers to

    Raises Failed when they cannot be stored or found, Skipped when they cannot be told from other resources.
    """
    made = target.shelves.get(name)
    if isinstance(made, Shelf):
        return made
    value = target.samples.value()
    scope = _scope(target, resource_type, value)
    stored: dict[str, Stored] = {}
    for key, elements in bodies(target).items():
        stored[key] = target.create(_linked(_body(target, resource_type, value, elements), stored))
    new = Shelf(resource_type, scope, stored)
    _wait(target, new)
    target.shelves[name] = new
    return new


def _scope(target: Target, resource_type: str, value: str) -> str:
    if target.claims.search_type(resource_type, "identifier") == "token":
        return f"identifier={target.run.system}|{value}"
    if target.claims.search_type(resource_type, "_tag"):
        return f"_tag={target.run.system}|{value}"
    raise Skipped(f"the server claims neither the search parameter identifier nor _tag for {resource_type}")


def _body(target: Target, resource_type: str, value: str, elements: Resource) -> Resource:
    """Return a resource with the marks of the run and of the shelf."""
    marks = target.samples.meta()
    tags = [*marks["tag"], {"system": target.run.system, "code": value}]
    return {
        "resourceType": resource_type,
        **elements,
        "meta": {**elements.get("meta", {}), "tag": [*tags, *elements.get("meta", {}).get("tag", [])]},
        "identifier": [target.samples.identifier(value), *elements.get("identifier", [])],
    }


def _linked(value: Any, stored: Mapping[str, Stored]) -> Any:
    """Replace each reference "@name" by the path of that resource."""
    if isinstance(value, list):
        return [_linked(item, stored) for item in value]
    if not isinstance(value, dict):
        return value
    held = value.get("reference")
    if isinstance(held, str) and held.startswith("@"):
        return {**value, "reference": stored[held[1:]].path}
    return {name: _linked(item, stored) for name, item in value.items()}


def _wait(target: Target, new: Shelf) -> None:
    """Wait a little until a search finds all: an index may lag."""
    ids = {stored.id for stored in new.stored.values()}
    found = {str(one.get("id")) for one in target.found(new.type, encoded(new.scope) + "&_count=50", len(ids))}
    if found != ids:
        expect.fail(f"{new.type}?{new.scope} finds {len(found)} resources, {len(ids)} have that mark")


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names)) if names else "nothing"
