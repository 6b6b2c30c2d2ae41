"""Search by strings: the start of a value, case, accents, :exact and :contains.

https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.samples import Resource
from conformance.shelf import Shelf, shelf
from conformance.target import Target


def _names(target: Target) -> Shelf:
    names = {
        "eve": ("Eve", "M\u00fcller"),
        "upper": ("EVE", "MULLER"),
        "evelyn": ("Evelyn", "Muller-Lee"),
        "severine": ("S\u00e9verine", "O\u2019Hara"),
    }

    def body(given: str, family: str) -> Resource:
        return {"name": [{"family": family, "given": [given]}], "address": [{"city": f"{given} upon Test"}]}

    return shelf(target, "names", "Patient", lambda _: {key: body(*parts) for key, parts in names.items()})


def _escapes(target: Target) -> Shelf:
    families = {"comma": "A,B", "dollar": "A$B", "bar": "A|B", "slash": "A\\B", "plain": "AB"}
    return shelf(
        target, "escapes", "Patient", lambda _: {name: {"name": [{"family": f}]} for name, f in families.items()}
    )


def _start(target: Target) -> None:
    _names(target).finds(target, {"given=Eve": "eve upper? evelyn", "given=Evel": "evelyn", "given=Adam": ""})


def _not_within(target: Target) -> None:
    _names(target).finds(target, {"given=eve": "eve upper evelyn", "given=lyn": ""})


def _case(target: Target) -> None:
    _names(target).finds(target, {"given=EVELYN": "evelyn", "given=eve": "eve upper evelyn severine?"})


def _accents(target: Target) -> None:
    _names(target).finds(
        target,
        {
            "given=severine": "severine",
            "given=S\u00e9verine": "severine",
            "given=Se\u0301verine": "severine",
            "family=muller": "eve upper evelyn",
            "family=M\u00dcLLER": "eve upper evelyn",
        },
    )


def _spaces(target: Target) -> None:
    _names(target).finds(target, {"address-city=Evelyn upon": "evelyn"})


def _exact(target: Target) -> None:
    _names(target).finds(
        target,
        {
            "given:exact=Eve": "eve",
            "given:exact=EVE": "upper",
            "given:exact=Ev": "",
            "family:exact=M\u00fcller": "eve",
            "family:exact=Muller": "",
        },
        promised=False,
    )


def _contains(target: Target) -> None:
    _names(target).finds(
        target,
        {"given:contains=eve": "eve upper evelyn severine", "given:contains=LYN": "evelyn", "given:contains=xyz": ""},
        promised=False,
    )


def _or(target: Target) -> None:
    _names(target).finds(target, {"given=Evelyn,S\u00e9verine": "evelyn severine"})


def _or_modified(target: Target) -> None:
    _names(target).finds(target, {"given:exact=Eve,Evelyn": "eve evelyn"}, promised=False)


def _and(target: Target) -> None:
    _names(target).finds(target, {"given=Evelyn&family=Muller": "evelyn", "given=Evelyn&given=S\u00e9verine": ""})


def _parts(target: Target) -> None:
    _names(target).finds(target, {"name=Evelyn": "evelyn", "name=Muller-Lee": "evelyn eve? upper?"})


def _part_of_family(target: Target) -> None:
    def bodies(_: Target) -> dict[str, Resource]:
        return {"two": {"name": [{"family": "Carreno Quinones"}]}, "one": {"name": [{"family": "Quintero"}]}}

    shelf(target, "families", "Patient", bodies).finds(target, {"family=Carreno": "two", "family=Quinones": "two"})


def _escaping(target: Target) -> None:
    _escapes(target).finds(
        target,
        {
            "family:exact=A\\,B": "comma",
            "family:exact=A\\$B": "dollar",
            "family:exact=A\\|B": "bar",
            "family:exact=A\\\\B": "slash",
            "family:exact=A\\,B,AB": "comma plain",
            "family:exact=A,B": "",
        },
        promised=False,
    )


_NAMES = need.searchable("Patient", "given", "family")

GROUP = Group(
    "search-string",
    "Search by string",
    (
        Check(
            "search-string-start",
            "A string matches values that equal it or start with it",
            "search.html#string",
            Level.SHALL,
            _start,
            _NAMES,
        ),
        Check(
            "search-string-not-within",
            "A string does not match within a word without :contains",
            "search.html#string",
            Level.SHOULD,
            _not_within,
            _NAMES,
        ),
        Check(
            "search-string-case",
            "A string matches whatever its case",
            "search.html#string",
            Level.SHOULD,
            _case,
            _NAMES,
        ),
        Check(
            "search-string-accents",
            "A string matches whatever its accents, composed or not",
            "search.html#string",
            Level.SHOULD,
            _accents,
            _NAMES,
        ),
        Check(
            "search-string-spaces",
            "A string may hold spaces",
            "search.html#ptypes",
            Level.SHALL,
            _spaces,
            need.searchable("Patient", "given", "address-city"),
        ),
        Check(
            "search-string-exact",
            ":exact matches the entire value with its case and accents",
            "search.html#string",
            Level.SHALL,
            _exact,
            _NAMES,
        ),
        Check(
            "search-string-contains",
            ":contains matches anywhere in the value, whatever the case and the accents",
            "search.html#string",
            Level.SHALL,
            _contains,
            _NAMES,
        ),
        Check(
            "search-string-or",
            "Strings can be joined by a comma",
            "search.html#combining",
            Level.SHALL,
            _or,
            _NAMES,
        ),
        Check(
            "search-string-or-modified",
            "Values of a parameter with a modifier can be joined by a comma",
            "search.html#combining",
            Level.SHALL,
            _or_modified,
            _NAMES,
        ),
        Check(
            "search-string-and",
            "Different parameters and repeated ones are joined with AND",
            "search.html#combining",
            Level.SHALL,
            _and,
            _NAMES,
        ),
        Check(
            "search-string-name",
            "A parameter of type HumanName covers its parts",
            "search.html#string",
            Level.SHALL,
            _parts,
            need.searchable("Patient", "given", "name"),
        ),
        Check(
            "search-string-family-parts",
            "The parts of a family name are searched independently",
            "search.html#string",
            Level.SHOULD,
            _part_of_family,
            _NAMES,
        ),
        Check(
            "search-string-escaping",
            "A backslash makes a separator part of the value",
            "search.html#escaping",
            Level.SHALL,
            _escaping,
            _NAMES,
        ),
    ),
)
