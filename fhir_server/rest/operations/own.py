"""OperationDefinitions of the operations that are this server's own; all others are R4's.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from fhir_server.definitions import OperationDef, OperationParameter


def own_definitions(base_url: str) -> tuple[OperationDef, ...]:
    """Return the definitions; their canonicals lie below the server's base URL."""
    return (
        OperationDef(
            id="SearchParameter-status",
            url=f"{base_url}/OperationDefinition/SearchParameter-status",
            code="status",
            affects_state=False,
            system=False,
            type=False,
            instance=True,
            resources=("SearchParameter",),
            parameters=(OperationParameter("parameter", "out", 0, None, ""),),
        ),
    )
