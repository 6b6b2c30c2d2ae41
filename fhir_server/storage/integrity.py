"""Follows the references of what is about to be written: finds the keys of their targets, refuses what leads nowhere.

https://hl7.org/fhir/R4/http.html#integrity

`enforced`: a local reference must lead to a resource that exists (422 otherwise), and what others refer to cannot be
deleted (409). `relaxed`: it may lead nowhere; a promise (a row with version 0) stands in for the target, so that the
reference is linked when the target arrives, without touching what refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from fhir_server.errors import Conflict, Invalid, Issue
from fhir_server.storage.dialects import Commands, Lock, State
from fhir_server.storage.dialects.commands import Ref
from fhir_server.storage.model import Write
from fhir_server.storage.references import Kind, Reference, classify, reference_texts, walk
from fhir_server.storage.session import Session

Mode = Literal["enforced", "relaxed"]
Resolve = Callable[[str, str], int | None]
_MOST_ISSUES = 50

_LEADS_NOWHERE = "The reference leads to a resource that does not exist."
_LEADS_TO_DELETED = "The reference leads to a resource that was deleted."
_LEADS_TO_NO_VERSION = "The reference names a version that does not exist."
_LEADS_TO_CONDITION = "A reference by search criteria is possible in a transaction only."
_CANNOT_BE_FOLLOWED = "The reference is neither [type]/[id], nor a URL, nor the #id of a contained resource."


_FOREIGN = frozenset({Kind.CONTAINED, Kind.ABSOLUTE, Kind.URN})


class Reader:
    """Reads the references of documents; a text that many of them share is understood once."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._known: dict[str, Reference] = {}

    def understand(self, text: str) -> Reference:
        """Return what a reference text means."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = classify(text, self._base_url)
        return found

    def read(self, document: dict[str, Any], content: str) -> list[Reference]:
        """Return the references of `document` (with its JSON text) that this server must be able to follow.

        Those to contained resources, to other servers and by urn are left out.
        """
        found = map(self.understand, reference_texts(document, content))
        return [reference for reference in found if reference.kind not in _FOREIGN]


class Destinations:
    """The targets of all references of one batch of writes.

    keys     (type, id) -> key, for those found so far; filled by `find`
    """

    def __init__(self, mode: Mode, commands: Commands, session: Session) -> None:
        self._mode = mode
        self._commands = commands
        self._session = session
        self._found: dict[Ref, State] = {}
        self._hidden: set[Ref] = set()
        self.keys: dict[Ref, int] = {}

    def find(self, wanted: Iterable[Ref], new_key: Callable[[int], Sequence[int]], now: datetime) -> None:
        """Look up the targets that are not known yet; under `enforced` nobody can delete them any more.

        new_key  gives that many new keys, for promises
        """
        missing = sorted({ref for ref in wanted if ref not in self.keys})
        if not missing:
            return
        lock = Lock.REFER if self._mode == "enforced" else Lock.NONE
        self._add(self._commands.locate(self._session, missing, lock))
        absent = [ref for ref in missing if ref not in self.keys]
        if absent and self._mode == "relaxed":
            keys = new_key(len(absent))
            rows = [(key, *ref, 0, 0, now, True) for key, ref in zip(keys, absent, strict=True)]
            self._commands.promise(self._session, rows)
            # Someone else may have made the same promise at the same moment: theirs counts.
            self._add(self._commands.locate(self._session, absent, Lock.NONE))

    def hide(self, refs: Iterable[Ref], visible: Callable[[Sequence[State]], Sequence[State]]) -> None:
        """Treat those of `refs` as absent that the caller does not reach: an error must not tell that they exist.

        visible  returns those of some states that the caller reaches in whatever way
        """
        states = [self._found[ref] for ref in refs if ref in self._found]
        seen = {state.key for state in visible(states)}
        self._hidden.update((state.type, state.id) for state in states if state.key not in seen)

    def recall(self, wanted: Iterable[Ref]) -> None:
        """Look up the targets of versions that are being replaced; nothing is locked or refused for them."""
        missing = sorted(wanted)
        if missing:
            self._add(self._commands.locate(self._session, missing, Lock.NONE))

    def _add(self, states: Iterable[State]) -> None:
        for state in states:
            ref = (state.type, state.id)
            self._found[ref] = state
            self.keys[ref] = state.key

    def refuse_broken(
        self,
        reader: Reader,
        written: Iterable[tuple[Write, dict[str, Any], Sequence[Reference]]],
        versions: Mapping[Ref, int],
        deleted: Collection[Ref],
    ) -> None:
        """Raise Invalid, naming every place, when a reference leads nowhere; relaxed integrity lets everything pass.

        written   writes with their documents and the references in these
        versions  the batch's own resources -> the version they have after it
        deleted   those of them that the batch deletes
        """
        if self._mode == "relaxed":
            return
        issues: list[Issue] = []
        for write, document, references in written:
            if len(issues) < _MOST_ISSUES and any(self._fault(each, versions, deleted) for each in references):
                issues += self._issues(reader, write, document, versions, deleted)
        if issues:
            raise Invalid(issues[0].diagnostics, issues=tuple(issues[:_MOST_ISSUES]))

    def _issues(
        self,
        reader: Reader,
        write: Write,
        document: dict[str, Any],
        versions: Mapping[Ref, int],
        deleted: Collection[Ref],
    ) -> Iterator[Issue]:
        root = f"{write.label}.resource" if write.label else write.type
        for place in walk(document):
            reference = reader.understand(place.text)
            fault = "" if reference.kind in _FOREIGN else self._fault(reference, versions, deleted)
            if fault:
                yield Issue("error", "not-found", fault, f"{root}.{place.expression}")

    def _fault(self, reference: Reference, versions: Mapping[Ref, int], deleted: Collection[Ref]) -> str:
        if reference.kind is not Kind.LOCAL:
            return _LEADS_TO_CONDITION if reference.kind is Kind.CONDITIONAL else _CANNOT_BE_FOLLOWED
        ref = (reference.type, reference.id)
        if ref in deleted:
            return _LEADS_TO_DELETED
        version = versions.get(ref)
        if version is None:
            state = self._found.get(ref)
            if state is None or state.version == 0 or ref in self._hidden:
                return _LEADS_NOWHERE
            if state.deleted:
                return _LEADS_TO_DELETED
            version = state.version
        return _LEADS_TO_NO_VERSION if reference.version is not None and reference.version > version else ""


def refuse_referred(
    mode: Mode, commands: Commands, session: Session, deleted: Mapping[int, Write], *, named: bool
) -> None:
    """Raise Conflict when a living resource still refers to one that was deleted (key -> its delete).

    named  the error says of which types they are; a restricted caller may not know that they exist
    The deleter must hold FOR UPDATE on its rows before: a writer that began to refer to them has committed by then,
    and one that begins later finds them deleted.
    """
    if mode == "relaxed" or not deleted:
        return
    by_target: dict[int, list[str]] = {}
    for target, kind in commands.referrers(session, sorted(deleted)):
        by_target.setdefault(target, []).append(kind)
    for target, kinds in by_target.items():
        write = deleted[target]
        names = f" ({', '.join(kinds[:5])}{' and others' if len(kinds) > 5 else ''})" if named else ""
        raise Conflict(f"The {write.type} cannot be deleted because other resources refer to it{names}.", write.label)
