"""The demo clinic as one transaction of conditional creates: loading it twice duplicates nothing.

https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import Any

from fhir_server.demo.calendar import calendar
from fhir_server.demo.care import care
from fhir_server.demo.naming import SYSTEM, full_url
from fhir_server.demo.people import people
from fhir_server.formats import json


def clinic(now: datetime) -> dict[str, Any]:
    """Return the clinic as a transaction Bundle.

    now  aware; all dates are relative to it, and opening hours are in its zone. The same `now` gives the same bundle.
    Raises ValueError for a naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("the demo clinic needs a time with a zone")
    now = now.replace(microsecond=0)
    entries = [_entry(name, model) for name, model in chain(people(now), calendar(now), care(now))]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _entry(name: str, model: Any) -> dict[str, Any]:
    resource = json.decode(model.model_dump_json().encode())
    return {
        "fullUrl": full_url(name),
        "resource": resource,
        "request": {
            "method": "POST",
            "url": resource["resourceType"],
            "ifNoneExist": f"identifier={SYSTEM}|{name}",
        },
    }
