"""History of a resource, of a type and of the whole system.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fhir_server.errors import BadRequest, Invalid, NotFound, UnsupportedParameter
from fhir_server.rest.bundle import bundle, history_entry
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.paging import PAGE
from fhir_server.rest.representation import part
from fhir_server.rest.router import Route
from fhir_server.rest.url import address
from fhir_server.storage.intervals import Interval, interval
from fhir_server.storage.model import HistoryRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

# The parameters a history has here.
PARAMETERS: Final = ("_count", "_since", "_at")
_KNOWN = frozenset((*PARAMETERS, PAGE)) | ANSWER_PARAMETERS


def history(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Return versions, newest first, as a Bundle of type history. Raises NotFound for an id that never was."""
    given = _parameters(request)
    path = "/".join(name for name in (route.type, route.id, "_history") if name)
    page = endpoint.store.history(
        request.access,
        HistoryRequest(
            route.type or None,
            route.id or None,
            since=_covered(given["_since"], "_since")[0] if "_since" in given else None,
            at=_covered(given["_at"], "_at") if "_at" in given else None,
            count=endpoint.page_size(given.get("_count"), counting=request.form.summary == "count"),
            cursor=endpoint.pager.cursor(request.access, path, request.query),
            total=bool(route.id) or request.form.summary == "count",
        ),
    )
    if not page.rows and route.id and endpoint.store.read(request.access, route.type, route.id) is None:
        raise NotFound("There is no resource with this type and id.")
    links = [("self", address(endpoint.base_url, path, request.query))]
    if page.next_cursor:
        query = endpoint.pager.next_query(request.access, path, request.query, page.next_cursor)
        links.append(("next", address(endpoint.base_url, path, query)))
    entries = (
        history_entry(
            endpoint.base_url, row, part(row.content, request.form), created=(row.key, row.version) in page.created
        )
        for row in page.rows
    )
    total = page.total
    if total is None and not page.next_cursor and PAGE not in dict(request.query):
        total = len(page.rows)  # all of them are on this page
    return Response(200, {}, bundle("history", endpoint.now(), links, total, entries))


def _covered(text: str, name: str) -> Interval:
    """Return the moments that a date or time in a parameter covers; an unescaped + arrives as a space."""
    try:
        return interval(text.replace(" ", "+"))
    except Invalid:
        raise BadRequest(f"{name} must be a date or time such as 2024-05-01T12:00:00Z.", code="value") from None


def _parameters(request: Request) -> Mapping[str, str]:
    """Return the parameters by name. Raises UnsupportedParameter, BadRequest for one that is repeated or empty."""
    given: dict[str, str] = {}
    for name, value in request.query:
        if name not in _KNOWN:
            raise UnsupportedParameter(f"A history has the parameters {', '.join(PARAMETERS)}; {name} is none of them.")
        if name in given or not value:
            raise BadRequest(f"{name} must be given once and with a value.", code="value")
        given[name] = value
    return given


HISTORIES = (
    Interaction("history-instance", "instance", "GET", "[type]/[id]/_history", "Versions of a resource", run=history),
    Interaction("history-type", "type", "GET", "[type]/_history", "Versions of all resources of a type", run=history),
    Interaction("history-system", "system", "GET", "_history", "Versions of all resources", run=history),
)
