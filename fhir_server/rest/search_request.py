"""The parameters of a search, told apart: criteria, paging, order, form of the answer.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fhir_server.errors import BadRequest, Issue, UnsupportedMediaType
from fhir_server.formats.negotiate import body_format
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.headers import preferences
from fhir_server.rest.message import Request
from fhir_server.rest.paging import PAGE
from fhir_server.rest.url import Query, query_of
from fhir_server.storage.model import SearchRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

FORM: Final = "application/x-www-form-urlencoded"
# Parameters that shape the result; with those that shape the answer they are no criteria.
RESULT_PARAMETERS: Final = ("_sort", "_count", "_total")
_HARMLESS = re.compile(r"[A-Za-z0-9_:.=-]{1,80}")
_TOTALS = frozenset(("none", "estimate", "accurate"))


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search, understood.

    criteria  (name with modifier, value), those the server knows
    count     resources per page; 0 for the total alone
    sort      sort keys
    total     "none", "estimate", "accurate", or "" where the client does not say
    remarks   what was left out, where the client is lenient
    used      the query without what was left out: the self link
    """

    criteria: tuple[tuple[str, str], ...]
    count: int
    sort: tuple[str, ...]
    total: str
    remarks: tuple[Issue, ...]
    used: Query


def posted(body: bytes, content_type: str | None, limit: int) -> Query:
    """Return the parameters in the form that a search by POST carries.

    limit  most parameters that are accepted
    Raises UnsupportedMediaType, BadRequest, TooCostly.
    """
    if body_format(content_type) != "form":
        raise UnsupportedMediaType(f"A search by POST carries its parameters as {FORM}.")
    try:
        return query_of(body.decode(), limit)
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.", code="structure") from None


def understood(endpoint: Endpoint, request: Request, resource_type: str, query: Query) -> SearchQuery:
    """Return the search in `query` of a type, "" for all types.

    What the store cannot answer stays in it, for the store to refuse, unless the client prefers handling=lenient.
    Raises BadRequest for values that cannot be.
    """
    single: dict[str, str] = {}
    criteria: list[tuple[str, str]] = []
    for name, value in query:
        if name in RESULT_PARAMETERS:
            if name in single:
                raise BadRequest(f"{name} must be given once.", code="value")
            single[name] = value
        elif name not in ANSWER_PARAMETERS and name != PAGE:
            criteria.append((name, value))
    sort = tuple(key.strip() for key in single.get("_sort", "").split(",") if key.strip())
    missing: frozenset[str] = frozenset()
    if preferences(request.headers.get("prefer") or "").lenient:
        missing = frozenset(
            endpoint.store.unsupported(SearchRequest(resource_type or None, tuple(criteria), sort=sort))
        )
    total = single.get("_total", "")
    if total and total not in _TOTALS:
        raise BadRequest("_total must be none, estimate or accurate.", code="value")
    counting = request.form.summary == "count"
    unsorted = any(name.startswith("_sort=") for name in missing)
    return SearchQuery(
        tuple(pair for pair in criteria if pair[0] not in missing),
        endpoint.page_size(single.get("_count"), counting=counting),
        () if unsorted else sort,
        "accurate" if counting else total,
        tuple(_left_out(name) for name in sorted(missing)),
        [pair for pair in query if pair[0] not in missing and not (unsorted and pair[0] == "_sort")],
    )


def _left_out(name: str) -> Issue:
    shown = f" {name}" if _HARMLESS.fullmatch(name) else ""
    return Issue("warning", "not-supported", f"The parameter{shown} is not supported here; it was left out.")


def page_size(text: str | None, default: int, most: int) -> int:
    """Return the number of resources on a page: what `_count` asks for, clamped. Raises BadRequest."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("_count must be a whole number, 0 or more.", code="value")
    return min(int(text[:9]), most)
