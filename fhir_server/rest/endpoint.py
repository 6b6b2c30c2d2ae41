"""One FHIR endpoint: everything a request needs, wired once, and the way through it.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fhir_server.definitions import Definitions, SearchParameter
from fhir_server.errors import FhirError
from fhir_server.mappings import Mapping as TypeMapping
from fhir_server.rest.answer import written
from fhir_server.rest.capabilities import Statement, statement
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions import INTERACTIONS
from fhir_server.rest.interactions.batch import batch
from fhir_server.rest.interactions.transaction import transaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.operation import Operations
from fhir_server.rest.operations import OPERATIONS
from fhir_server.rest.operations.own import own_definitions
from fhir_server.rest.outcome import error_response, fault_response, within
from fhir_server.rest.paging import Pager
from fhir_server.rest.pipeline import write
from fhir_server.rest.router import Route, Router
from fhir_server.rest.search_request import page_size
from fhir_server.settings import Settings
from fhir_server.storage.access import Access
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store, WriteUnit
from fhir_server.validation import Validator

# R4 describes it and names it in its own CapabilityStatement, but publishes no definition.
_LIST = SearchParameter(
    "Resource-list", "http://hl7.org/fhir/SearchParameter/Resource-list", "_list", "token", ("Resource",), "", (), ()
)


class Endpoint:
    """The FHIR interface without HTTP; safe to share between threads.

    settings     bounds and choices
    definitions  the facts of R4
    store        where resources are
    validator    judges what comes in
    adviser      judges for $validate: it also says what is no error
    mappings     by type: which element is its main date
    clock        gives aware UTC times
    new_id       gives a new logical id
    page_key     signs paging links; equal in all processes that serve one base URL
    """

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        store: Store,
        validator: Validator,
        adviser: Validator,
        mappings: Mapping[str, TypeMapping],
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        page_key: bytes,
    ) -> None:
        self.settings = settings
        self.base_url = settings.base_url
        self.definitions = definitions
        self.store = store
        self.validator = validator
        self.adviser = adviser
        self.mappings = mappings
        self.now = clock
        self.new_id = new_id
        self.pager = Pager(page_key)
        self._searchable: dict[str, Mapping[str, SearchParameter]] = {}
        self._statement: tuple[int, Statement] | None = None
        self.router: Router[Interaction] = Router(INTERACTIONS, definitions.resource_types, definitions.compartments)
        self.operations = Operations(OPERATIONS, (*definitions.operations, *own_definitions(settings.base_url)))

    def handle(self, request: Request) -> Response:
        """Return the answer to a request; errors are answers too, nothing is raised."""
        try:
            return self.perform(request, self.router.route(request.method, request.path))
        except FhirError as error:
            return error_response(error)
        except Exception as error:  # noqa: BLE001 - whatever a defect raises, the client gets an OperationOutcome
            return fault_response(error, request.request_id)

    def perform(self, request: Request, route: Route[Interaction]) -> Response:
        """Return the answer to a routed request. Raises FhirError, its places naming the Bundle entry if it is one."""
        try:
            change = route.target.prepare(self, request, route)
            if change is None:
                return self.run(request, route)
        except FhirError as error:
            raise within(error, request.label) from None
        (result,) = write(self, request.access, [change])
        return written(self, change, result, "minimal" if request.label else "representation")

    def run(self, request: Request, route: Route[Interaction]) -> Response:
        """Return the answer to a request that only reads. In a Bundle HEAD carries no resource; HTTP drops it later."""
        response = route.target.run(self, request, route)
        return replace(response, text="") if request.label and request.method == "HEAD" else response

    def transaction(
        self, bundle: Mapping[str, Any], access: Access, also: Callable[[WriteUnit], None] | None = None
    ) -> list[Response]:
        """Carry out a transaction Bundle without HTTP; return the answer of each entry.

        also  done in the same database transaction, after everything is written
        Raises the FhirError that undoes all.
        """
        return transaction(self, Request("POST", "", [], access), bundle, also)

    def batch(self, bundle: Mapping[str, Any], access: Access) -> list[Response]:
        """Carry out a batch Bundle without HTTP; return the answer of each entry, errors among them."""
        return batch(self, Request("POST", "", [], access), bundle)

    def page_size(self, asked: str | None, *, counting: bool = False) -> int:
        """Return how many resources stand on a page for a `_count`; 0 where only the total is wanted."""
        size = page_size(asked, self.settings.default_page_size, self.settings.max_page_size)
        return 0 if counting else size

    def search_parameters(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """Return the search parameters of a type ("": of all types) that really work, by code."""
        found = self._searchable.get(resource_type)
        if found is None:
            found = self._searchable[resource_type] = self._supported(resource_type)
        added = self.store.custom.searchable(resource_type)
        return {**found, **added} if added else found

    def main_date(self, resource_type: str) -> str:
        """Return the search parameter for the date that a resource of this type is mostly about, "" for none."""
        mapping = self.mappings[resource_type]
        for parameter in mapping.search:
            if parameter.type == "date" and mapping.main_date in {
                path.steps.partition(":")[0] for path in parameter.paths
            }:
                return parameter.code
        return ""

    def _supported(self, resource_type: str) -> Mapping[str, SearchParameter]:
        known = {_LIST.code: _LIST, **self.definitions.search_parameters_of(resource_type or "Basic")}
        asked = SearchRequest(resource_type or None, tuple((code, "") for code in known))
        missing = frozenset(self.store.unsupported(asked))
        return {code: parameter for code, parameter in known.items() if code not in missing}

    @property
    def statement(self) -> Statement:
        """The CapabilityStatement, made anew when search parameters were added or went."""
        stamp = self.store.custom.stamp
        made = self._statement
        if made is None or made[0] != stamp:
            made = self._statement = (stamp, statement(self))
        return made[1]
