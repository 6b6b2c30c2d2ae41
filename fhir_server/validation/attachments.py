"""The stated size of an Attachment agrees with its data.

https://hl7.org/fhir/R4/datatypes.html#Attachment
"""

from __future__ import annotations

from typing import Any

from fhir_server.validation.findings import Findings, Found, Scope


def rule(value: dict[str, Any], _scope: Scope) -> Findings:
    """Check `size` of an Attachment against the length of its base64 `data`, without decoding it."""
    size, data = value.get("size"), value.get("data")
    if size is None or data is None:
        return None
    digits = len(data) - sum(data.count(filler) for filler in "= \t\r\n")
    if digits * 3 // 4 == size:
        return None
    return [Found("size", "invariant", "The stated size is not the size of the data.")]
