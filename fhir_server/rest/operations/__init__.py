"""The operations of the server. One file each; what a call may look like comes from an OperationDefinition.

https://hl7.org/fhir/R4/operationslist.html
"""

from fhir_server.rest.operation import Operation
from fhir_server.rest.operations.everything import EVERYTHING
from fhir_server.rest.operations.meta import META, META_ADD, META_DELETE
from fhir_server.rest.operations.parameter_status import PARAMETER_STATUS
from fhir_server.rest.operations.validate import VALIDATE

OPERATIONS: tuple[Operation, ...] = (VALIDATE, META, META_ADD, META_DELETE, EVERYTHING, PARAMETER_STATUS)
