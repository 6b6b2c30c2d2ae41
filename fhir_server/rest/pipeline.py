"""The one way by which anything is written: validate, authorize, match, check versions and rules, persist.

https://hl7.org/fhir/R4/http.html#concurrency and https://hl7.org/fhir/R4/http.html#cond-update

Create, update, patch, delete, their conditional forms, batch entries, transactions and operations that change a
resource all pass through `write`. What needs no database happens before the database transaction begins; what is
done inside leaves the changes untouched, so that the store may repeat it after a lost race.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import (
    BadRequest,
    Conflict,
    FhirError,
    Forbidden,
    Gone,
    MethodNotAllowed,
    MultipleMatches,
    NotFound,
    PreconditionFailed,
)
from fhir_server.formats import json
from fhir_server.resources import rules_of
from fhir_server.rest.change import Change, Edit, Pairs, Result, guard_key
from fhir_server.rest.outcome import refuse, within
from fhir_server.storage.access import Access, Interaction
from fhir_server.storage.model import Version, Write
from fhir_server.storage.repository import WriteUnit

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

# FHIR's order inside a transaction.
_ORDER: Final = {"delete": 0, "create": 1, "update": 2, "patch": 2}
_RIGHT: Final[dict[str, Interaction]] = {
    "create": "create",
    "update": "update",
    "patch": "update",
    "delete": "delete",
}

# Who may do one of these with a resource learns from a write that it exists.
_SEEING: Final[tuple[Interaction, ...]] = ("read", "update", "delete")

# Last touch to the documents of a transaction: resolves what only the database knows. Gets the unit, the changes and
# the id each change turned out to mean; returns the documents in the same order.
Finish = Callable[[WriteUnit, Sequence[Change], Sequence[str]], Sequence[dict[str, Any] | None]]
# Reads that belong to the same transaction, done after everything is written.
After = Callable[[WriteUnit], None]


class _Rehearsed(Exception):
    """Ends a rehearsal: rolls the transaction back although all went well."""


def write(
    endpoint: Endpoint,
    access: Access,
    changes: Sequence[Change],
    finish: Finish | None = None,
    after: After | None = None,
) -> list[Result]:
    """Carry out `changes` in one database transaction; return what became of each, in the same order.

    Raises a FhirError (of the first change that cannot be made; its places name the change's Bundle entry), after
    which nothing is changed.
    """
    _prepare(endpoint, access, changes)

    def work(unit: WriteUnit) -> list[Result]:
        results = _Attempt(endpoint, access, unit, changes, finish).run()
        if after is not None:
            after(unit)
        return results

    return endpoint.store.write(access, work)


def rehearse(endpoint: Endpoint, access: Access, change: Change) -> None:
    """Do everything that `change` needs and roll it back; raise the FhirError that it would have met."""
    _prepare(endpoint, access, [change])

    def work(unit: WriteUnit) -> None:
        _Attempt(endpoint, access, unit, [change], None).run()
        raise _Rehearsed

    try:
        endpoint.store.write(access, work)
    except _Rehearsed:
        return


def _prepare(endpoint: Endpoint, access: Access, changes: Sequence[Change]) -> None:
    for change in changes:
        try:
            if not access.reach((_RIGHT[change.method],), change.type):
                raise Forbidden("The caller may not do this with resources of this type.")
            if change.document is not None:
                change.issues = _validated(endpoint, change.type, change.document)
        except FhirError as error:
            raise within(error, change.label) from None


def _validated(endpoint: Endpoint, resource_type: str, document: dict[str, Any]) -> Sequence[Any]:
    issues = endpoint.validator.validate(document, resource_type=resource_type)
    if issues:
        refuse(issues)
    return issues


class _Attempt:
    """One try of the changes, on the state that `unit` sees."""

    def __init__(
        self, endpoint: Endpoint, access: Access, unit: WriteUnit, changes: Sequence[Change], finish: Finish | None
    ) -> None:
        self._endpoint = endpoint
        self._access = access
        self._unit = unit
        self._changes = changes
        self._finish = finish
        self._results: list[Result | None] = [None] * len(changes)
        self._current: dict[tuple[str, str], Version] = {}
        self._gone: set[tuple[str, str]] = set()  # what these changes delete
        self._twins: dict[int, int] = {}  # a repeated conditional create -> the first one with its condition

    def run(self) -> list[Result]:
        changes, unit = self._changes, self._unit
        ids = self._targets()
        self._refuse_doubles(ids)
        known = [
            (change.type, ids[index])
            for index, change in enumerate(changes)
            if self._results[index] is None and change.method != "create"
        ]
        self._current = unit.current(known) if known else {}
        documents = self._finish(unit, changes, ids) if self._finish else [change.document for change in changes]
        writes: list[tuple[int, Write]] = []
        for index, result in enumerate(self._results):
            if result is None:
                made = self._each(index, self._decide, ids[index], documents[index])
                if made is not None:
                    writes.append((index, made))
        writes.sort(key=lambda item: _ORDER[item[1].method])
        versions = unit.persist([made for _, made in writes]) if writes else []
        for (index, _), version in zip(writes, versions, strict=True):
            self._results[index] = self._result(changes[index], version)
        for index, first in self._twins.items():
            twin = self._results[first]
            self._results[index] = Result(200, twin.version if twin else None)
        return [result for result in self._results if result is not None]

    def _each(self, index: int, step: Callable[..., Any], *arguments: Any) -> Any:
        """Do `step` for one change; an error names the entry."""
        try:
            return step(index, *arguments)
        except FhirError as error:
            raise within(error, self._changes[index].label) from None

    def _targets(self) -> list[str]:
        """Return the id that each change means; deletions come first, for what they delete matches nothing later."""
        changes = self._changes
        matches = self._matches()
        ids = [change.id for change in changes]
        for deleting in (True, False):
            for index, change in enumerate(changes):
                if (change.method == "delete") is deleting:
                    if change.criteria is not None:
                        ids[index] = self._each(index, self._target, matches[change.type, change.criteria])
                    if deleting and ids[index]:
                        self._gone.add((change.type, ids[index]))
        return ids

    def _matches(self) -> dict[tuple[str, Pairs], list[Version]]:
        """Look up every criterion once, after locking them all."""
        wanted: dict[tuple[str, Pairs], int] = {}
        for index, change in enumerate(self._changes):
            if change.criteria is not None:
                wanted.setdefault((change.type, change.criteria), index)
        if not wanted:
            return {}
        self._unit.guard(sorted({guard_key(resource_type, criteria) for resource_type, criteria in wanted}))
        limit = 2 + sum(change.method == "delete" for change in self._changes)
        return {key: self._each(index, self._match, *key, limit) for key, index in wanted.items()}

    def _match(self, _index: int, resource_type: str, criteria: Pairs, limit: int) -> list[Version]:
        return self._unit.match(resource_type, criteria, limit=limit)

    def _target(self, index: int, matches: Sequence[Version]) -> str:
        """Return the id that a change means; set its result where nothing is left to do."""
        change = self._changes[index]
        found = [version for version in matches if (version.type, version.id) not in self._gone]
        if len(found) > 1:
            raise MultipleMatches("The criteria match several resources; they must match one at most.")
        match change.method:
            case "create":
                return self._conditional_create(index, change, found)
            case "update":
                return self._conditional_update(change, found)
            case "patch" if not found:
                raise NotFound("The criteria match no resource, so there is nothing to patch.")
            case "delete" if not found:
                self._results[index] = Result(204)
        return found[0].id if found else ""

    def _conditional_create(self, index: int, change: Change, found: Sequence[Version]) -> str:
        if found:
            self._results[index] = Result(200, found[0])
            return found[0].id
        first = next(
            place
            for place, other in enumerate(self._changes)
            if other.method == "create" and other.type == change.type and other.criteria == change.criteria
        )
        if first != index:  # the same condition twice in one transaction means the same resource twice
            self._twins[index] = first
            self._results[index] = Result(200)
            return self._changes[first].id
        return change.id

    def _conditional_update(self, change: Change, found: Sequence[Version]) -> str:
        document = change.document
        named = document.get("id", "") if document is not None else ""
        if found:
            if named and named != found[0].id:
                raise BadRequest("The criteria match a resource with another id than the body's.", f"{change.type}.id")
            return found[0].id
        if named:
            existing = self._unit.current([(change.type, named)]).get((change.type, named))
            if existing is not None and not existing.deleted:
                raise Conflict("The criteria match nothing, but a resource with the body's id exists.")
            if existing is None:
                self._refuse_chosen_id(change)
            return str(named)
        return change.id or self._unit.new_id()

    def _refuse_doubles(self, ids: Sequence[str]) -> None:
        """Refuse a transaction that means one resource twice."""
        seen: dict[tuple[str, str], str] = {}
        for index, change in enumerate(self._changes):
            if self._results[index] is not None:
                continue
            identity = (change.type, ids[index])
            if identity in seen:
                raise BadRequest(
                    f"{seen[identity]} and {change.label} mean the same resource; a transaction may do it once only.",
                    change.label,
                    code="duplicate",
                )
            seen[identity] = change.label

    def _decide(self, index: int, resource_id: str, document: dict[str, Any] | None) -> Write | None:
        """Return what to persist for a change; None where nothing is to be done (its result is set then)."""
        change = self._changes[index]
        if change.method == "create":
            return self._checked(change, resource_id, None, document)
        current = self._current.get((change.type, resource_id))
        living = current if current is not None and not current.deleted else None
        self._refuse_stale(change, current)
        if change.method == "delete":
            if living is None:
                self._results[index] = Result(204)
                return None
            return self._checked(change, resource_id, living, None)
        if change.edit is not None:
            if living is None:
                raise _absent(current)
            return self._checked(change, resource_id, living, self._edited(change, change.edit, living))
        if current is None and change.criteria is None:
            self._refuse_chosen_id(change)
        return self._checked(change, resource_id, living, document)

    def _refuse_chosen_id(self, change: Change) -> None:
        """Refuse to create a resource under an id of the client's choice where that is not offered to the caller.

        To a caller from whom resources of the type may be hidden the answer is the same whether the id is free or
        taken: otherwise it would tell which ids exist.
        """
        if not self._endpoint.settings.update_as_create:
            raise _server_chooses()
        if not self._access.reach(_SEEING, change.type).everything:
            raise Forbidden("The caller may not make this change: the resource is outside what the caller may reach.")

    def _refuse_stale(self, change: Change, current: Version | None) -> None:
        living = None if current is None or current.deleted else current.version
        # An operation that merges, such as $meta-add, overwrites nothing that its caller has not seen.
        merging = change.method == "update" and change.edit is not None
        if self._endpoint.settings.require_if_match and living is not None and change.if_match is None and not merging:
            raise PreconditionFailed(
                "This server changes an existing resource only where If-Match names its current version.",
                code="required",
            )
        if change.if_match is not None and not change.if_match.match(living):
            raise PreconditionFailed("The version in If-Match is not the current one: the resource has changed since.")
        # A deletion is a change too: who has not seen it must not undo it. HTTP dates end at the second.
        changed = current.last_updated.replace(microsecond=0) if current is not None else None
        if change.unmodified_since is not None and changed is not None and changed > change.unmodified_since:
            raise PreconditionFailed("The resource has changed since the moment in If-Unmodified-Since.")
        if change.if_none_match is not None and change.if_none_match.match(living):
            raise PreconditionFailed("The resource exists in a version that If-None-Match excludes.")

    def _edited(self, change: Change, edit: Edit, current: Version) -> dict[str, Any]:
        """Return the document that a patch makes out of the current version."""
        document = edit(json.decode_trusted(current.content))
        if document.get("resourceType") != change.type or document.get("id") != current.id:
            raise BadRequest("A patch may not change the type or the id of a resource.", f"{change.type}.id")
        change.issues = _validated(self._endpoint, change.type, document)
        return document

    def _checked(self, change: Change, resource_id: str, old: Version | None, document: dict[str, Any] | None) -> Write:
        """Apply the business rules of the type and return what to persist."""
        rules = rules_of(change.type)
        if rules:
            before = json.decode_trusted(old.content) if old is not None else None
            refuse([issue for rule in rules for issue in rule(before, document)])
        expected = old.version if old is not None and change.if_match is not None else None
        return Write(change.method, change.type, resource_id, document, expected, change.label)

    def _result(self, change: Change, version: Version) -> Result:
        if change.method == "delete":
            return Result(204, version)
        before = self._current.get((version.type, version.id))
        return Result(201 if before is None or before.deleted else 200, version)


def _absent(current: Version | None) -> FhirError:
    """Return the error for a resource that is not there, or not any more."""
    if current is None:
        return NotFound("There is no resource with this type and id.")
    return Gone("The resource was deleted.")


def _server_chooses() -> FhirError:
    return MethodNotAllowed(
        "No resource has this id, and the server chooses the ids of new resources: POST it to its type.",
        headers={"Allow": "GET, HEAD"},
    )
