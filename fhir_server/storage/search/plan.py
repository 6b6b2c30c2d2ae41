"""From the parameters of a request to a plan: plain data that can be printed, compared and explained.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.errors import Issue, TooCostly, UnknownType, UnsupportedParameter
from fhir_server.storage import cursor as cursors
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.schema import Schema
from fhir_server.storage.search import date, number, reference, string, token, uri
from fhir_server.storage.search.escape import split
from fhir_server.storage.search.kind import Context, Kind, named, wrong
from fhir_server.storage.targets import COMMON_TARGETS, SearchTarget

KINDS: dict[str, Kind] = {
    "token": token,
    "string": string,
    "date": date,
    "reference": reference,
    "number": number,
    "uri": uri,
}
SORTABLE: dict[str, type] = {"_lastUpdated": datetime, "_id": str}
_LONGEST_CODE = 64  # that is compared with those there are
_MOST_CRITERIA = 50
_MOST_VALUES = 500


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a request; criteria are ANDed.

    code      the parameter
    modifier  "", "not", "exact", "contains", "missing", or a resource type
    kind      the search parameter type, a key of KINDS
    targets   where it is answered, ORed
    values    parsed values, ORed; for :missing one bool
    """

    code: str
    modifier: str
    kind: str
    targets: tuple[SearchTarget, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key, "_lastUpdated" or "_id"."""

    code: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, understood.

    type   resource type, None for all
    sort   sort keys; the resource's key comes last, so that the order is total
    count  resources per page
    after  sort values of the last row of the page before, None on the first page
    total  whether the matches are counted
    """

    type: str | None
    criteria: tuple[Criterion, ...]
    sort: tuple[SortKey, ...]
    count: int
    after: tuple[Any, ...] | None
    total: bool


def plan(request: SearchRequest, schema: Schema, definitions: Definitions, base_url: str, now: datetime) -> Plan:
    """Return the plan of `request`.

    Raises UnsupportedParameter naming every parameter, modifier and sort key that is not supported, BadRequest (code
    value) for a value that a parameter cannot have, UnknownType, TooCostly.
    """
    if request.type is not None and request.type not in schema.types:
        raise UnknownType(f"There is no resource type {named(request.type)}.")
    if len(request.parameters) > _MOST_CRITERIA:
        raise TooCostly(f"A search can have {_MOST_CRITERIA} parameters at most.")
    _refuse(unsupported(request, schema), request.type, schema)
    context = Context(request.type, (), definitions, base_url, now)
    criteria = tuple(_criterion(name, text, schema, context) for name, text in request.parameters)
    if sum(len(criterion.values) for criterion in criteria) > _MOST_VALUES:
        raise TooCostly(f"A search can have {_MOST_VALUES} values at most.")
    sort = tuple(SortKey(key.removeprefix("-"), key.startswith("-")) for key in request.sort)
    after = None
    if request.cursor:
        after = tuple(cursors.decode(request.cursor, [*(SORTABLE[key.code] for key in sort), int]))
    return Plan(request.type, criteria, sort, request.count, after, request.total)


def unsupported(request: SearchRequest, schema: Schema) -> list[str]:
    """Return the names (with modifier) of parameters, and sort keys as "_sort=key", that cannot be answered."""
    found = [name for name, _ in request.parameters if not _supported(name, request.type, schema)]
    found += [f"_sort={key}" for key in request.sort if key.removeprefix("-") not in SORTABLE]
    return list(dict.fromkeys(found))


def _refuse(names: Sequence[str], resource_type: str | None, schema: Schema) -> None:
    if names:
        known = COMMON_TARGETS if resource_type is None else schema.parameters(resource_type)
        codes = [code for code in known if _supported(code, resource_type, schema)]
        issues = tuple(
            Issue(
                "error",
                "not-supported",
                f"The search parameter {named(name)} is not supported here.{_near(name, codes)}",
            )
            for name in names[:_MOST_CRITERIA]
        )
        raise UnsupportedParameter(issues[0].diagnostics, issues=issues)


def _near(name: str, codes: Sequence[str]) -> str:
    code = name.partition(":")[0]
    near = difflib.get_close_matches(code[:_LONGEST_CODE], codes, n=1)
    return f" Did you mean {near[0]}?" if near and near[0] != code else ""


def _supported(name: str, resource_type: str | None, schema: Schema) -> bool:
    code, _, modifier = name.partition(":")
    targets = _targets(code, resource_type, schema)
    if not targets or targets[0].type not in KINDS:
        return False
    if modifier in ("", "missing") or modifier in KINDS[targets[0].type].MODIFIERS:
        return True
    return targets[0].type == "reference" and modifier in schema.types


def _targets(code: str, resource_type: str | None, schema: Schema) -> tuple[SearchTarget, ...]:
    if resource_type is None:
        common = COMMON_TARGETS.get(code)
        return (common,) if common is not None else ()
    return schema.targets(resource_type, code)


def _criterion(name: str, text: str, schema: Schema, context: Context) -> Criterion:
    code, _, modifier = name.partition(":")
    targets = _targets(code, context.type, schema)
    kind = targets[0].type
    if "\x00" in text:
        raise wrong("A search value cannot hold the character NUL.")
    if modifier == "missing":
        if text not in ("true", "false"):
            raise wrong("The modifier :missing takes true or false.")
        return Criterion(code, modifier, kind, targets, (text == "true",))
    here = Context(context.type, targets, context.definitions, context.base_url, context.now)
    # An empty place in a list ("a,,b", ",") names nothing and cannot be meant.
    parts = split(text, ",")
    if not all(parts):
        raise wrong(f"The parameter {named(name)} has an empty value.")
    values = tuple(dict.fromkeys(KINDS[kind].parse(part, modifier, here) for part in parts))
    return Criterion(code, modifier, kind, targets, values)
