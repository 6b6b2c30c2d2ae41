"""A write that is going to happen: one request or one Bundle entry on its way through the write pipeline.

https://hl7.org/fhir/R4/http.html#create (and the interactions after it)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlencode

from fhir_server.errors import BadRequest, Issue
from fhir_server.rest.headers import Preferences, Tags
from fhir_server.rest.message import Response
from fhir_server.rest.url import query_of
from fhir_server.storage.model import Version

Pairs = tuple[tuple[str, str], ...]
Edit = Callable[[dict[str, Any]], dict[str, Any]]
_MOST_CRITERIA: Final = 50
_TYPE_PREFIX: Final = re.compile(r"([A-Za-z]*)\?")
# Parameters of a request that say how to answer, not which resource is meant.
ANSWER_PARAMETERS = frozenset(("_format", "_pretty", "_summary", "_elements"))


@dataclass(slots=True)
class Change:
    """One write.

    method            "create", "update", "patch" or "delete"
    type              resource type
    id                logical id; "" for a create, and where `criteria` name the resource
    document          create, update: the resource as the client sent it (references between entries already resolved)
    edit              patch and $meta-add: makes the new document from the current one, without changing that
    criteria          conditional forms: parameters that name the resource; None for others
    if_match          versions one of which must be current
    if_none_match     versions none of which may be current
    unmodified_since  moment after which the resource may not have changed (UTC, to the second)
    label             "Bundle.entry[3]" or ""
    preferences       what the answer should carry
    answer            makes another answer than the usual one, from the version that was written
    issues            warnings and notes of the validation, for return=OperationOutcome
    """

    method: Literal["create", "update", "patch", "delete"]
    type: str
    id: str = ""
    document: dict[str, Any] | None = None
    edit: Edit | None = None
    criteria: Pairs | None = None
    if_match: Tags | None = None
    if_none_match: Tags | None = None
    unmodified_since: datetime | None = None
    label: str = ""
    preferences: Preferences = field(default_factory=Preferences)
    answer: Callable[[Version], Response] | None = None
    issues: Sequence[Issue] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a change.

    status   201 created, 200 changed or found, 204 deleted or nothing to delete
    version  the version that is current now; None where there is none
    """

    status: int
    version: Version | None = None


def criteria_of(query: Sequence[tuple[str, str]]) -> Pairs:
    """Return the parameters of a request that name a resource: all but those that shape the answer."""
    return tuple((name, value) for name, value in query if name not in ANSWER_PARAMETERS)


def criteria_in(text: str, what: str, resource_type: str = "") -> Pairs:
    """Return the criteria in the text of If-None-Exist or of a conditional reference: "identifier=a|b".

    what           names the place for the message
    resource_type  may stand in front: "Patient?identifier=a|b". Any other question mark belongs to a value
    Raises BadRequest where the text holds no criteria, or those of another type.
    """
    prefix = _TYPE_PREFIX.match(text)
    if prefix is not None:
        if prefix.group(1) not in ("", resource_type):
            raise BadRequest(f"{what} searches another type than the one that is created.")
        text = text[prefix.end() :]
    pairs = tuple(query_of(text, _MOST_CRITERIA))
    if not pairs or any(not value for _, value in pairs):
        raise BadRequest(f"{what} must hold search parameters, such as identifier=system|value.")
    return pairs


def guard_key(resource_type: str, criteria: Pairs) -> str:
    """Return the text that is equal for all conditional writes with the same meaning, for locking."""
    return f"{resource_type}?{urlencode(sorted(criteria))}"
