"""Black-box conformance suite for any FHIR R4 (4.0.1) base URL; it knows nothing of any server.

https://hl7.org/fhir/R4/http.html

    python -m conformance --url https://server.example/fhir --report out
"""

from __future__ import annotations

from conformance.runner import Limits, run

__all__ = ["Limits", "run"]
