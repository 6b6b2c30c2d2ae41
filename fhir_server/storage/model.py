"""What goes into the store and comes out of it, as plain immutable values.

https://hl7.org/fhir/R4/resource.html#metadata
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Method = Literal["create", "update", "patch", "delete"]


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version of a resource.

    version       1, 2, 3 ... without gaps
    last_updated  aware UTC time in microseconds; never earlier than that of the version before
    deleted       True for the version that a delete made; its `content` is ""
    content       the resource as JSON text, with id and meta.versionId / lastUpdated
    key           the database's number of the resource (the same for all its versions)
    method        the interaction that made the version
    """

    type: str
    id: str
    version: int
    last_updated: datetime
    deleted: bool
    content: str
    key: int
    method: Method


@dataclass(frozen=True, slots=True)
class Write:
    """One change to persist.

    method    "create": a resource nobody has heard of; "update" and "patch": the next version of `id`, or the first
              one when there is none; "delete": a version without content
    document  the resource as decoded JSON; None only for "delete". Its id and meta.versionId / lastUpdated are
              replaced, everything else is stored as it is
    expected  the version that must be current (If-Match); None means any
    label     where it stands in the request, for error messages: "Bundle.entry[3]", or "" for a single interaction
    """

    method: Method
    type: str
    id: str
    document: dict[str, Any] | None
    expected: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as the caller asked for it, parameters undecoded.

    type         a resource type, or None for all of them
    parameters   (name with modifier, value) in order: ("identifier", "urn:x|1"), ("family:exact", "Ng"); repeated
                 names are ANDed, commas inside a value are ORed
    count        resources per page, at least 0 (0: only the total)
    cursor       "" for the first page, else a cursor of a `SearchPage`
    total        True when the exact number of matches is wanted
    sort         sort keys, each with "-" in front for descending: ("-_lastUpdated", "_id")
    includes     (name, value) of _include and _revinclude with their modifier: ("_include", "Observation:subject"),
                 ("_revinclude:iterate", "Provenance:target")
    compartment  (type, id): only resources in that compartment, beside what the caller may see
    contained    whether resources that others contain are searched: "false", "true" (only they), "both"
    alone        of those, the contained resources are returned themselves, not their containers
    """

    type: str | None
    parameters: tuple[tuple[str, str], ...] = ()
    count: int = 50
    cursor: str = ""
    total: bool = False
    sort: tuple[str, ...] = ()
    includes: tuple[tuple[str, str], ...] = ()
    compartment: tuple[str, str] | None = None
    contained: Literal["false", "true", "both"] = "false"
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Contained:
    """A contained resource that matches.

    container  what contains it
    id         its id there, "" where it has none
    content    its JSON text
    """

    container: Version
    id: str
    content: str


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of matches.

    rows             the matches
    next_cursor      "" on the last page
    total            the number of all matches, None unless it was asked for
    previous_cursor  "" on the first page
    included         what includes add to the rows, each resource once and none that is in `rows`
    contained        contained resources that match, behind `rows`
    """

    rows: list[Version]
    next_cursor: str = ""
    total: int | None = None
    previous_cursor: str = ""
    included: list[Version] = field(default_factory=list)
    contained: list[Contained] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """A history interaction: of an instance (type and id), of a type, or of the whole system.

    since   only versions made at or after this instant
    at      only versions that were current at some moment of this half-open UTC interval
    count   versions per page, at least 0 (0: only the total)
    cursor  "" for the first page, else `HistoryPage.next_cursor` of the page before
    total   False spares the count
    """

    type: str | None = None
    id: str | None = None
    since: datetime | None = None
    at: tuple[datetime, datetime] | None = None
    count: int = 50
    cursor: str = ""
    total: bool = True


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of versions, newest first.

    next_cursor  "" on the last page
    created      (key, version) of the rows that made a resource, be it anew after a deletion
    """

    rows: list[Version]
    next_cursor: str = ""
    total: int | None = None
    created: frozenset[tuple[int, int]] = frozenset()
