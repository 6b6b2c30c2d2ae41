"""References between the entries of a transaction, and conditional references, turned into Type/id.

https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references

Two passes. The first needs no database and is done before the transaction begins: what an entry creates has its id
already. The second runs inside the transaction, only where it is needed: criteria are looked up, and a conditional
create that found its resource puts that one's id in the place of the proposed one.

References are exchanged in the documents themselves, for nothing is as quick, and put back by `restore`: whoever
handed the Bundle over finds it as it was, and may try again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, FhirError, MultipleMatches
from fhir_server.rest.change import Change, Pairs, criteria_in, guard_key
from fhir_server.rest.outcome import within
from fhir_server.rest.places import look
from fhir_server.storage.references import Kind, classify, rewrite, walk
from fhir_server.storage.repository import WriteUnit

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

Document = dict[str, Any]
_RESTFUL = re.compile(r"(https?://.+/)[A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_ENTRY_URNS = ("urn:uuid:", "urn:oid:")


class Links:
    """The references of one transaction."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._base_url = endpoint.base_url
        self._targets: dict[str, str] = {}  # fullUrl -> "Type/id"
        self._uncertain: set[str] = set()  # "Type/id" that may turn out to be another id
        self._conditional: dict[str, tuple[str, Pairs]] = {}  # text -> type, criteria
        self._originals: list[tuple[Document, str]] = []  # objects whose reference was exchanged, and what it was
        self._late: dict[int, list[tuple[Document, str]]] = {}  # change -> objects for the second pass, with texts
        self._nested: set[int] = set()  # changes with a Bundle inside: only the typed walk knows its way there
        self._settled: dict[str, str] = {}  # second pass: text -> "Type/id"
        self._unit: WriteUnit | None = None

    def target(self, full_url: str, change: Change) -> None:
        """Note what a fullUrl stands for."""
        reference = f"{change.type}/{change.id}"
        self._targets[full_url] = reference
        if change.criteria is not None:
            self._uncertain.add(reference)

    def first_pass(self, index: int, change: Change, full_url: str) -> None:
        """Resolve what can be resolved without the database in the document of change number `index`.

        Raises BadRequest for a reference by URN to an entry that is not there.
        """
        document = change.document
        if document is None:
            return
        root = _root(full_url)
        found = look(document, self._targets)
        if found.elsewhere or found.nested:
            document = change.document = rewrite(document, lambda text: self._target(text, root))
            found = look(document, self._targets)
        if found.nested:
            self._nested.add(index)
            for place in walk(document):
                self._is_conditional(place.text)
        else:
            self._exchange(index, found.holders, root)
        if any(holder["reference"].startswith(_ENTRY_URNS) for holder in found.holders):
            _refuse_strangers(document)

    def _exchange(self, index: int, holders: Sequence[Document], root: str) -> None:
        for holder in holders:
            text = holder["reference"]
            target = self._target(text, root)
            if target is not None:
                self._originals.append((holder, text))
                holder["reference"] = target
                if target in self._uncertain:
                    self._late.setdefault(index, []).append((holder, target))
            elif self._is_conditional(text):
                self._originals.append((holder, text))
                self._late.setdefault(index, []).append((holder, text))

    def _target(self, text: str, root: str) -> str | None:
        """Return "Type/id" of the entry that a text means, None where it means none."""
        found = self._targets.get(text)
        return self._targets.get(root + text) if found is None and root else found

    def _is_conditional(self, text: str) -> bool:
        """Tell whether a reference is to be looked up, and note its criteria."""
        if "?" not in text:
            return False
        if text not in self._conditional:
            reference = classify(text, self._base_url)
            if reference.kind is not Kind.CONDITIONAL:
                return False
            self._conditional[text] = (reference.type, criteria_in(reference.criteria, "A conditional reference"))
        return True

    def patched(self, change: Change, full_url: str) -> None:
        """Let both passes follow the edit of a patch: only then is its document known."""
        edit = change.edit
        if edit is None:
            return
        root = _root(full_url)

        def settled(document: Document) -> Document:
            new = rewrite(edit(document), lambda text: self._target(text, root))
            for place in walk(new):
                self._is_conditional(place.text)
            return rewrite(new, self._settle)

        change.edit = settled

    def second_pass(self, unit: WriteUnit, changes: Sequence[Change], ids: Sequence[str]) -> list[Document | None]:
        """Return the documents of `changes` with every reference resolved, given the id each change turned out to mean.

        Raises BadRequest and MultipleMatches for conditional references without exactly one match.
        """
        self._unit = unit
        self._settled = {
            f"{change.type}/{change.id}": f"{change.type}/{resource_id}"
            for change, resource_id in zip(changes, ids, strict=True)
            if change.id != resource_id
        }
        self._adopt(changes, ids)
        documents = [change.document for change in changes]
        for index in (*self._late, *self._nested):
            try:
                for holder, text in self._late.get(index, ()):
                    holder["reference"] = self._settle(text) or text
                document = documents[index]
                if index in self._nested and document is not None:
                    documents[index] = rewrite(document, self._settle)
            except FhirError as error:
                raise within(error, changes[index].label) from None
        return documents

    def _adopt(self, changes: Sequence[Change], ids: Sequence[str]) -> None:
        """Let a conditional reference with the very condition of an entry mean what that creates or finds."""
        if not self._conditional:
            return
        made = {
            guard_key(change.type, change.criteria): f"{change.type}/{resource_id}"
            for change, resource_id in zip(changes, ids, strict=True)
            if change.method in ("create", "update") and change.criteria is not None
        }
        for text, wanted in self._conditional.items() if made else ():
            found = made.get(guard_key(*wanted))
            if found is not None:
                self._settled[text] = found

    def _settle(self, text: str) -> str | None:
        """Return what a text becomes in the second pass, None where it stays."""
        found = self._settled.get(text)
        if found is not None:
            return found
        wanted = self._conditional.get(text)
        if wanted is None or self._unit is None:
            return None
        resource_type, criteria = wanted
        matches = self._unit.match(resource_type, criteria, limit=2)
        if not matches:
            raise BadRequest(f"A conditional reference to {resource_type} matches no resource.")
        if len(matches) > 1:
            raise MultipleMatches(f"A conditional reference to {resource_type} matches several resources.")
        found = self._settled[text] = f"{resource_type}/{matches[0].id}"
        return found

    def restore(self) -> None:
        """Put every reference back as it was."""
        for holder, text in self._originals:
            holder["reference"] = text


def _root(full_url: str) -> str:
    """Return what relative references of an entry are relative to; "" where its fullUrl is no address."""
    restful = _RESTFUL.fullmatch(full_url) if full_url.startswith("http") else None
    return restful.group(1) if restful else ""


def _refuse_strangers(document: Document) -> None:
    """Refuse a reference by URN to an entry that is not there. Elsewhere a URN may stand for itself."""
    for place in walk(document):
        if place.text.startswith(_ENTRY_URNS):
            raise BadRequest(
                "No entry of the Bundle has the fullUrl that this reference names.",
                f"{document['resourceType']}.{place.expression}",
            )
