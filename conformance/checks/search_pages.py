"""Pages, totals and counts of a search.

https://hl7.org/fhir/R4/search.html#count
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.samples import Resource
from conformance.searching import asked, matched, pages
from conformance.shelf import Shelf, shelf
from conformance.target import Target

_NAMES = ("n1", "n2", "n3", "n4", "n5", "n6", "n7")


def _seven(target: Target) -> Shelf:
    return shelf(target, "seven", "Patient", lambda _: {name: {"active": True} for name in _NAMES})


def _each_once(target: Target) -> None:
    for count in (1, 2, 3, 7):
        names = _seven(target).found(target, f"_count={count}")
        if sorted(names) != sorted(_NAMES):
            expect.fail(f"_count={count} and its next links give {', '.join(names)}; seven resources match")


def _sizes(target: Target) -> None:
    for page in pages(target, _seven(target).ask(target, "_count=3")):
        if (number := len(expect.matches(page))) > 3:
            expect.fail(f"a page has {number} matches although _count is 3")


def _no_count(target: Target) -> None:
    for query in ("_count=0", "_summary=count"):
        found = _seven(target).ask(target, query)
        if expect.matches(found):
            expect.fail(f"{query} gives {len(expect.matches(found))} matches")
        if found.get("total") != 7:
            expect.fail(f"{query} gives the total {found.get('total')!r}, seven resources match")
        if held := [relation for relation in ("next", "previous", "prev", "last") if expect.link(found, relation)]:
            expect.fail(f"{query} gives the link {', '.join(held)}")


def _exact(target: Target) -> None:
    for query in ("_total=accurate&_count=2", "_total=accurate"):
        found = _seven(target).ask(target, query, promised=False)
        if "total" not in found:
            raise Skipped("the server gives no total")
        if found["total"] != 7:
            expect.fail(f"{query} gives the total {found['total']!r}, seven resources match")


def _same(target: Target) -> None:
    first = _seven(target).ask(target, "_count=2&_total=accurate", promised=False)
    totals = {str(page["total"]) for page in pages(target, first) if "total" in page}
    if not totals:
        raise Skipped("the server gives no total")
    if totals != {"7"}:
        expect.fail(f"the pages give the totals {', '.join(sorted(totals))}, seven resources match")


def _hints(target: Target) -> None:
    for value in ("none", "estimate", "accurate"):
        found = _seven(target).ask(target, f"_total={value}", promised=False)
        if sorted(_seven(target).names(pages(target, found))) != sorted(_NAMES):
            expect.fail(f"_total={value} changes what is found")


def _unknown_total(target: Target) -> None:
    response = target.get(f"{target.type}?_total=perhaps&_count=1", headers={"Prefer": "handling=strict"})
    expect.refused(response)


def _bad_count(target: Target) -> None:
    for value in ("-1", "ten", "1.5"):
        response = target.get(f"{target.type}?_count={value}", headers={"Prefer": "handling=strict"})
        expect.refused(response)


def _back(target: Target) -> None:
    read = pages(target, _seven(target).ask(target, "_count=3"))
    if len(read) < 2:
        raise Skipped("the server gives one page")
    back = expect.link(read[1], "previous") or expect.link(read[1], "prev")
    if back is None:
        raise Skipped("the server gives no previous link")
    if matched(expect.bundle(target.get(back), "searchset")) != matched(read[0]):
        expect.fail("the previous link of the second page does not lead to the first")
    if expect.link(read[0], "previous"):
        expect.fail("the first page has a previous link")


def _again(target: Target) -> None:
    first = _seven(target).ask(target, "_count=3")
    url = expect.link(first, "next")
    if url is None:
        expect.fail("a search for seven resources with _count=3 has no next link")
    once, twice = (matched(expect.bundle(target.get(url), "searchset")) for _ in range(2))
    if once != twice:
        expect.fail("a next link gives other matches when it is read a second time")


def _only_matches(target: Target) -> None:
    wanted = {stored.id for stored in _seven(target).stored.values()}
    for page in pages(target, _seven(target).ask(target, "_count=2")):
        if strangers := set(matched(page)) - wanted:
            expect.fail(f"a later page holds {len(strangers)} resources that do not match")


def _posted(target: Target) -> None:
    seven = _seven(target)
    found = asked(target, "Patient", f"{seven.scope}&_count=3", promised=True, post=True)
    if sorted(seven.names(pages(target, found))) != sorted(_NAMES):
        expect.fail("a search by POST and its next links do not give the seven matches")


def _empty_page(target: Target) -> None:
    read: list[Resource] = pages(target, _seven(target).ask(target, "_count=7"))
    if len(read) > 1 and not expect.matches(read[-1]):
        target.note("the last page is empty")


_PATIENT = need.searchable("Patient")

GROUP = Group(
    "search-pages",
    "Pages and totals of a search",
    (
        Check(
            "search-pages-each-once",
            "Whatever the size of a page, the next links lead to each match once",
            "http.html#paging",
            Level.SHALL,
            _each_once,
            _PATIENT,
        ),
        Check(
            "search-pages-size",
            "No page has more matches than _count",
            "search.html#count",
            Level.SHALL,
            _sizes,
            _PATIENT,
        ),
        Check(
            "search-pages-matches",
            "Later pages hold only what matches",
            "http.html#paging",
            Level.SHALL,
            _only_matches,
            _PATIENT,
        ),
        Check(
            "search-pages-again",
            "A next link can be read a second time",
            "http.html#paging",
            Level.SHOULD,
            _again,
            _PATIENT,
        ),
        Check(
            "search-pages-previous",
            "The previous link leads back to the page before",
            "http.html#paging",
            Level.SHALL,
            _back,
            _PATIENT,
        ),
        Check(
            "search-pages-last",
            "There is no next link to an empty page",
            "http.html#paging",
            Level.SHOULD,
            _empty_page,
            _PATIENT,
        ),
        Check(
            "search-pages-post",
            "A search by POST is paged as one by GET",
            "http.html#paging",
            Level.SHALL,
            _posted,
            _PATIENT,
        ),
        Check(
            "search-pages-count-zero",
            "_count=0 and _summary=count give the total alone, without matches and links to pages",
            "search.html#count",
            Level.SHALL,
            _no_count,
            _PATIENT,
        ),
        Check(
            "search-pages-total-accurate",
            "With _total=accurate a total is exact",
            "search.html#total",
            Level.SHALL,
            _exact,
            _PATIENT,
        ),
        Check(
            "search-pages-total-same",
            "Every page tells the same total",
            "search.html#total",
            Level.SHALL,
            _same,
            _PATIENT,
        ),
        Check(
            "search-pages-total-hint",
            "_total does not change what is found",
            "search.html#total",
            Level.SHALL,
            _hints,
            _PATIENT,
        ),
        Check(
            "search-pages-bad-total",
            "A value of _total that is none is refused",
            "search.html#errors",
            Level.SHOULD,
            _unknown_total,
            (need.interactions("search-type"),),
        ),
        Check(
            "search-pages-bad-count",
            "A _count that is no whole number is refused",
            "search.html#errors",
            Level.SHOULD,
            _bad_count,
            (need.interactions("search-type"),),
        ),
    ),
)
