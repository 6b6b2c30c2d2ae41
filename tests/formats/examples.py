"""The official R4 examples as the format tests read them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.paths import R4_PACKAGE

_DEFINITIONAL = (
    "CodeSystem", "CompartmentDefinition", "ConceptMap", "NamingSystem", "OperationDefinition", "SearchParameter",
    "StructureDefinition", "ValueSet",
)  # fmt: skip


def example_paths() -> list[Path]:
    """Return every example of the package: its files save the specification's own definitions."""
    return [
        path
        for path in sorted(R4_PACKAGE.glob("*-*.json"))
        if path.name.split("-")[0] not in _DEFINITIONAL and path.name[0].isupper()
    ]


def digits(value: Any) -> str:
    """Return JSON text in which names are sorted and every number is a text: equal only if every digit is."""
    return json.dumps(_texts(value), sort_keys=True, ensure_ascii=False)


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"number {value}"
    return value
