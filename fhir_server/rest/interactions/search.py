"""Search within a type, in the whole system and in a compartment, by GET and by POST.

https://hl7.org/fhir/R4/http.html#search and https://hl7.org/fhir/R4/http.html#vsearch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_server.errors import Forbidden, StatementTimeout
from fhir_server.rest.bundle import bundle, contained_entry, match_entry, outcome_entry
from fhir_server.rest.explanation import explanation_text
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import outcome_text
from fhir_server.rest.paging import EXPLAIN, PAGE
from fhir_server.rest.representation import part
from fhir_server.rest.router import ALL_MEMBERS, Route
from fhir_server.rest.search_request import SearchQuery, understood
from fhir_server.rest.url import address, without
from fhir_server.storage.model import SearchPage, SearchRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def search(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Return one page of matches as a Bundle of type searchset, with what they include and links to other pages.

    With _explain=true it is a Parameters resource that tells how the search would be answered. Raises Forbidden for
    callers who may not ask that.
    """
    path, kind = _place(route)
    asked = understood(endpoint, request, kind, request.query)
    cursor = endpoint.pager.cursor(request.access, path, asked.used)
    wanted = SearchRequest(
        kind or None,
        asked.criteria,
        count=asked.count,
        cursor=cursor,
        total=asked.total in ("accurate", "estimate"),
        sort=asked.sort,
        includes=asked.includes,
        compartment=(route.type, route.id) if route.id else None,
        contained=asked.contained,
        alone=asked.alone,
    )
    try:
        if asked.explain:
            return _explained(endpoint, request, wanted)
        page = endpoint.store.search(request.access, wanted)
    except StatementTimeout as error:
        raise _too_slow(error) from None
    entries = [match_entry(endpoint.base_url, row, part(row.content, request.form)) for row in page.rows]
    entries += [contained_entry(endpoint.base_url, each, part(each.content, request.form)) for each in page.contained]
    # https://hl7.org/fhir/R4/search.html#elements: included resources are returned whole.
    beside = replace(request.form, elements=())
    entries += [match_entry(endpoint.base_url, row, part(row.content, beside), "include") for row in page.included]
    if asked.remarks:
        entries.append(outcome_entry(outcome_text(asked.remarks)))
    links = list(_links(endpoint, request, path, asked, page))
    total = _total(page, first=not cursor, asked=asked.total, counted=asked.count > 0)
    return Response(200, {}, bundle("searchset", endpoint.now(), links, total, entries))


def _place(route: Route[Interaction]) -> tuple[str, str]:
    """Return the path of a search as links show it, and the type it looks for, "" for all."""
    if not route.member:
        return route.type, route.type
    kind = "" if route.member == ALL_MEMBERS else route.member
    return f"{route.type}/{route.id}/{route.member}", kind


def _links(
    endpoint: Endpoint, request: Request, path: str, asked: SearchQuery, page: SearchPage
) -> Iterator[tuple[str, str]]:
    """Yield the links of a page, by the names of RFC 5005."""
    yield "self", address(endpoint.base_url, path, asked.used)
    if page.next_cursor or page.previous_cursor:
        yield "first", address(endpoint.base_url, path, without(asked.used, (PAGE,)))
    for relation, cursor in (("previous", page.previous_cursor), ("next", page.next_cursor)):
        if cursor:
            query = endpoint.pager.next_query(request.access, path, asked.used, cursor)
            yield relation, address(endpoint.base_url, path, query)


def _explained(endpoint: Endpoint, request: Request, wanted: SearchRequest) -> Response:
    if endpoint.settings.explain != "unrestricted" or not request.access.is_unrestricted:
        raise Forbidden(f"{EXPLAIN} is for callers who may see everything, where the setting explain allows it.")
    return Response(200, {}, explanation_text(endpoint.store.explain(request.access, wanted)))


def _too_slow(error: StatementTimeout) -> StatementTimeout:
    text = (
        "The search took longer than the server allows, so it was stopped. Please narrow it, by a patient, a code or a "
        "date for example, and leave out _total and _sort where you can."
    )
    return StatementTimeout(text, code="too-costly", headers=error.headers)


def _total(page: SearchPage, *, first: bool, asked: str, counted: bool) -> int | None:
    """Return the exact number of matches, which costs nothing where all of them are on this page; None: unknown."""
    if page.total is not None:
        return page.total
    if first and counted and not page.next_cursor and asked != "none":
        return len(page.rows) + len(page.contained)
    return None


_IN_COMPARTMENT = "[type]/[id]/[member]"

SEARCHES = (
    Interaction("search-type", "type", "GET", "[type]", "Search", run=search),
    Interaction("search-type", "type", "POST", "[type]/_search", "Search by POST", run=search),
    Interaction("search-system", "system", "GET", "", "Search in all types", run=search),
    Interaction("search-system", "system", "POST", "_search", "Search in all types by POST", run=search),
    Interaction("search-compartment", "compartment", "GET", _IN_COMPARTMENT, "Search in a compartment", run=search),
    Interaction(
        "search-compartment",
        "compartment",
        "POST",
        f"{_IN_COMPARTMENT}/_search",
        "Search in a compartment by POST",
        run=search,
    ),
)
