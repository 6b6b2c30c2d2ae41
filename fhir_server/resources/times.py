"""Rules about start and end times.

https://hl7.org/fhir/R4/slot.html and https://hl7.org/fhir/R4/appointment.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.errors import Issue
from fhir_server.storage.intervals import interval


def end_is_after_start(_old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterable[Issue]:
    """A resource with the elements `start` and `end` (instants) ends after it starts: it can be booked and found."""
    if new is None or "start" not in new or "end" not in new:
        return ()
    if interval(new["end"])[0] > interval(new["start"])[0]:
        return ()
    place = f"{new['resourceType']}.end"
    return (Issue("error", "business-rule", "The end must be later than the start.", place),)
