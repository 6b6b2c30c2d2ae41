"""How a search is answered, as a Parameters resource.

https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir_server.formats import json
from fhir_server.storage.search.explain import Explained, Explanation, Step


def explanation_text(explanation: Explanation) -> str:
    """Return the JSON text of a Parameters resource.

    "plan" is a sentence each; "statement" has the parts purpose, sql, index (each once), rowsRead, rows, blocks,
    milliseconds, and for every step of the database a part "step" with node, table, index, rowsRead, rows.
    """
    parameters = [{"name": "plan", "valueString": sentence} for sentence in explanation.words]
    if explanation.left_out:
        text = f"{explanation.left_out} more statements were run that are not explained here."
        parameters.append({"name": "plan", "valueString": text})
    found = [{"name": "statement", "part": _statement(each)} for each in explanation.statements]
    return json.encode({"resourceType": "Parameters", "parameter": [*parameters, *found]}).decode()


def _statement(explained: Explained) -> list[dict[str, Any]]:
    parts = [_text("purpose", explained.purpose), _text("sql", explained.sql)]
    parts += [_text("index", name) for name in explained.indexes]
    parts += _number("rowsRead", explained.rows_read) + _number("rows", explained.rows)
    parts += _number("blocks", explained.blocks)
    if explained.milliseconds is not None:
        parts.append({"name": "milliseconds", "valueDecimal": round(Decimal(str(explained.milliseconds)), 3)})
    return [*parts, *({"name": "step", "part": _step(step)} for step in explained.steps)]


def _step(step: Step) -> list[dict[str, Any]]:
    parts = [_text("node", "  " * step.depth + step.node)]
    parts += [_text(name, text) for name, text in (("table", step.table), ("index", step.index)) if text]
    return parts + _number("rowsRead", step.rows_read) + _number("rows", step.rows)


def _text(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "valueString": text}


def _number(name: str, value: int | None) -> list[dict[str, Any]]:
    # A FHIR integer ends at 2^31 - 1.
    return [] if value is None else [{"name": name, "valueInteger": min(value, 2**31 - 1)}]
