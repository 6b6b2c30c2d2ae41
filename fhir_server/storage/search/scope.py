"""One place in a statement where a resource stands: its key, its tables, and the rights of the caller on it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, Table, bindparam, select

from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.parts import Parts
from fhir_server.storage.restriction import Owners, restriction
from fhir_server.storage.search.kind import Marks
from fhir_server.storage.search.logic import conjuncts
from fhir_server.storage.search.node import Driver, Node
from fhir_server.storage.tables import resource

Marked = tuple[Node, Marks]
Start = Literal["narrowest", "main", "resource"] | Driver


class Build:
    """What all places of one statement share: the store's parts, the caller's rights, fresh aliases."""

    def __init__(self, parts: Parts, access: Access, interactions: Iterable[Interaction]) -> None:
        self.parts = parts
        self.access = access
        self.interactions = tuple(interactions)
        self._aliases = 0
        self._owners: dict[tuple[str, str], ColumnElement[Any]] = {
            compartment: bindparam(f"a{number}", required=False)
            for number, compartment in enumerate(compartments(access))
        }

    def alias(self, table: FromClause) -> Any:
        """Return a fresh alias of a table."""
        return table.alias(self.name())

    def name(self) -> str:
        """Return a fresh name for an alias or a subquery."""
        self._aliases += 1
        return f"t{self._aliases}"

    def allowed(
        self, resource_type: str | None, key: ColumnElement[Any], type_column: ColumnElement[Any] | None = None
    ) -> ColumnElement[bool] | None:
        """Return the condition under which the caller may see the resource with `key`; None: always.

        type_column  its type, needed where `resource_type` is None
        """
        return restriction(
            self.parts, self.access, self.interactions, key, resource_type, type_column=type_column, owners=self.owners
        )

    @property
    def owners(self) -> Owners:
        """The bound parameter for the id of each compartment of the caller."""
        return self._owners


def compartments(access: Access) -> Sequence[tuple[str, str]]:
    """Return the compartments of an access, each once, in the order in which they are bound."""
    return list(dict.fromkeys(grant.compartment for grant in access.grants if grant.compartment is not None))


def rights(access: Access) -> Hashable:
    """Return what of an access decides the SQL: everything but the ids of its compartments."""
    if access.is_unrestricted:
        return True
    numbers = {compartment: number for number, compartment in enumerate(compartments(access))}
    return tuple(
        (
            grant.type,
            grant.interactions,
            None if grant.compartment is None else (grant.compartment[0], numbers[grant.compartment]),
        )
        for grant in access.grants
    )


class Scope:
    """A resource in a statement. Made by `Scope.of` from the conditions on it.

    type        its type, None when it can have any
    key         its key
    conditions  what has been found out to be true of it so far
    is_dated    whether it has a value for the type's main date
    driving     the node whose table the statement starts from, None when it starts from all resources
    """

    def __init__(self, build: Build, resource_type: str | None, driver: Driver) -> None:
        self.build = build
        self.parts = build.parts
        self.type = resource_type
        self.driver = driver
        self.key: ColumnElement[Any] = driver.table.c.key
        self.source: FromClause = driver.table
        self.conditions: list[ColumnElement[bool]] = []
        self.is_dated = False
        self.driving: Node | None = None
        self._main: FromClause | None = driver.table if driver.is_main else None
        self._resource: FromClause | None = driver.table if driver.is_resource else None

    @classmethod
    def of(cls, build: Build, resource_type: str | None, nodes: Sequence[Marked], start: Start = "narrowest") -> Scope:
        """Return the scope of the resources of a type that match all `nodes` and that the caller may see.

        start  where its statement starts: from the table of the narrowest node, else from the type's main table; always
               from the main table; always from `resource`; from a given table
        """
        nodes = list(conjuncts(nodes))
        driver: Driver | None = start if isinstance(start, Driver) else None
        driving: Node | None = None
        if start == "narrowest":
            for node, marks in sorted(nodes, key=lambda each: each[0].rank):
                driver = node.drive(build, resource_type, marks)
                if driver is not None:
                    driving = node
                    break
        if driver is None:
            driver = _whole(build, None if start == "resource" else resource_type)
            if start == "resource" and resource_type is not None:
                own = driver.table.c.type == resource_type
                driver = Driver(driver.table, (own, *driver.conditions), is_resource=True)
        scope = cls(build, resource_type, driver)
        scope.driving = driving
        scope.conditions += driver.conditions
        if resource_type is not None:
            main_date = build.parts.schema.layout(resource_type).main_date
            scope.is_dated = any(node.is_dated(main_date) for node, _ in nodes)
        for node, marks in nodes:
            if node is not driving:
                scope.conditions.append(node.condition(scope, marks))
                scope.conditions += scope.on_copied_date(node, marks)
        if resource_type is None:
            limit = build.allowed(None, scope.key, scope.resource().c.type)
        else:
            limit = build.allowed(resource_type, scope.key)
        if limit is not None:
            scope.conditions.append(limit)
        return scope

    def on_copied_date(self, node: Node, marks: Marks) -> list[ColumnElement[bool]]:
        """Return what a condition on the type's main date says of the copy of that date in the driving table."""
        if self.driver.date is None or self.unique or self.type is None:
            return []
        said = node.implied(self, self.driver.date, marks)
        return [] if said is None else [said]

    @property
    def unique(self) -> bool:
        """Whether every resource has one row only in the driving table."""
        return self.driver.is_main or self.driver.is_resource

    def alias(self, table: FromClause) -> Any:
        """Return a fresh alias of a table."""
        return self.build.alias(table)

    def table(self, name: str) -> Table:
        """Return a projection table of the scope's type, or a common one."""
        return self.parts.table(self.type, name)

    def main(self) -> FromClause:
        """Return the type's main table, joined to the scope."""
        if self._main is None:
            if self.type is None:
                raise KeyError("resources of any type have no main table")
            self._main = self.alias(self.parts.main_table(self.type))
            self.source = self.source.join(self._main, self._main.c.key == self.key)
        return self._main

    def resource(self) -> FromClause:
        """Return the row of `resource`, joined to the scope."""
        if self._resource is None:
            self._resource = self.alias(resource)
            self.source = self.source.join(self._resource, self._resource.c.key == self.key)
        return self._resource

    def inner(self, resource_type: str, nodes: Sequence[Marked]) -> Select[Any]:
        """Return the keys of the resources of a type that match `nodes` and that the caller may see."""
        return Scope.of(self.build, resource_type, nodes).select()

    def select(self) -> Select[Any]:
        """Return the keys of the scope."""
        return select(self.key).select_from(self.source).where(*self.conditions)


def _whole(build: Build, resource_type: str | None) -> Driver:
    if resource_type is not None:
        table = build.alias(build.parts.main_table(resource_type))
        name = build.parts.schema.layout(resource_type).main_date
        return Driver(table, (), is_main=True, date=table.c[name] if name else None)
    table = build.alias(resource)
    return Driver(table, (~table.c.deleted,), is_resource=True)


def mark(name: str, kind: Any = None) -> BindParameter[Any]:
    """Return a bound parameter without a value; without a type it takes that of what it is compared with."""
    return bindparam(name, type_=kind, required=False)
