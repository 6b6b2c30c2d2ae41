"""Real documents for the tests of this folder, and ways to spoil them.

The official examples: every resource of the package that does not define FHIR itself. Definitions are the
resource types below, and the Bundles and other files above 1 MB, which are collections of them. That
leaves 727 examples, more than the 555 clinical ones that are sometimes counted.
"""

from __future__ import annotations

import bz2
import copy
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fhir_server.formats import json
from tests.paths import R4_PACKAGE, SYNTHEA

DEFINITIONAL = (
    "StructureDefinition",
    "SearchParameter",
    "ValueSet",
    "CodeSystem",
    "ConceptMap",
    "OperationDefinition",
    "CompartmentDefinition",
)
CORE_TYPES = (
    "Patient",
    "Practitioner",
    "Schedule",
    "Slot",
    "Appointment",
    "Encounter",
    "MedicationRequest",
    "ImagingStudy",
    "Coverage",
    "Claim",
)
_LARGE = 1_000_000
_POOL: tuple[Any, ...] = (None, "", "x", "#x", " ", "2024-02-30", "\x00", -1, 10**30, True, [], {}, [None], {"id": "a"})


@cache
def example_paths() -> tuple[Path, ...]:
    """Return the files of the official examples, sorted."""
    return tuple(
        path
        for path in sorted(R4_PACKAGE.glob("*-*.json"))
        if path.name.partition("-")[0] not in DEFINITIONAL and path.stat().st_size < _LARGE
    )


@cache
def example(name: str) -> dict[str, Any]:
    """Return the official example in the file `name`; callers must not change it."""
    return json.decode((R4_PACKAGE / name).read_bytes(), max_depth=256)


@cache
def synthea(count: int) -> tuple[dict[str, Any], ...]:
    """Return the resources of the first `count` Synthea files; callers must not change them."""
    bundles = [json.decode(bz2.decompress(path.read_bytes())) for path in sorted(SYNTHEA.glob("*.bz2"))[:count]]
    return tuple(entry["resource"] for bundle in bundles for entry in bundle["entry"])


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Collect (holder, key) of everything inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.append((value, key))
        _places(item, found)
    return found


@st.composite
def spoiled(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, Any]:
    """Draw an official example out of `names` that is changed in one place."""
    document = copy.deepcopy(example(draw(st.sampled_from(names))))
    holder, key = draw(st.sampled_from(_places(document, [])))
    change = draw(st.sampled_from(("remove", "replace", "swap", "double", "rename")))
    if change == "remove":
        del holder[key]
    elif change == "replace":
        holder[key] = draw(st.sampled_from(_POOL))
    elif change == "swap":
        other, other_key = draw(st.sampled_from(_places(document, [])))
        holder[key] = copy.deepcopy(other[other_key])
    elif change == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif change == "rename" and isinstance(holder, dict):
        holder[draw(st.sampled_from((key + "x", "_" + key, "value", "extension")))] = holder.pop(key)
    return document
