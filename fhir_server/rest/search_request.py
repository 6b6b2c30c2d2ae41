"""The parameters of a search, told apart: criteria, paging, order, form of the answer.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fhir_server.errors import BadRequest, Issue, UnsupportedMediaType, UnsupportedParameter
from fhir_server.rest import body
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.headers import preferences
from fhir_server.rest.message import Request
from fhir_server.rest.paging import PAGE
from fhir_server.rest.url import Query, query_of

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

# Parameters that shape the result; with those that shape the answer they are no criteria.
RESULT_PARAMETERS: Final = ("_sort", "_count", "_total")
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


def query_in(endpoint: Endpoint, request: Request) -> Query:
    """Return all parameters of a search: those of the URL and, for POST, those of the form in the body."""
    if request.method != "POST":
        return request.query
    if not request.body:
        return request.query
    if body.media_type(request.headers.get("content-type") or "") != body.FORM:
        raise UnsupportedMediaType(f"A search by POST carries its parameters as {body.FORM}.")
    try:
        form = request.body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.", code="structure") from None
    return [*request.query, *query_of(form, endpoint.settings.max_query_parameters)]


def understood(endpoint: Endpoint, request: Request, query: Query, names: Collection[str]) -> SearchQuery:
    """Return the search in `query`.

    names  the search parameters there are
    Raises UnsupportedParameter for an unknown one, unless the client prefers handling=lenient, and BadRequest for
    values that cannot be.
    """
    lenient = preferences(request.headers.get("prefer") or "").lenient
    criteria: list[tuple[str, str]] = []
    remarks: list[Issue] = []
    single: dict[str, str] = {}
    used: Query = []
    for name, value in query:
        if name in ANSWER_PARAMETERS or name == PAGE:
            used.append((name, value))
        elif name in RESULT_PARAMETERS:
            if name in single:
                raise BadRequest(f"{name} must be given once.", code="value")
            single[name] = value
            used.append((name, value))
        elif name.partition(":")[0] in names:
            if not value.strip(", "):
                raise BadRequest(f"The search parameter {name} has no value.", code="value")
            criteria.append((name, value))
            used.append((name, value))
        else:
            remarks.append(_unknown(name, lenient=lenient))
    total = single.get("_total", "")
    if total and total not in _TOTALS:
        raise BadRequest("_total must be none, estimate or accurate.", code="value")
    counting = request.form.summary == "count"
    return SearchQuery(
        tuple(criteria),
        endpoint.page_size(single.get("_count"), counting=counting),
        tuple(key.strip() for key in single.get("_sort", "").split(",") if key.strip()),
        "accurate" if counting else total,
        tuple(remarks),
        used,
    )


def _unknown(name: str, *, lenient: bool) -> Issue:
    shown = name[:64] if name.replace("-", "").replace("_", "").replace(":", "").isalnum() else "with this name"
    if not lenient:
        raise UnsupportedParameter(f"The server has no search parameter {shown} here.")
    return Issue("warning", "not-supported", f"The server has no search parameter {shown} here; it was left out.")


def page_size(text: str | None, default: int, most: int) -> int:
    """Return the number of resources on a page: what `_count` asks for, clamped. Raises BadRequest."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("_count must be a whole number, 0 or more.", code="value")
    return min(int(text[:9]), most)
