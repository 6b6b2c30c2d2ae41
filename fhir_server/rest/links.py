"""References between the entries of a transaction, and conditional references, turned into Type/id.

https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references

Two passes. The first needs no database and is done before the transaction begins: what an entry creates has its id
already. The second runs inside the transaction, only on documents that need it: criteria are looked up, and a
conditional create that found its resource puts that one's id in the place of the proposed one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, FhirError, MultipleMatches
from fhir_server.rest.change import Change, Pairs, criteria_in, guard_key
from fhir_server.rest.outcome import within
from fhir_server.storage.references import Kind, classify, rewrite, walk
from fhir_server.storage.repository import WriteUnit

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_RESTFUL = re.compile(r"(https?://.+/)[A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_ENTRY_URNS = ("urn:uuid:", "urn:oid:")


class Links:
    """The references of one transaction."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._base_url = endpoint.base_url
        self._targets: dict[str, str] = {}  # fullUrl -> "Type/id"
        self._uncertain: set[str] = set()  # "Type/id" that may turn out to be another id
        self._conditional: dict[str, tuple[str, Pairs]] = {}  # text -> type, criteria
        self._late: set[int] = set()  # changes whose documents need the second pass
        self._settled: dict[str, str] = {}  # second pass: text -> "Type/id"
        self._unit: WriteUnit | None = None

    def target(self, full_url: str, change: Change) -> None:
        """Note what a fullUrl stands for."""
        reference = f"{change.type}/{change.id}"
        self._targets[full_url] = reference
        if change.criteria is not None:
            self._uncertain.add(reference)

    def first_pass(self, index: int, change: Change, full_url: str) -> None:
        """Resolve what can be resolved without the database in the document of change number `index`."""
        if change.document is None:
            return
        found = _Pass(self, full_url)
        change.document = rewrite(change.document, found.replace)
        if found.late:
            self._late.add(index)
        if found.strangers:
            _refuse_strangers(change.document)

    def patched(self, change: Change, full_url: str) -> None:
        """Let both passes follow the edit of a patch: only then is its document known."""
        edit = change.edit
        if edit is None:
            return

        def settled(document: dict[str, Any]) -> dict[str, Any]:
            new = rewrite(edit(document), _Pass(self, full_url).replace)
            return rewrite(new, self._settle)

        change.edit = settled

    def second_pass(
        self, unit: WriteUnit, changes: Sequence[Change], ids: Sequence[str]
    ) -> list[dict[str, Any] | None]:
        """Return the documents of `changes` with every reference resolved, given the id each change turned out to mean.

        Raises BadRequest and MultipleMatches for conditional references without exactly one match.
        """
        self._unit = unit
        self._settled = {
            f"{change.type}/{change.id}": f"{change.type}/{resource_id}"
            for change, resource_id in zip(changes, ids, strict=True)
            if change.id != resource_id
        }
        for change, resource_id in zip(changes, ids, strict=True):
            if change.method == "create" and change.criteria is not None:
                # A conditional reference with the very condition of a create means what that creates or finds.
                key = guard_key(change.type, change.criteria)
                for text, (resource_type, criteria) in self._conditional.items():
                    if guard_key(resource_type, criteria) == key:
                        self._settled[text] = f"{change.type}/{resource_id}"
        return [
            self._finished(change.label, change.document) if index in self._late else change.document
            for index, change in enumerate(changes)
        ]

    def _finished(self, label: str, document: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            return None if document is None else rewrite(document, self._settle)
        except FhirError as error:
            raise within(error, label) from None

    def _settle(self, text: str) -> str | None:
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


def _refuse_strangers(document: dict[str, Any]) -> None:
    """Refuse a reference by URN to an entry that is not there. Elsewhere a URN may stand for itself."""
    for place in walk(document):
        if place.text.startswith(_ENTRY_URNS):
            raise BadRequest(
                "No entry of the Bundle has the fullUrl that this reference names.",
                f"{document['resourceType']}.{place.expression}",
            )


class _Pass:
    """The first pass over one document."""

    def __init__(self, links: Links, full_url: str) -> None:
        self._links = links
        self._targets = links._targets
        restful = _RESTFUL.fullmatch(full_url) if full_url.startswith("http") else None
        self._root = restful.group(1) if restful else ""
        self.late = False
        self.strangers = False

    def replace(self, text: str) -> str | None:
        """Return what a reference text becomes; None leaves it."""
        found = self._targets.get(text)
        if found is None and self._root:
            found = self._targets.get(self._root + text)
        if found is not None:
            if found in self._links._uncertain:
                self.late = True
            return found
        if text.startswith(_ENTRY_URNS):
            self.strangers = True
        elif "?" in text:
            self._conditional(text)
        return None

    def _conditional(self, text: str) -> None:
        if text not in self._links._conditional:
            reference = classify(text, self._links._base_url)
            if reference.kind is not Kind.CONDITIONAL:
                return
            criteria = criteria_in(reference.criteria, "A conditional reference")
            self._links._conditional[text] = (reference.type, criteria)
        self.late = True
