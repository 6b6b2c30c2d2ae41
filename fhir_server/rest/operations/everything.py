"""Patient/$everything: a patient, all that is in the patient's compartment, and what that refers to.

https://hl7.org/fhir/R4/patient-operation-everything.html

The caller's rights are narrowed to the compartment, and the store searches type by type within them. With `_count`
the result comes in pages; without it in one Bundle, unless it is larger than the server's limit: then there is a
next link as well. What is referred to from outside the compartment stands on the page that refers to it, as an
include, so it may stand on several pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from fhir_server.errors import BadRequest, Gone, NotFound
from fhir_server.formats import json
from fhir_server.rest.bundle import bundle, match_entry
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.message import Response
from fhir_server.rest.operation import Invocation, Operation
from fhir_server.rest.paging import PAGE
from fhir_server.rest.representation import part
from fhir_server.rest.url import Query, address
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import SearchRequest, Version
from fhir_server.storage.references import Kind, classify, walk

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_PATIENT: Final = "Patient"
_AT_ONCE: Final = 100  # ids in one look-up
_MOST_SEARCHES: Final = 1_000  # for one page: many patients without any record must not hold a request for ever
_NO_MORE: Final = "-"

Pairs = tuple[tuple[str, str], ...]
Identity = tuple[str, str]


def everything(endpoint: Endpoint, call: Invocation) -> Response:
    """Return the record of one patient, or of every patient the caller may see, as a searchset."""
    request = call.request
    path = f"{_PATIENT}/{call.id}/$everything" if call.id else f"{_PATIENT}/$everything"
    query = _query(call)
    tokens = [pair for pair in request.query if pair[0] == PAGE]
    cursor = endpoint.pager.cursor(request.access, path, [*query, *tokens])
    record = _Record(endpoint, call)
    rows, following = record.page(_Place.of(cursor) if cursor else record.first())
    links = [("self", address(endpoint.base_url, path, [*query, *tokens]))]
    if following is not None:
        next_query = endpoint.pager.next_query(request.access, path, query, str(following))
        links.append(("next", address(endpoint.base_url, path, next_query)))
    shown = [(row, "match") for row in rows] + [(row, "include") for row in record.included(rows)]
    entries = [match_entry(endpoint.base_url, row, part(row.content, request.form), mode) for row, mode in shown]
    total = len(rows) if not cursor and following is None else None
    return Response(200, {}, bundle("searchset", endpoint.now(), links, total, entries))


def _query(call: Invocation) -> Query:
    """Return the call as a query, whether it came by URL or as Parameters: links are always URLs."""
    query = [(name, str(value)) for name, values in call.arguments.items() for value in values]
    return query + [pair for pair in call.request.query if pair[0] in ANSWER_PARAMETERS]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins.

    patient  id of the patient whose record it is in
    step     0 for the patient, then one for each resource type
    inner    the store's cursor within the step, "" for its beginning
    after    the store's cursor to the next patient, "-" where there is none
    """

    patient: str
    step: int = 0
    inner: str = ""
    after: str = _NO_MORE

    @classmethod
    def of(cls, text: str) -> _Place:
        patient, step, inner, after = text.split(" ")
        return cls(patient, int(step), inner, after)

    def __str__(self) -> str:
        return f"{self.patient} {self.step} {self.inner} {self.after}"


class _Record:
    """The resources one call is about, in a fixed order."""

    def __init__(self, endpoint: Endpoint, call: Invocation) -> None:
        self._endpoint = endpoint
        self._access = call.request.access
        self._id = call.id
        self._wanted = _types(call, endpoint.definitions.resource_type_set)
        members: Mapping[str, Sequence[str]] = endpoint.definitions.compartments[_PATIENT]
        self._members = sorted(name for name, codes in members.items() if codes)
        self._steps = [name for name in self._members if self._wants(name)]
        self._since = (("_lastUpdated", f"ge{call.first('_since')}"),) if call.first("_since") else ()
        self._start, self._end = call.first("start"), call.first("end")
        count = call.first("_count")
        if count is None:
            self._room = endpoint.settings.max_bundle_entries
        else:
            self._room = max(1, endpoint.page_size(str(count)))

    def _wants(self, name: str) -> bool:
        return not self._wanted or name in self._wanted

    def first(self) -> _Place | None:
        """Return the beginning of the record. Raises NotFound, Gone where it is one patient's."""
        if not self._id:
            return self._next_patient("")
        version = self._endpoint.store.read(self._access, _PATIENT, self._id)
        if version is None:
            raise NotFound("There is no patient with this id.")
        if version.deleted:
            raise Gone("The patient was deleted.")
        return _Place(self._id)

    def _next_patient(self, after: str) -> _Place | None:
        if after == _NO_MORE:
            return None
        page = self._endpoint.store.search(self._access, SearchRequest(_PATIENT, count=1, cursor=after))
        return _Place(page.rows[0].id, after=page.next_cursor or _NO_MORE) if page.rows else None

    def page(self, place: _Place | None) -> tuple[list[Version], _Place | None]:
        """Return the resources of a page, few where they lie far apart, and where the next begins, None at the end."""
        rows: list[Version] = []
        seen: set[Identity] = set()
        searches = 0
        while place is not None:
            if searches == _MOST_SEARCHES:
                return rows, place
            searches += 1
            # Once the page is full, look ahead: a next link should lead to something.
            found, following = self._step(place, max(1, self._room - len(rows)))
            new = [row for row in found if (row.type, row.id) not in seen]
            if new and len(rows) >= self._room:
                return rows, place
            seen.update((row.type, row.id) for row in new)
            rows += new
            place = following
        return rows, None

    def _step(self, place: _Place, room: int) -> tuple[list[Version], _Place | None]:
        """Return up to `room` resources from `place` on, within its step, and the place behind them."""
        if place.step == 0:
            return self._patient(place.patient), replace(place, step=1)
        if place.step > len(self._steps):
            return [], self._next_patient(place.after)
        kind = self._steps[place.step - 1]
        page = self._endpoint.store.search(
            narrowed(self._access, place.patient),
            SearchRequest(kind, self._limits(kind), count=room, cursor=place.inner),
        )
        rows = [row for row in page.rows if (row.type, row.id) != (_PATIENT, place.patient)]
        if page.next_cursor:
            return rows, replace(place, inner=page.next_cursor)
        return rows, replace(place, step=place.step + 1, inner="")

    def _patient(self, patient: str) -> list[Version]:
        if not self._wants(_PATIENT):
            return []
        parameters = (("_id", patient), *self._since)
        return self._endpoint.store.search(self._access, SearchRequest(_PATIENT, parameters, count=1)).rows

    def _limits(self, kind: str) -> Pairs:
        """Return the parameters for `_since`, `start` and `end`; a type without a date of care has only the first."""
        date = self._endpoint.main_date(kind)
        dates: Pairs = ()
        if date and self._start:
            dates += ((date, f"ge{self._start}"),)
        if date and self._end:
            dates += ((date, f"le{self._end}"),)
        return (*self._since, *dates)

    def included(self, rows: Iterable[Version]) -> list[Version]:
        """Return what `rows` refer to outside the compartments of the record."""
        own = {(row.type, row.id) for row in rows}
        wanted: dict[str, dict[str, None]] = {}
        for row in rows:
            for place in walk(json.decode_trusted(row.content)):
                target = classify(place.text, self._endpoint.base_url)
                if target.kind is Kind.LOCAL and (target.type, target.id) not in own and self._wants(target.type):
                    wanted.setdefault(target.type, {})[target.id] = None
        patients = {row.id for row in rows if row.type == _PATIENT} | ({self._id} if self._id else set())
        found: list[Version] = []
        for kind, ids in wanted.items():
            left = [name for name in ids if not (kind == _PATIENT and name in patients)]
            if kind in self._members and self._id:
                inside = {row.id for row in self._look_up(narrowed(self._access, self._id), kind, left)}
                left = [name for name in left if name not in inside]
            found += self._look_up(self._access, kind, left)
        return found

    def _look_up(self, access: Access, kind: str, ids: Sequence[str]) -> list[Version]:
        found: list[Version] = []
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            asked = SearchRequest(kind, (("_id", ",".join(some)),), count=len(some))
            found += self._endpoint.store.search(access, asked).rows
        return found


def _types(call: Invocation, known: Collection[str]) -> frozenset[str]:
    """Return the types in `_type`; empty for all. Raises BadRequest for an unknown one."""
    texts = call.arguments.get("_type", ())
    names = frozenset(name.strip() for text in texts for name in str(text).split(","))
    if not names <= frozenset(known):
        raise BadRequest("_type names something that is no resource type of FHIR R4.", code="value")
    return names


def narrowed(access: Access, patient: str) -> Access:
    """Return what of `access` lies in the compartment of a patient.

    A grant for another compartment is left out, even where the two overlap: rather too little than too much.
    """
    compartment = (_PATIENT, patient)
    if access.is_unrestricted:
        return Access.restricted([Grant("*", frozenset({"read", "search"}), compartment)])
    inside = [grant for grant in access.grants if grant.compartment in (None, compartment)]
    return Access.restricted(Grant(grant.type, grant.interactions, compartment) for grant in inside)


EVERYTHING = Operation("Patient-everything", "The whole record of a patient", run=everything)
