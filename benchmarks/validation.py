"""Microseconds to validate one resource with every rule, and how often that fits into the R4B model's own check.

    python -m benchmarks.validation

Documents: the official examples (.cache/r4/package) and three Synthea files (../shared) of each core type. Per
document the best of five rounds counts, per type the median of the documents. The model gets what the same
decoder gives, and checks far less: no reference targets, no invariants, no narrative, no required codes.
"""

from __future__ import annotations

import bz2
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from fhir_server.definitions import load
from fhir_server.formats import json
from fhir_server.validation import Validator

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / ".cache" / "r4" / "package"
_SYNTHEA = _ROOT.parent / "shared" / "data" / "synthea"
_TYPES = (
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
_FILES, _DOCUMENTS, _ROUNDS = 5, 40, 5
GOAL = 100.0
"""Microseconds the median of a core type may take."""


def _documents() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return (source, type) -> at most 40 documents."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in _TYPES:
        for path in sorted(_PACKAGE.glob(f"{name}-*.json")):
            found.setdefault(("examples", name), []).append(json.decode(path.read_bytes()))
    for path in sorted(_SYNTHEA.glob("*.bz2"))[:_FILES]:
        for entry in json.decode(bz2.decompress(path.read_bytes()))["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] in _TYPES:
                found.setdefault(("synthea", resource["resourceType"]), []).append(resource)
    return {key: documents[:_DOCUMENTS] for key, documents in found.items()}


def _best(check: Callable[[Any], object], document: dict[str, Any]) -> float:
    """Return the microseconds of the fastest of a few rounds of three calls."""
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(3):
            check(document)
        best = min(best, time.perf_counter() - start)
    return best / 3 * 1e6


def _model_check(name: str) -> Callable[[Any], object]:
    model: Callable[[Any], object] = get_fhir_model_class(name).model_validate

    def check(document: Any) -> object:
        try:
            return model(document)
        except ValueError:
            return None  # a few official examples are more than the model takes; the time counts all the same

    return check


def measure() -> dict[tuple[str, str], tuple[int, float, float, float]]:
    """Return (source, type) -> number of documents, our median, our worst, the model's median, in microseconds."""
    validate = Validator(load()).validate
    results = {}
    for key, documents in _documents().items():
        model = _model_check(key[1])
        for document in documents:  # compile on both sides before the clock runs
            validate(document)
            model(document)
        gc.collect()
        gc.freeze()
        times = [_best(validate, document) for document in documents]
        model_times = [_best(model, document) for document in documents]
        results[key] = (len(documents), statistics.median(times), max(times), statistics.median(model_times))
    return results


def main() -> None:
    """Print one line a type and source; say which medians miss the goal."""
    print(f"{'':10} {'type':18} {'docs':>4} {'median us':>9} {'worst us':>8} {'R4B us':>8} {'ratio':>6}")
    slow = []
    for (source, name), (count, median, worst, model) in measure().items():
        print(f"{source:10} {name:18} {count:4} {median:9.1f} {worst:8.1f} {model:8.1f} {model / median:6.1f}")
        if median > GOAL:
            slow.append(f"{name} ({source})")
    print(f"every median is at most {GOAL:.0f} us" if not slow else f"above {GOAL:.0f} us: {', '.join(slow)}")


if __name__ == "__main__":
    main()
