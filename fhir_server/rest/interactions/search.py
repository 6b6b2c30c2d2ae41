"""Search within a type and in the whole system, by GET and by POST.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.rest.bundle import bundle, match_entry, outcome_entry
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import outcome_text
from fhir_server.rest.representation import part
from fhir_server.rest.router import Route
from fhir_server.rest.search_request import understood
from fhir_server.rest.url import address
from fhir_server.storage.model import SearchPage, SearchRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint


def search(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Return one page of matches as a Bundle of type searchset, with links to itself and to the next page."""
    asked = understood(endpoint, request, route.type, request.query)
    cursor = endpoint.pager.cursor(request.access, route.type, asked.used)
    page = endpoint.store.search(
        request.access,
        SearchRequest(
            route.type or None,
            asked.criteria,
            count=asked.count,
            cursor=cursor,
            total=asked.total in ("accurate", "estimate"),
            sort=asked.sort,
        ),
    )
    links = [("self", address(endpoint.base_url, route.type, asked.used))]
    if page.next_cursor:
        query = endpoint.pager.next_query(request.access, route.type, asked.used, page.next_cursor)
        links.append(("next", address(endpoint.base_url, route.type, query)))
    entries = [match_entry(endpoint.base_url, row, part(row.content, request.form)) for row in page.rows]
    if asked.remarks:
        entries.append(outcome_entry(outcome_text(asked.remarks)))
    total = _total(page, first=not cursor, asked=asked.total, counted=asked.count > 0)
    return Response(200, {}, bundle("searchset", endpoint.now(), links, total, entries))


def _total(page: SearchPage, *, first: bool, asked: str, counted: bool) -> int | None:
    """Return the exact number of matches, which costs nothing where all of them are on this page; None: unknown."""
    if page.total is not None:
        return page.total
    if first and counted and not page.next_cursor and asked != "none":
        return len(page.rows)
    return None


SEARCHES = (
    Interaction("search-type", "type", "GET", "[type]", "Search", run=search),
    Interaction("search-type", "type", "POST", "[type]/_search", "Search by POST", run=search),
    Interaction("search-system", "system", "GET", "", "Search in all types", run=search),
    Interaction("search-system", "system", "POST", "_search", "Search in all types by POST", run=search),
)
