"""_summary and _elements, on read and on search.

https://hl7.org/fhir/R4/search.html#summary
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.r4 import SUBSETTED
from conformance.samples import BEYOND_SUMMARY, Resource
from conformance.target import Stored, Target

_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Conformance suite</div>'


def _with_text(target: Target) -> Stored:
    return target.create(target.samples.person(text={"status": "generated", "div": _DIV}))


def _asked(target: Target, stored: Stored, query: str) -> Resource:
    found = expect.resource(target.get(f"{stored.path}?{query}"), stored.type)
    if found.get("id") != stored.id:
        expect.fail(f"the resource has the id {found.get('id')!r}")
    return found


def _marked(found: Resource) -> None:
    tags = found.get("meta", {}).get("tag", [])
    if not any(tag.get("code") == SUBSETTED for tag in tags):
        expect.fail("the subset is not marked with the tag SUBSETTED")


def _lacks(found: Resource, *names: str) -> None:
    if held := [name for name in names if name in found]:
        expect.fail(f"{', '.join(held)} should not be there")


def _has(found: Resource, *names: str) -> None:
    if missing := [name for name in names if name not in found]:
        expect.fail(f"{', '.join(missing)} is missing")


def _true(target: Target) -> None:
    found = _asked(target, _with_text(target), "_summary=true")
    _has(found, "identifier", "active", "name")
    _lacks(found, "text", BEYOND_SUMMARY[target.type])
    _marked(found)


def _text(target: Target) -> None:
    found = _asked(target, _with_text(target), "_summary=text")
    _has(found, "meta")
    _lacks(found, "identifier", "telecom", "address")
    if "text" not in found:
        target.note("the narrative is missing; a server may replace or drop narratives")
    _marked(found)


def _data(target: Target) -> None:
    found = _asked(target, _with_text(target), "_summary=data")
    _has(found, "identifier", "telecom", BEYOND_SUMMARY[target.type])
    _lacks(found, "text")
    _marked(found)


def _false(target: Target) -> None:
    found = _asked(target, _with_text(target), "_summary=false")
    _has(found, "identifier", "telecom", BEYOND_SUMMARY[target.type])
    if any(tag.get("code") == SUBSETTED for tag in found["meta"].get("tag", [])):
        expect.fail("a whole resource is marked with the tag SUBSETTED")


def _not_stored(target: Target) -> None:
    stored = _with_text(target)
    _asked(target, stored, "_summary=true")
    _asked(target, stored, "_elements=identifier")
    found = target.read(stored).resource
    _has(found, "telecom", BEYOND_SUMMARY[target.type])
    if any(tag.get("code") == SUBSETTED for tag in found["meta"].get("tag", [])):
        expect.fail("the tag SUBSETTED is now on the whole resource")


def _elements(target: Target) -> None:
    found = _asked(target, _with_text(target), "_elements=identifier,active")
    _has(found, "identifier", "active")
    _lacks(found, "telecom", "address", "text")
    _marked(found)


def _search(target: Target, query: str) -> Resource:
    stored = _with_text(target)
    criteria = target.criteria(target.value_of(stored))
    if len(target.found(target.type, criteria, 1)) != 1:
        raise Skipped("the resource is not found by its identifier")
    return expect.bundle(target.get(f"{target.type}?{criteria}&{query}"), "searchset")


def _search_count(target: Target) -> None:
    found = _search(target, "_summary=count")
    if found.get("total") != 1 or expect.matches(found):
        expect.fail(f"_summary=count gives total {found.get('total')!r} and {len(expect.entries(found))} entries")


def _search_count_zero(target: Target) -> None:
    found = _search(target, "_count=0")
    if found.get("total") != 1 or expect.matches(found):
        expect.fail(f"_count=0 gives total {found.get('total')!r} and {len(expect.entries(found))} entries")


def _search_true(target: Target) -> None:
    (entry,) = expect.matches(_search(target, "_summary=true"))
    _has(entry["resource"], "identifier", "active")
    _lacks(entry["resource"], BEYOND_SUMMARY[target.type], "text")
    _marked(entry["resource"])


def _search_elements(target: Target) -> None:
    (entry,) = expect.matches(_search(target, "_elements=identifier"))
    _has(entry["resource"], "identifier", "id")
    _lacks(entry["resource"], "telecom", "address", "text")
    _marked(entry["resource"])


def _mandatory(target: Target) -> None:
    stored = target.create(target.samples.of("Observation"))
    for query in ("_elements=effectiveDateTime", "_elements=effective", "_summary=text"):
        found = _asked(target, stored, query)
        if "valueQuantity" not in found:
            _has(found, "status", "code")


def _search_text(target: Target) -> None:
    (entry,) = expect.matches(_search(target, "_summary=text"))
    _has(entry["resource"], "id", "meta")
    _lacks(entry["resource"], "telecom", "address", BEYOND_SUMMARY[target.type])


_CREATE = (need.interactions("create", "read"),)
_SEARCH = (need.interactions("create", "read", "search-type"), need.search_param("identifier"))

GROUP = Group(
    "summary",
    "_summary and _elements",
    (
        Check(
            "summary-true",
            "_summary=true returns the summary elements only, marked SUBSETTED",
            "search.html#summary",
            Level.SHOULD,
            _true,
            _CREATE,
        ),
        Check(
            "summary-text",
            "_summary=text returns the narrative, id and meta only, marked SUBSETTED",
            "search.html#summary",
            Level.SHOULD,
            _text,
            _CREATE,
        ),
        Check(
            "summary-data",
            "_summary=data leaves out the narrative, marked SUBSETTED",
            "search.html#summary",
            Level.SHOULD,
            _data,
            _CREATE,
        ),
        Check(
            "summary-false",
            "_summary=false returns everything",
            "search.html#summary",
            Level.SHALL,
            _false,
            _CREATE,
        ),
        Check(
            "summary-not-stored",
            "A subset does not change what is stored",
            "search.html#summary",
            Level.SHALL,
            _not_stored,
            _CREATE,
        ),
        Check(
            "summary-elements",
            "_elements returns the elements that it names and mandatory ones, marked SUBSETTED",
            "search.html#elements",
            Level.SHOULD,
            _elements,
            _CREATE,
        ),
        Check(
            "summary-search-count",
            "_summary=count returns the number of matches without entries",
            "search.html#summary",
            Level.SHOULD,
            _search_count,
            _SEARCH,
        ),
        Check(
            "summary-search-count-zero",
            "_count=0 is treated as _summary=count",
            "search.html#count",
            Level.SHALL,
            _search_count_zero,
            _SEARCH,
        ),
        Check(
            "summary-search-true",
            "_summary=true makes summaries of the matches of a search",
            "search.html#summary",
            Level.SHOULD,
            _search_true,
            _SEARCH,
        ),
        Check(
            "summary-search-elements",
            "_elements applies to the matches of a search",
            "search.html#elements",
            Level.SHOULD,
            _search_elements,
            _SEARCH,
        ),
        Check(
            "summary-mandatory",
            "A subset keeps the mandatory elements",
            "search.html#elements",
            Level.SHOULD,
            _mandatory,
            (need.interactions("create", "read", of="Observation"),),
        ),
        Check(
            "summary-search-text",
            "_summary=text applies to the matches of a search",
            "search.html#summary",
            Level.SHOULD,
            _search_text,
            _SEARCH,
        ),
    ),
)
