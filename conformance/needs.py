"""Requirements: what a server must claim for a check to apply to it.

https://hl7.org/fhir/R4/capabilitystatement-definitions.html
"""

from __future__ import annotations

from conformance.check import Requirement
from conformance.claims import SUBJECTS, Claims
from conformance.r4 import JSON, JSON_PATCH, XML_PATCH


def interactions(*codes: str, of: str | None = None) -> Requirement:
    """Claimed interactions of a type; of the type that most checks use when `of` is None."""

    def requirement(claims: Claims) -> str | None:
        resource = claims.subject if of is None else claims.of(of)
        missing = [code for code in codes if code not in resource.interactions]
        if not missing:
            return None
        names = " or ".join(SUBJECTS) if of is None else of
        return f"the server does not claim {' and '.join(missing)} for {names}"

    return requirement


def system(code: str) -> Requirement:
    """A claimed interaction of the whole system: transaction, batch, search-system, history-system."""

    def requirement(claims: Claims) -> str | None:
        return None if code in claims.interactions else f"the server does not claim {code}"

    return requirement


def operation(name: str, of: str | None = None) -> Requirement:
    """A claimed operation, at its type or at the system."""

    def requirement(claims: Claims) -> str | None:
        resource = claims.subject if of is None else claims.of(of)
        claimed = name in resource.operations or name in claims.operations
        return None if claimed else f"the server does not claim ${name} for {resource.type}"

    return requirement


def search_param(*names: str, of: str | None = None) -> Requirement:
    """Claimed search parameters of a type."""

    def requirement(claims: Claims) -> str | None:
        resource = claims.subject if of is None else claims.of(of)
        missing = [name for name in names if claims.search_type(resource.type, name) is None]
        if not missing:
            return None
        return f"the server does not claim the search parameter {', '.join(missing)} for {resource.type}"

    return requirement


def searchable(resource_type: str, *parameters: str) -> tuple[Requirement, ...]:
    """A type of which resources can be made and searched by these parameters."""
    made = interactions("create", "read", "search-type", of=resource_type)
    return (made, search_param(*parameters, of=resource_type)) if parameters else (made,)


def patch_format(media_type: str) -> Requirement:
    """A patch format that is claimed, or at least not left out of a list of claimed ones."""
    accepted = {
        JSON_PATCH: {JSON_PATCH, "json-patch", "application/json"},
        XML_PATCH: {XML_PATCH, "xml-patch"},
        JSON: {JSON, "json"},
    }[media_type]

    def requirement(claims: Claims) -> str | None:
        if not claims.patch_formats or accepted & set(claims.patch_formats):
            return None
        return f"the server does not claim the patch format {media_type}"

    return requirement


def versions(claims: Claims) -> str | None:
    """Version ids are kept."""
    if claims.subject.is_versioned:
        return None
    return f"the server does not claim versioning for {claims.subject.type}"


def update_create(claims: Claims) -> str | None:
    """A client may choose the id of a new resource."""
    return None if claims.subject.update_create else f"the server does not claim updateCreate for {claims.subject.type}"


def conditional_create(claims: Claims) -> str | None:
    """If-None-Exist is claimed."""
    if claims.subject.conditional_create:
        return None
    return f"the server does not claim conditionalCreate for {claims.subject.type}"


def conditional_update(claims: Claims) -> str | None:
    """PUT with search parameters is claimed."""
    if claims.subject.conditional_update:
        return None
    return f"the server does not claim conditionalUpdate for {claims.subject.type}"


def conditional_delete(*statuses: str) -> Requirement:
    """DELETE with search parameters is claimed: "single", "multiple", or either when none is named."""

    def requirement(claims: Claims) -> str | None:
        status = claims.subject.conditional_delete
        if status in (statuses or ("single", "multiple")):
            return None
        return f"the server claims conditionalDelete {status!r} for {claims.subject.type}"

    return requirement


def conditional_read(*statuses: str) -> Requirement:
    """A claimed conditional read of one of these kinds, or full-support."""

    def requirement(claims: Claims) -> str | None:
        status = claims.subject.conditional_read
        if status in (*statuses, "full-support"):
            return None
        return f"the server claims conditionalRead {status!r} for {claims.subject.type}"

    return requirement


def xml(claims: Claims) -> str | None:
    """XML is claimed."""
    return None if claims.xml else "the server does not claim XML"


def linkable(claims: Claims) -> str | None:
    """Most checks use a type that can refer to another resource of its own type."""
    if claims.subject.type in ("Patient", "Organization"):
        return None
    return "the server claims neither Patient nor Organization, which can refer to another of their type"
