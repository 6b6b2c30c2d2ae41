"""What the projection puts into tables is what the official expressions evaluate to, over the official examples.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions import load
from fhir_server.fhirpath import FhirPathError
from fhir_server.formats.json import decode
from fhir_server.mappings import mappings_for
from fhir_server.mappings.derive import official_parameters
from fhir_server.storage.common import COMMON_TABLES, LOOSE_REFERENCE
from fhir_server.storage.projection import Projector
from fhir_server.storage.schema import build_schema
from fhir_server.storage.targets import SearchTarget
from tests.paths import R4_PACKAGE, needs_r4_package
from tests.storage.oracle import Value, expected

PER_TYPE = 60  # documents of one type; the definitions in the package are far more numerous and all alike
DEFINITIONS = load()
PROJECTOR = Projector(build_schema(mappings_for(DEFINITIONS), "postgresql"))
Row = dict[str, Any]


class Keys:
    """Gives every reference a key and remembers whose it is."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    def __call__(self, target_type: str, target_id: str) -> int:
        key = len(self.names) + 1000
        self.names[key] = f"{target_type}/{target_id}"
        return key


@cache
def examples() -> dict[str, list[dict[str, Any]]]:
    """Return the official examples by type."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(Path(R4_PACKAGE).glob("*-*.json")):
        resource_type = path.name.partition("-")[0]
        if resource_type in DEFINITIONS.resource_type_set and len(found[resource_type]) < PER_TYPE:
            document = decode(path.read_bytes())
            if document.get("resourceType") == resource_type:
                found[resource_type].append(document)
    return found


class Projected:
    """The rows of one document, read back through the search targets."""

    def __init__(self, resource_type: str, document: dict[str, Any]) -> None:
        self.keys = Keys()
        self.layout = PROJECTOR.schema.layout(resource_type)
        made = PROJECTOR.rows(resource_type, 1, document, self.keys)
        tables = {table.name: table for table in (*COMMON_TABLES, *self.layout.tables)}
        self.rows: dict[str, list[Row]] = {
            name: [dict(zip((c.name for c in tables[name].columns), row, strict=True)) for row in rows]
            for name, rows in made.items()
        }

    def values(self, target: SearchTarget) -> set[Value]:
        if target.kind == "composite":
            return self._composite(target)
        return {value for _, value in self._found(target)}

    def _found(self, target: SearchTarget) -> Iterator[tuple[tuple[int, ...], Value]]:
        """Yield (instance, value) of every row that answers."""
        for row in self.rows.get(target.table, ()):
            if all(row[column] in allowed for column, allowed in target.filters):
                at = tuple(row[name] for name in target.levels)
                for value in _READ[target.kind](self, target, row):
                    yield at, value
        if target.loose:
            types = next((allowed for column, allowed in target.filters if column.endswith("type")), None)
            for row in self.rows.get(LOOSE_REFERENCE, ()):
                fits = types is None or row["target_type"] in types
                if row["path"] == target.loose and row["reference"] and row["version"] is None and fits:
                    yield (row["ordinal"],)[: len(target.levels)], (row["reference"],)

    def _composite(self, target: SearchTarget) -> set[Value]:
        depth = len(target.levels)
        parts: list[dict[tuple[int, ...], set[Value]]] = []
        for alternatives in target.components:
            by_instance: dict[tuple[int, ...], set[Value]] = defaultdict(set)
            for alternative in alternatives:
                for at, value in self._found(alternative):
                    by_instance[at[:depth]].add(value)
            parts.append(by_instance)
        instances = {at for part in parts for at in part if len(at) == depth}
        return {
            combined
            for at in instances
            for combined in itertools.product(*(part.get(at, part.get((), set())) for part in parts))
        }

    def roles(self, target: SearchTarget, row: Row) -> Row:
        return {role: row[column] for role, column in target.columns.items()}


def _reads(*roles: str) -> Callable[[Projected, SearchTarget, Row], Iterator[Value]]:
    """Return a reader that gives the columns of some roles, nothing when all are NULL."""

    def read(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
        found = projected.roles(target, row)
        if any(found.get(role) is not None for role in roles):
            yield tuple(found.get(role) for role in roles)

    return read


def _code(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    value = row[target.columns["value"]]
    if value is not None:
        yield None, ("true" if value else "false") if isinstance(value, bool) else value


def _coding(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    found = projected.roles(target, row)
    if found["code"] is not None or found["system"] is not None:
        yield found["system"], found["code"]


def _text(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    value = row[target.columns["folded"]]
    if value is not None:
        yield ("folded", value) if target.type == "token" else (value,)


def _contact(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    yield "contact", row[target.columns["value"]]


def _uri(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    value = row[target.columns["value"]]
    if value is not None:
        yield (None, value) if target.type == "token" else (value,)


def _key(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    key = row[target.columns["key"]]
    if key is not None:
        yield (projected.keys.names[key],)


def _amount(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    found = projected.roles(target, row)
    if found["low"] is not None:
        assert isinstance(found["low"], Decimal)
        tail = () if target.type == "number" else (found.get("code"),)
        yield found["low"], found["high"], *tail


def _moment(projected: Projected, target: SearchTarget, row: Row) -> Iterator[Value]:
    """The search looks at the start of an instant alone; its end is there for people."""
    start = target.columns["start"]
    end = target.columns.get("end") or next(name for name in (f"{start}_until", "until") if name in row)
    if row[start] is not None:
        yield row[start], row[end]


_READ: dict[str, Callable[[Projected, SearchTarget, Row], Iterator[Value]]] = {
    "code": _code,
    "boolean": _code,
    "coding": _coding,
    "concept": _coding,
    "identifier": _reads("system", "value"),
    "contact": _contact,
    "string": _text,
    "part": _text,
    "uri": _uri,
    "canonical": _uri,
    "reference": _key,
    "moment": _moment,
    "interval": _reads("start", "end"),
    "quantity": _amount,
    "money": _amount,
    "range": _amount,
    "sampled": _amount,
    "integer": _amount,
    "decimal": _amount,
    "position": _reads("latitude", "longitude"),
}


@needs_r4_package
@pytest.mark.parametrize("resource_type", DEFINITIONS.resource_types)
def test_projected_values_are_what_the_expression_finds(resource_type: str) -> None:
    parameters = list(official_parameters(DEFINITIONS, resource_type))
    wrong = []
    for document in examples().get(resource_type, ()):
        projected = Projected(resource_type, document)
        for official in parameters:
            targets = PROJECTOR.schema.targets(resource_type, official.code)
            found = {value for target in targets for value in projected.values(target)}
            try:
                wanted = expected(DEFINITIONS, official, document)
            except FhirPathError as error:
                wanted = {("the expression fails", str(error))}
            if found != wanted:
                wrong.append((document.get("id"), official.code, found ^ wanted))
    assert not wrong, "\n".join(map(str, wrong[:20]))
