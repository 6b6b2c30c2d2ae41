"""One write transaction: guards, locked reads, criteria, and the one batch that is persisted.

https://hl7.org/fhir/R4/http.html#concurrency and https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import select

from fhir_server.errors import Forbidden
from fhir_server.storage import load_journal
from fhir_server.storage.access import INTERACTIONS, Access, Interaction
from fhir_server.storage.custom.change import change, concerned
from fhir_server.storage.custom.registry import Registry
from fhir_server.storage.dialects import Lock, State
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.model import SearchRequest, Version, Write
from fhir_server.storage.parts import Parts
from fhir_server.storage.persist import Persist
from fhir_server.storage.restriction import restriction
from fhir_server.storage.search.run import matches
from fhir_server.storage.session import Session
from fhir_server.storage.tables import resource

_CHANGES: tuple[Interaction, ...] = ("read", "update", "delete")
_NEEDED: dict[str, Interaction] = {"create": "create", "update": "update", "patch": "update", "delete": "delete"}


class WriteUnit:
    """What `Store.write` hands to the work it runs; only valid while that work runs."""

    def __init__(self, parts: Parts, access: Access, session: Session, registry: Registry) -> None:
        self.changed_parameters = False  # whether search parameters came or went
        self._registry = registry
        self._parts = parts
        self._access = access
        self._session = session
        self._states: dict[Ref, State | None] = {}
        self._contents: dict[int, str] = {}

    @cached_property
    def now(self) -> datetime:
        """The time of the transaction: aware, UTC, microseconds."""
        return self._parts.clock().astimezone(UTC)

    def new_id(self) -> str:
        """Return an id for a new resource."""
        return self._parts.new_id()

    def guard(self, criteria: Iterable[str]) -> None:
        """Keep others from deciding on the same criteria until the end of the transaction; call it before `match`.

        criteria  one text per condition, equal for equal conditions: "Patient?identifier=urn:x|1"
        """
        numbers = {int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True) for text in criteria}
        if numbers:
            self._parts.commands.guard(self._session, sorted(numbers))

    def current(self, refs: Iterable[tuple[str, str]], lock: bool = True) -> dict[tuple[str, str], Version]:  # noqa: FBT001
        """Return the current versions of (type, id) pairs, deleted ones included; those unknown or hidden are left out.

        lock  nobody else can change them until the end of the transaction
        """
        wanted = list(dict.fromkeys(refs))
        states = self._parts.commands.locate(self._session, wanted, Lock.UPDATE if lock else Lock.NONE)
        if lock:
            self._states.update(dict.fromkeys(wanted))
            self._states.update(((state.type, state.id), state) for state in states)
        there = [state for state in self._visible(states, _CHANGES) if state.version > 0]
        contents = self._parts.commands.contents(self._session, [(state.key, state.version) for state in there])
        found: dict[tuple[str, str], Version] = {}
        for state in there:
            method, content = contents[state.key]
            if lock:
                self._contents[state.key] = content
            found[state.type, state.id] = Version(
                state.type,
                state.id,
                state.version,
                state.last_updated,
                state.deleted,
                content,
                state.key,
                method,  # type: ignore[arg-type]
            )
        return found

    def match(self, type: str, parameters: Sequence[tuple[str, str]], limit: int = 2) -> list[Version]:  # noqa: A002
        """Return at most `limit` resources that match search criteria, seen from within this transaction.

        Raises UnsupportedParameter and BadRequest as `Store.search` does.
        """
        request = SearchRequest(type, tuple(parameters), count=limit)
        return matches(self._parts, self._access, request, self._session)

    def persist(self, writes: Sequence[Write]) -> list[Version]:
        """Carry out all `writes` at once and return the versions they made, in the same order.

        Raises PreconditionFailed (`expected` is not current), Invalid (a reference leads nowhere), Conflict (a deleted
        resource is referred to), Forbidden, BadRequest (a resource twice), NotFound and Gone (delete of nothing).
        """
        self._refuse_forbidden(writes)
        visible = None if self._access.is_unrestricted else self._known
        persist = Persist(self._parts, self._session, self.now, self._states, self._contents, visible)
        made = persist.run(writes) if visible is None else self._persist_restricted(persist, writes)
        if concerned(writes):
            self._follow_parameters(writes, made)
        return made

    def _follow_parameters(self, writes: Sequence[Write], made: Sequence[Version]) -> None:
        """Enter what SearchParameters among the writes mean; what is written next is projected with them."""
        stamp = change(self._registry.base, self._session, writes, made)
        if stamp is not None:
            self._parts = self._registry.load(self._session, stamp)
            self.changed_parameters = True

    def note_load(self, digest: str, part: int, left: Sequence[int], *, once: bool = False) -> None:
        """Enter in the load journal that a part of a file is stored, but for what stands at `left`.

        once  raise AlreadyLoaded when the journal says so already
        """
        load_journal.note(self._session, digest, part, left, self.now, once=once)

    def _refuse_forbidden(self, writes: Sequence[Write]) -> None:
        if self._access.is_unrestricted:
            return
        for write in writes:
            if not self._access.reach([_NEEDED[write.method]], write.type):
                raise Forbidden("The caller may not do this with resources of this type.", write.label)

    def _persist_restricted(self, persist: Persist, writes: Sequence[Write]) -> list[Version]:
        """Persist what the caller may change, and only if the caller may also change what comes out of it."""
        persist.lock(writes)
        before = [state for write in writes if (state := self._states.get((write.type, write.id))) is not None]
        self._refuse_hidden(writes, [state for state in before if not state.deleted])
        made = persist.run(writes)
        after = [state for write in writes if (state := self._states.get((write.type, write.id))) is not None]
        self._refuse_hidden(writes, [state for state in after if not state.deleted])
        return made

    def _refuse_hidden(self, writes: Sequence[Write], states: Sequence[State]) -> None:
        needed = {(write.type, write.id): _NEEDED[write.method] for write in writes}
        labels = {(write.type, write.id): write.label for write in writes}
        for interaction in sorted(set(needed.values())):
            asked = [state for state in states if needed[state.type, state.id] == interaction]
            allowed = {state.key for state in self._visible(asked, (interaction,))}
            for state in asked:
                if state.key not in allowed:
                    raise Forbidden(
                        "The caller may not make this change: the resource is outside what the caller may reach.",
                        labels[state.type, state.id],
                    )

    def _visible(self, states: Sequence[State], interactions: Iterable[Interaction]) -> list[State]:
        """Return those of `states` that one of `interactions` reaches."""
        if self._access.is_unrestricted or not states:
            return list(states)
        keys: set[int] = set()
        for kind in {state.type for state in states}:
            asked = [state.key for state in states if state.type == kind]
            statement = select(resource.c.key).where(resource.c.key.in_(asked))
            limit = restriction(self._parts, self._access, interactions, resource.c.key, kind)
            rows = self._session.select(statement if limit is None else statement.where(limit))
            keys.update(row.key for row in rows)
        return [state for state in states if state.key in keys]

    def _known(self, states: Sequence[State]) -> list[State]:
        """Return those of `states` that the caller may know of: within any reach, or the owner of a compartment."""
        owners = {grant.compartment for grant in self._access.grants}
        others = [state for state in states if (state.type, state.id) not in owners]
        seen = {state.key for state in self._visible(others, INTERACTIONS)}
        return [state for state in states if state.key in seen or (state.type, state.id) in owners]
