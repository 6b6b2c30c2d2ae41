"""Writes a whole batch of changes at once: keys, versions, references, projection, each table in one bulk statement.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from fhir_server.errors import BadRequest
from fhir_server.formats import json
from fhir_server.storage.dialects import Lock, State
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.integrity import Destinations, Reader, refuse_referred
from fhir_server.storage.longest import note_spans
from fhir_server.storage.model import Version, Write
from fhir_server.storage.parts import Parts, projected
from fhir_server.storage.references import Kind, Reference
from fhir_server.storage.revision import Revision, Rows, compartments, revise
from fhir_server.storage.session import Bulk, Session
from fhir_server.storage.tables import (
    REFERENCE_COLUMNS,
    RESOURCE_COLUMNS,
    VERSION_COLUMNS,
    resource,
    resource_reference,
    resource_version,
)
from fhir_server.storage.text.tables import QUEUE_COLUMNS, text_queue


class Persist:
    """One batch, inside an open transaction.

    states    (type, id) -> state, for those that are locked already; None for those known to be absent
    contents  key -> text of the current version, where it has been read already
    Both are brought up to date, so that a later batch of the same transaction builds on this one.
    visible   returns those of some states that the caller reaches in whatever way; None where everything is
    """

    def __init__(
        self,
        parts: Parts,
        session: Session,
        now: datetime,
        states: dict[Ref, State | None],
        contents: dict[int, str],
        visible: Callable[[Sequence[State]], Sequence[State]] | None = None,
    ) -> None:
        self._visible = visible
        self._parts = parts
        self._session = session
        self._now = now
        self._states = states
        self._contents = contents
        self._raised = False
        self._destinations = Destinations(parts.integrity, parts.commands, session)

    def run(self, writes: Sequence[Write]) -> list[Version]:
        """Carry out `writes` and return the versions they made, in the same order."""
        if not writes:
            return []
        self._refuse_doubles(writes)
        self.lock(writes)
        revisions = self._revisions(writes)
        self._read_old(revisions)
        self._follow(revisions)
        self._project(revisions)
        self._replace_rows(revisions)
        deleted = {made.key: made.write for made in revisions if made.write.method == "delete"}
        refuse_referred(
            self._parts.integrity, self._parts.commands, self._session, deleted, named=self._visible is None
        )
        self._remember(revisions)
        return [made.made() for made in revisions]

    def _refuse_doubles(self, writes: Sequence[Write]) -> None:
        seen: set[Ref] = set()
        for write in writes:
            ref = (write.type, write.id)
            if ref in seen:
                raise BadRequest("The same resource is written twice in one batch.", write.label, code="duplicate")
            seen.add(ref)

    def lock(self, writes: Sequence[Write]) -> None:
        """Lock what exists, in one order: what is to be deleted first, then what is to be changed."""
        deletes = [(write.type, write.id) for write in writes if write.method == "delete"]
        others = [(write.type, write.id) for write in writes if write.method in ("update", "patch")]
        self._locate(deletes, Lock.DELETE)
        self._locate([ref for ref in others if ref not in self._states], Lock.UPDATE)

    def _locate(self, refs: Iterable[Ref], lock: Lock) -> None:
        for ref in refs:
            self._states[ref] = None
        for state in self._parts.commands.locate(self._session, refs, lock):
            self._states[state.type, state.id] = state

    def _revisions(self, writes: Sequence[Write]) -> list[Revision]:
        olds = [None if write.method == "create" else self._states.get((write.type, write.id)) for write in writes]
        count = olds.count(None)
        keys = iter(self._parts.commands.allocate(self._session, count) if count else ())
        now = self._now
        return [
            revise(write, old, next(keys) if old is None else old.key, now)
            for write, old in zip(writes, olds, strict=True)
        ]

    def _read_old(self, revisions: Sequence[Revision]) -> None:
        """Read the versions that are replaced: what they were projected to need not be written again."""
        wanted = [made.old for made in revisions if made.was_there and made.old is not None]
        missing = [(old.key, old.version) for old in wanted if old.key not in self._contents]
        for key, (_, content) in self._parts.commands.contents(self._session, missing).items():
            self._contents[key] = content

    def _follow(self, revisions: Sequence[Revision]) -> None:
        reader, types = Reader(self._parts.base_url), self._parts.compartment_types
        wanted: set[Ref] = set()
        for made in revisions:
            if made.document is not None:
                made.references = reader.read(made.document, made.content)
                made.targets = _targets(made.references)
                wanted |= made.targets
            if made.was_there:
                content = self._contents[made.key]
                made.old_document = json.decode_trusted(content)
                made.old_targets = _targets(reader.read(made.old_document, content))
                same = compartments(made.targets, types) == compartments(made.old_targets, types)
                made.settled = made.old.settled if same and made.old is not None else made.version
            else:
                made.settled = made.version
        destinations = self._destinations
        destinations.keys.update((made.ref, made.key) for made in revisions)
        destinations.find(wanted, self._new_keys, self._now)
        gone = {ref for made in revisions for ref in made.old_targets if ref not in destinations.keys}
        destinations.recall(gone)
        if self._visible is not None:
            # What a version the caller may change refers to is no news to the caller.
            destinations.hide(wanted.difference(*(made.old_targets for made in revisions)), self._visible)
        destinations.refuse_broken(
            reader,
            [(made.write, made.document, made.references) for made in revisions if made.document is not None],
            {made.ref: made.version for made in revisions},
            {made.ref for made in revisions if made.write.method == "delete"},
        )

    def _new_keys(self, count: int) -> Sequence[int]:
        return self._parts.commands.allocate(self._session, count)

    def _project(self, revisions: Sequence[Revision]) -> None:
        keys = self._destinations.keys
        for made in revisions:
            kind, key = made.write.type, made.key
            if made.document is not None:
                made.rows = projected(self._parts, kind, key, made.document, made.targets, keys)
            if made.old_document is not None:
                made.old_rows = projected(self._parts, kind, key, made.old_document, made.old_targets, keys)

    def _replace_rows(self, revisions: Sequence[Revision]) -> None:
        """Write `resource`, `resource_version`, `resource_reference` and every projection table, each in one go."""
        parts = self._parts
        removed: dict[str, list[int]] = {}
        added: Rows = {}
        columns: dict[str, tuple[str, ...]] = {}
        for made in revisions:
            new, old = made.rows, made.old_rows
            for table, rows in new.items():
                if made.old is not None:
                    if old.get(table) == rows:
                        continue
                    removed.setdefault(table, []).append(made.key)
                there = added.get(table)
                if there is None:
                    added[table] = list(rows)
                    columns[table] = parts.columns(made.write.type, table)
                else:
                    there += rows
            for table in old:
                if table not in new:
                    removed.setdefault(table, []).append(made.key)
        parts.commands.remove(self._session, removed)
        self._raised = note_spans(
            parts, self._session, {made.write.type for made in revisions}, added, first=not self._raised
        )
        batch = [*self._heads(revisions), *self._links(revisions)]
        batch += [(table, columns[table], added[table]) for table in sorted(added)]
        batch.append((text_queue.name, QUEUE_COLUMNS, [(made.key, made.version) for made in revisions]))
        self._session.insert_all(batch)

    def _heads(self, revisions: Sequence[Revision]) -> Iterator[Bulk]:
        """Advance the rows of `resource` that exist; yield the new ones, and those of `resource_version`."""
        moments = {made.last_updated: self._parts.commands.moment(made.last_updated) for made in revisions}
        changed = [
            (made.key, made.version, made.settled, made.last_updated, made.write.method == "delete")
            for made in revisions
            if made.old is not None
        ]
        if changed:
            self._parts.commands.advance(self._session, sorted(changed))
        # Sorted, so that two batches that bring the same resources do not wait for one another in a circle.
        new = sorted(
            (*made.ref, made.key, made.version, made.settled, moments[made.last_updated])
            for made in revisions
            if made.old is None
        )
        if new:
            rows = [(key, kind, id_, version, settled, at, False) for kind, id_, key, version, settled, at in new]
            yield resource.name, RESOURCE_COLUMNS, rows
        versions = [
            (made.key, made.version, made.write.type, moments[made.last_updated], made.write.method, made.content)
            for made in revisions
        ]
        yield resource_version.name, VERSION_COLUMNS, versions

    def _links(self, revisions: Sequence[Revision]) -> Iterator[Bulk]:
        """Remove what is no longer referred to and yield what is new; most updates change nothing here."""
        keys = self._destinations.keys
        links: list[tuple[int, int]] = []
        broken: list[tuple[int, int]] = []
        for made in revisions:
            source = made.key
            if made.targets != made.old_targets:
                links += [(keys[ref], source) for ref in made.targets - made.old_targets if ref in keys]
                broken += [(keys[ref], source) for ref in made.old_targets - made.targets if ref in keys]
        if broken:
            self._parts.commands.unlink(self._session, sorted(broken))
        if links:
            yield resource_reference.name, REFERENCE_COLUMNS, sorted(links)

    def _remember(self, revisions: Sequence[Revision]) -> None:
        for made in revisions:
            deleted = made.write.method == "delete"
            self._states[made.ref] = State(*made.ref, made.key, made.version, made.settled, made.last_updated, deleted)
            self._contents[made.key] = made.content


def _targets(references: Iterable[Reference]) -> set[Ref]:
    return {(each.type, each.id) for each in references if each.kind is Kind.LOCAL}
