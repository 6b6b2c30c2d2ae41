"""_sort, and pages of sorted searches.

https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from conformance import expect
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.samples import Resource
from conformance.searching import pages
from conformance.shelf import Shelf, shelf
from conformance.target import Target

_BORN = {"c": "1983-04-01", "a": "1981-02-03", "e": "1985", "b": "1981-02-03", "d": "1984-07"}
_GIVEN = {"a": "Mia", "b": "Lou", "c": "Kim", "d": "Jan", "e": "Ida"}
_FAMILY = {"a": "Alder", "b": "birch", "c": "Cedar", "d": "elder", "e": "Fir"}


def _sorted_people(target: Target) -> Shelf:
    """Return patients made in another order than that of their birth dates; a and b were born on one day."""

    def body(name: str, born: str) -> Resource:
        return {"name": [{"family": _FAMILY[name], "given": [_GIVEN[name]]}], "birthDate": born}

    return shelf(target, "sorted", "Patient", lambda _: {name: body(name, born) for name, born in _BORN.items()})


def _partly(target: Target) -> Shelf:
    """Return patients of which some have no birth date, and two given names each."""
    return shelf(
        target,
        "partly",
        "Patient",
        lambda _: {
            "early": {"birthDate": "1950-01-01", "name": [{"given": ["Zoe", "Bea"]}]},
            "none": {"active": True},
            "late": {"birthDate": "1990-01-01", "name": [{"given": ["Cleo", "Yana"]}]},
            "neither": {"active": True},
        },
    )


def _in_order(target: Target, query: str, *orders: str) -> None:
    """Make sure that a sorted search finds all in one of these orders."""
    found = _sorted_people(target).found(target, query, promised=False)
    if "".join(found) not in orders:
        expect.fail(f"Patient?{query} finds {', '.join(found)}, expected the order {' or '.join(orders)}")


def _up(target: Target) -> None:
    _in_order(target, "_sort=birthdate", "abcde", "bacde")


def _down(target: Target) -> None:
    _in_order(target, "_sort=-birthdate", "edcab", "edcba")


def _two_keys(target: Target) -> None:
    _in_order(target, "_sort=birthdate,given", "bacde")
    _in_order(target, "_sort=birthdate,-given", "abcde")
    _in_order(target, "_sort=-birthdate,given", "edcba")


def _ignoring_case(target: Target) -> None:
    _in_order(target, "_sort=family", "abcde")
    _in_order(target, "_sort=-family", "edcba")


def _by_last_updated(target: Target) -> None:
    for sort, reverse in (("_lastUpdated", False), ("-_lastUpdated", True)):
        found = _sorted_people(target).ask(target, f"_sort={sort}", promised=False)
        times = [expect.meta(entry["resource"], "lastUpdated") for entry in expect.matches(found)]
        if times != sorted(times, reverse=reverse):
            expect.fail(f"_sort={sort} gives {', '.join(times)}")


def _missing(target: Target) -> None:
    for sort in ("birthdate", "-birthdate"):
        found = _partly(target).found(target, f"_sort={sort}", promised=False)
        if sorted(found) != ["early", "late", "neither", "none"]:
            expect.fail(f"_sort={sort} finds {', '.join(found)}; resources without a birth date match, too")


def _missing_order(target: Target) -> None:
    for sort, wanted in (("birthdate", ["early", "late"]), ("-birthdate", ["late", "early"])):
        found = _partly(target).found(target, f"_sort={sort}", promised=False)
        if [name for name in found if name in wanted] != wanted:
            expect.fail(f"_sort={sort} finds {', '.join(found)}")
        if found[:2] != wanted and found[2:] != wanted:
            expect.fail(f"_sort={sort} places resources without a value among the others: {', '.join(found)}")


def _repeated(target: Target) -> None:
    for sort, wanted in (("given", ["early", "late"]), ("-given", ["early", "late"])):
        found = _partly(target).found(target, f"_sort={sort}", promised=False)
        if [name for name in found if name in wanted] != wanted:
            expect.fail(f"_sort={sort} finds {', '.join(found)}; the value that comes first in that order counts")


def _paged(target: Target) -> None:
    for query in ("_sort=birthdate&_count=2", "_sort=-birthdate&_count=1", "_sort=birthdate,-given&_count=3"):
        names = _sorted_people(target).found(target, query, promised=False)
        if sorted(names) != ["a", "b", "c", "d", "e"]:
            expect.fail(f"{query} and its next links find {', '.join(names)}")
        born = [_BORN[name] for name in names]
        if born not in (sorted(born), sorted(born, reverse=True)):
            target.note(f"{query} and its next links give the order {', '.join(names)}")


def _paged_missing(target: Target) -> None:
    for sort in ("birthdate", "-birthdate", "birthdate,-given"):
        names = _partly(target).found(target, f"_sort={sort}&_count=1", promised=False)
        if sorted(names) != ["early", "late", "neither", "none"]:
            expect.fail(f"_sort={sort}&_count=1 and its next links find {', '.join(names)}")


def _drift(target: Target) -> None:
    """While pages are read, one match is changed and one is added; the others appear once each."""
    value = target.samples.value()
    mark = [target.samples.identifier(value)]
    made = [target.create(target.samples.of("Patient", identifier=mark, birthDate=f"197{n}-01-01")) for n in range(5)]
    criteria = target.criteria(value)
    target.found("Patient", criteria, len(made))
    first = expect.bundle(target.get(f"Patient?{criteria}&_sort=birthdate&_count=2"), "searchset")
    target.update(made[0], birthDate="1979-01-01")
    target.create(target.samples.of("Patient", identifier=mark, birthDate="1960-01-01"))
    seen = [entry["resource"].get("id") for page in pages(target, first) for entry in expect.matches(page)]
    still = [one.id for one in made[1:]]
    if twice := [id_ for id_ in still if seen.count(id_) > 1]:
        expect.fail(f"{len(twice)} matches that did not change stand on two pages")
    if missing := [id_ for id_ in still if id_ not in seen]:
        expect.fail(f"{len(missing)} matches that did not change stand on no page")


def _latest(target: Target) -> None:
    found = _sorted_people(target).ask(target, "_sort=-birthdate&_count=1", promised=False)
    if (names := _sorted_people(target).names([found])) != ["e"]:
        expect.fail(f"the first page of one match holds {names}, expected the last born, e")


def _unknown(target: Target) -> None:
    query = "Patient?_sort=conformance-no-such-parameter&_count=1"
    response = target.get(query, headers={"Prefer": "handling=strict"})
    expect.refused(response)
    expect.outcome(response)


_SORT = need.searchable("Patient", "birthdate", "family", "given")

GROUP = Group(
    "search-sort",
    "Sorted searches",
    (
        Check(
            "search-sort-up",
            "_sort orders the matches by a parameter",
            "search.html#sort",
            Level.SHOULD,
            _up,
            _SORT,
        ),
        Check(
            "search-sort-down",
            "A hyphen before the parameter reverses the order",
            "search.html#sort",
            Level.SHOULD,
            _down,
            _SORT,
        ),
        Check(
            "search-sort-keys",
            "Several parameters are applied in their order, each in its direction",
            "search.html#sort",
            Level.SHOULD,
            _two_keys,
            _SORT,
        ),
        Check(
            "search-sort-case",
            "Strings are sorted whatever their case",
            "search.html#sort",
            Level.SHOULD,
            _ignoring_case,
            _SORT,
        ),
        Check(
            "search-sort-last-updated",
            "_sort takes _lastUpdated",
            "search.html#sort",
            Level.SHOULD,
            _by_last_updated,
            _SORT,
        ),
        Check(
            "search-sort-missing",
            "A sort hides no match that has no value for it",
            "search.html#sort",
            Level.SHALL,
            _missing,
            _SORT,
        ),
        Check(
            "search-sort-missing-order",
            "Matches without a value are not sorted among the others",
            "search.html#sort",
            Level.SHOULD,
            _missing_order,
            _SORT,
        ),
        Check(
            "search-sort-repeated",
            "Of several values the one counts that comes first in the order asked for",
            "search.html#sort",
            Level.SHOULD,
            _repeated,
            _SORT,
        ),
        Check(
            "search-sort-latest",
            "_sort and _count=1 give the latest match",
            "search.html#count",
            Level.SHOULD,
            _latest,
            _SORT,
        ),
        Check(
            "search-sort-paging",
            "The next links of a sorted search lead through all matches, each once",
            "http.html#paging",
            Level.SHALL,
            _paged,
            _SORT,
        ),
        Check(
            "search-sort-paging-missing",
            "The next links of a sorted search lead also to matches without a value",
            "http.html#paging",
            Level.SHALL,
            _paged_missing,
            _SORT,
        ),
        Check(
            "search-sort-paging-drift",
            "Writes between two sorted pages neither repeat nor hide a match that did not change",
            "search.html#currency",
            Level.SHOULD,
            _drift,
            (*_SORT, *need.searchable("Patient", "identifier"), need.interactions("update", of="Patient")),
        ),
        Check(
            "search-sort-unknown",
            "A sort by what is no parameter is refused with handling=strict",
            "search.html#errors",
            Level.SHOULD,
            _unknown,
            (need.interactions("search-type", of="Patient"),),
        ),
    ),
)
