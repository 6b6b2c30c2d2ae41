"""An identifier in the system of URIs is a URI; only a warning, since HL7's own examples break it.

https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

from __future__ import annotations

import re
from typing import Any

from fhir_server.validation.findings import Findings, Found, Scope

_URIS = "urn:ietf:rfc:3986"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


def rule(value: dict[str, Any], _scope: Scope) -> Findings:
    """Check the value of an Identifier whose system says that it is a URI."""
    if value.get("system") == _URIS and "value" in value and _ABSOLUTE.fullmatch(value["value"]) is None:
        return [
            Found("value", "business-rule", "The system says that this identifier is a URI, and it is none.", "warning")
        ]
    return None
