"""The registry of interactions: the router, the CapabilityStatement and the OpenAPI document are made from it.

https://hl7.org/fhir/R4/http.html#summary
"""

from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions.bundle import TRANSACTION
from fhir_server.rest.interactions.capabilities import CAPABILITIES
from fhir_server.rest.interactions.create import CREATE
from fhir_server.rest.interactions.delete import CONDITIONAL_DELETE, DELETE
from fhir_server.rest.interactions.history import HISTORIES
from fhir_server.rest.interactions.operation import OPERATION_CALLS
from fhir_server.rest.interactions.patch import CONDITIONAL_PATCH, PATCH
from fhir_server.rest.interactions.read import READ
from fhir_server.rest.interactions.search import SEARCHES
from fhir_server.rest.interactions.update import CONDITIONAL_UPDATE, UPDATE
from fhir_server.rest.interactions.vread import VREAD

INTERACTIONS: tuple[Interaction, ...] = (
    READ,
    VREAD,
    CREATE,
    UPDATE,
    CONDITIONAL_UPDATE,
    PATCH,
    CONDITIONAL_PATCH,
    DELETE,
    CONDITIONAL_DELETE,
    *HISTORIES,
    *SEARCHES,
    *OPERATION_CALLS,
    TRANSACTION,
    CAPABILITIES,
)
