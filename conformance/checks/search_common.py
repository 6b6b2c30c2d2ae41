"""Parameters that all resources share: the parts of meta, texts, lists and filters.

https://hl7.org/fhir/R4/search.html#all
"""

from __future__ import annotations

from conformance import expect, graph
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.samples import Resource
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target

_PROFILE = "http://hl7.org/fhir/StructureDefinition/Patient"
_LABELS = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def _marked(target: Target) -> Shelf:
    """Return patients that differ in their meta and their narratives."""
    source = _source(target)
    word = _word(target)
    text = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>A note about {word}brook and more</p></div>'
    return shelf(
        target,
        "marked",
        "Patient",
        lambda _: {
            "marked": {
                "meta": {
                    "source": source,
                    "profile": [_PROFILE],
                    "security": [{"system": _LABELS, "code": "L"}],
                    "tag": [{"system": "http://example.org/tags", "code": "review"}],
                },
                "text": {"status": "generated", "div": text},
                "active": True,
            },
            "plain": {"active": True, "contact": [{"name": {"family": f"{word}field"}}]},
        },
    )


def _source(target: Target) -> str:
    return f"http://example.org/{target.run.short}/source"


def _word(target: Target) -> str:
    """Return a word of letters alone that no other run uses."""
    return "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in target.run.short[2:])


def _finds(target: Target, parameter: str, wanted: dict[str, str]) -> None:
    """Search by a common parameter: it need not be offered unless it is claimed."""
    claimed = target.claims.search_type("Patient", parameter) is not None
    _marked(target).finds(target, wanted, promised=claimed)


def _tag(target: Target) -> None:
    _finds(
        target,
        "_tag",
        {
            "_tag=http://example.org/tags|review": "marked",
            "_tag=review": "marked",
            "_tag=http://example.org/tags|": "marked",
            "_tag=|review": "",
        },
    )


def _tag_not(target: Target) -> None:
    _marked(target).finds(target, {"_tag:not=http://example.org/tags|review": "plain"}, promised=False)


def _profile(target: Target) -> None:
    _finds(target, "_profile", {f"_profile={_PROFILE}": "marked", f"_profile={_PROFILE}-other": ""})


def _security(target: Target) -> None:
    _finds(target, "_security", {f"_security={_LABELS}|L": "marked", "_security=no-such-label": ""})


def _sources(target: Target) -> None:
    if "source" not in target.read(_marked(target).stored["marked"]).resource.get("meta", {}):
        raise Skipped("the server does not keep meta.source")
    _finds(target, "_source", {f"_source={_source(target)}": "marked", f"_source={_source(target)}x": ""})


def _ids(target: Target) -> None:
    marked, plain = _marked(target).id("marked"), _marked(target).id("plain")
    _marked(target).finds(target, {f"_id={marked}": "marked", f"_id={marked},{plain},no-such-id": "marked plain"})


def _last_updated(target: Target) -> None:
    year = expect.meta(_marked(target).stored["marked"].resource, "lastUpdated")[:4]
    _finds(
        target,
        "_lastUpdated",
        {
            f"_lastUpdated=ge{year}": "marked plain",
            f"_lastUpdated=le{int(year) + 1}": "marked plain",
            f"_lastUpdated=gt{int(year) + 1}": "",
            f"_lastUpdated=lt{int(year) - 1}": "",
        },
    )


def _texts(target: Target) -> None:
    stored = target.read(_marked(target).stored["marked"]).resource
    if f"{_word(target)}brook" not in str(stored.get("text")):
        raise Skipped("the server does not keep the narrative that it was sent")
    _finds(target, "_text", {f"_text={_word(target)}brook": "marked", f"_text={_word(target)}hill": ""})


def _contents(target: Target) -> None:
    _finds(target, "_content", {f"_content={_word(target)}field": "plain", f"_content={_word(target)}hill": ""})


def _listed(target: Target) -> None:
    def bodies(target: Target) -> Bodies:
        people = graph.patients(target)
        entries = [{"item": {"reference": people.path(name)}} for name in ("ann", "bob")]
        listed: Resource = {"status": "current", "mode": "working", "entry": entries}
        return {"list": listed}

    lists = shelf(target, "lists", "List", bodies)
    claimed = target.claims.search_type("Patient", "_list") is not None
    graph.patients(target).finds(
        target,
        {f"_list={lists.id('list')}": "ann bob", f"_list={lists.id('list')}&gender=male": "bob"},
        promised=claimed,
    )


def _filter(target: Target) -> None:
    _finds(
        target,
        "_filter",
        {
            "_filter=active eq true": "marked plain",
            "_filter=active eq true and _tag eq http://example.org/tags|review": "marked",
            "_filter=not (_tag eq http://example.org/tags|review)": "plain",
            "_filter=active eq false": "",
        },
    )


def _query(target: Target) -> None:
    response = target.get(f"{target.type}?_query=conformance-no-such-query")
    expect.refused(response)


_PATIENT = need.searchable("Patient")

GROUP = Group(
    "search-common",
    "Search parameters of all resources",
    (
        Check(
            "search-common-id",
            "_id takes several ids; one that does not exist is no error",
            "search.html#id",
            Level.SHALL,
            _ids,
            _PATIENT,
        ),
        Check(
            "search-common-last-updated",
            "_lastUpdated takes partial dates and prefixes",
            "search.html#lastUpdated",
            Level.SHALL,
            _last_updated,
            _PATIENT,
        ),
        Check(
            "search-common-tag",
            "_tag takes every form of a token",
            "search.html#tag",
            Level.SHALL,
            _tag,
            _PATIENT,
        ),
        Check(
            "search-common-tag-not",
            "_tag:not finds resources without the tag",
            "search.html#token",
            Level.SHALL,
            _tag_not,
            _PATIENT,
        ),
        Check(
            "search-common-profile",
            "_profile finds by meta.profile",
            "search.html#profile",
            Level.SHALL,
            _profile,
            _PATIENT,
        ),
        Check(
            "search-common-security",
            "_security finds by meta.security",
            "search.html#security",
            Level.SHALL,
            _security,
            _PATIENT,
        ),
        Check(
            "search-common-source",
            "_source finds by meta.source",
            "search.html#all",
            Level.SHALL,
            _sources,
            _PATIENT,
        ),
        Check(
            "search-common-text",
            "_text finds words of the narrative",
            "search.html#text",
            Level.SHALL,
            _texts,
            _PATIENT,
        ),
        Check(
            "search-common-content",
            "_content finds words anywhere in the resource",
            "search.html#content",
            Level.SHALL,
            _contents,
            _PATIENT,
        ),
        Check(
            "search-common-list",
            "_list finds the resources that a List refers to",
            "search.html#list",
            Level.SHALL,
            _listed,
            (*need.searchable("Patient", "gender"), *need.searchable("Organization"), *need.searchable("List")),
        ),
        Check(
            "search-common-filter",
            "_filter finds by an expression",
            "search.html#filter",
            Level.SHALL,
            _filter,
            need.searchable("Patient", "active"),
        ),
        Check(
            "search-common-query",
            "A value of _query that the server does not know is refused",
            "search.html#query",
            Level.SHALL,
            _query,
            (need.interactions("search-type"),),
        ),
    ),
)
