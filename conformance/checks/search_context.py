"""Where a search takes place: the whole system, a compartment, by POST, and contained resources.

https://hl7.org/fhir/R4/search.html#base
"""

from __future__ import annotations

from conformance import expect, graph
from conformance import needs as need
from conformance.check import Check, Group, Level, Skipped
from conformance.searching import asked, pages, path_of, refusable
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target


def _all_types(target: Target) -> str:
    """Return criteria for everything that this check makes: an organization, a patient and an observation."""
    value = f"{target.run.short}-types"
    tag = [{"system": target.run.system, "code": value}]
    if "types" not in target.shelves:
        for kind in ("Organization", "Patient", "Observation"):
            stored = target.create(target.samples.of(kind, meta={"tag": tag}))
            target.found(kind, f"_id={stored.id}", 1)
        target.shelves["types"] = value
    return f"_tag={target.run.system}|{value}"


def _kinds(target: Target, query: str, *, promised: bool, post: bool = False) -> list[str]:
    found = pages(target, asked(target, "", query, promised=promised, post=post))
    return sorted(str(entry["resource"].get("resourceType")) for page in found for entry in expect.matches(page))


def _system(target: Target) -> None:
    criteria = _all_types(target)
    if (kinds := _kinds(target, criteria, promised=True)) != ["Observation", "Organization", "Patient"]:
        expect.fail(f"a search of the system finds {', '.join(kinds) or 'nothing'}")


def _typed(target: Target) -> None:
    criteria = _all_types(target)
    wanted = {
        "Patient": ["Patient"],
        "Patient,Observation": ["Observation", "Patient"],
        "Organization,Patient,Observation": ["Observation", "Organization", "Patient"],
    }
    for types, expected in wanted.items():
        kinds = _kinds(target, f"_type={types}&{criteria}", promised=False)
        if kinds != expected:
            expect.fail(f"_type={types} finds {', '.join(kinds) or 'nothing'}")


def _typed_shared(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    name, _, value = people.scope.partition("=")
    other, _, also = facts.scope.partition("=")
    if name != other:
        raise Skipped("the server claims no parameter to tell the resources of both types from others")
    kinds = _kinds(target, f"_type=Patient,Observation&{name}={value},{also}", promised=False)
    if kinds != ["Observation"] * 4 + ["Patient"] * 3:
        expect.fail(f"a parameter that both types have finds {', '.join(kinds) or 'nothing'}")


def _system_post(target: Target) -> None:
    criteria = _all_types(target)
    kinds = _kinds(target, criteria, promised=False, post=True)
    if kinds != ["Observation", "Organization", "Patient"]:
        expect.fail(f"POST _search finds {', '.join(kinds) or 'nothing'}")


def _not_common(target: Target) -> None:
    criteria = _all_types(target)
    response = refusable(target, "", f"_type=Patient,Observation&birthdate=1990-01-01&{criteria}")
    expect.refused(response)
    expect.outcome(response)


def _in_compartment(target: Target, path: str, query: str, *, post: bool = False) -> list[str]:
    found = pages(target, asked(target, path, query, promised=False, post=post))
    return sorted(path_of(entry) for page in found for entry in expect.matches(page))


def _compartment(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    for owner, names in {"ann": ("a1", "a2"), "bob": ("b1",), "cid": ()}.items():
        wanted = sorted(facts.path(name) for name in names)
        found = _in_compartment(target, f"{people.path(owner)}/Observation", facts.scope)
        if found != wanted:
            expect.fail(f"{people.path(owner)}/Observation finds {', '.join(found) or 'nothing'}")


def _compartment_criteria(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    found = _in_compartment(target, f"{people.path('ann')}/Observation", f"{facts.scope}&code=8302-2")
    if found != [facts.path("a2")]:
        expect.fail(f"criteria within a compartment find {', '.join(found) or 'nothing'}")


def _compartment_post(target: Target) -> None:
    people, facts = graph.patients(target), graph.observations(target)
    found = _in_compartment(target, f"{people.path('bob')}/Observation", facts.scope, post=True)
    if found != [facts.path("b1")]:
        expect.fail(f"POST _search within a compartment finds {', '.join(found) or 'nothing'}")


def _posted(target: Target) -> None:
    facts = graph.observations(target)
    for query in ("code=29463-7", "subject:missing=true", "code=29463-7,8302-2&subject:missing=false", "_count=2"):
        got = facts.found(target, query, promised=False)
        posted = pages(target, asked(target, "Observation", f"{facts.scope}&{query}", promised=False, post=True))
        if sorted(facts.names(posted)) != sorted(got):
            expect.fail(f"{query} finds {', '.join(got)} by GET and {', '.join(facts.names(posted))} by POST")


def _holders(target: Target) -> Shelf:
    def bodies(target: Target) -> Bodies:
        inner = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"system": target.run.system, "value": f"{target.run.short}-contained"}],
            "active": True,
        }
        return {"holder": graph.coded("29463-7", contained=[inner], subject={"reference": "#p"})}

    return shelf(target, "contained", "Observation", bodies)


def _contained_found(target: Target, query: str) -> list[str]:
    value = f"identifier={target.run.system}|{target.run.short}-contained"
    found = asked(target, "Patient", f"{value}{query}", promised=not query)
    return [path_of(entry) for entry in expect.matches(found)]


def _not_contained(target: Target) -> None:
    _holders(target)
    if found := _contained_found(target, ""):
        expect.fail(f"a search finds {', '.join(found)} by what a contained resource holds")


def _contained(target: Target) -> None:
    holder = _holders(target).path("holder")
    for mode in ("true", "both"):
        if (found := _contained_found(target, f"&_contained={mode}")) != [holder]:
            expect.fail(f"_contained={mode} finds {', '.join(found) or 'nothing'}, expected the container {holder}")


def _contained_alone(target: Target) -> None:
    holder = _holders(target).path("holder")
    value = f"identifier={target.run.system}|{target.run.short}-contained"
    found = asked(target, "Patient", f"{value}&_contained=true&_containedType=contained", promised=False)
    entries = expect.matches(found)
    if [entry["resource"].get("resourceType") for entry in entries] != ["Patient"]:
        expect.fail(f"_containedType=contained finds {', '.join(map(path_of, entries)) or 'nothing'}")
    if not str(entries[0].get("fullUrl")).endswith(f"{holder}#p"):
        expect.fail(f"the contained resource has the fullUrl {entries[0].get('fullUrl')}, expected [base]/{holder}#p")


_GRAPH = (
    *need.searchable("Organization"),
    *need.searchable("Patient"),
    *need.searchable("Observation", "code", "subject"),
)
_SYSTEM = (
    *need.searchable("Organization", "_tag"),
    *need.searchable("Patient", "_tag"),
    *need.searchable("Observation", "_tag"),
    need.system("search-system"),
)
_CONTAINED = (*need.searchable("Observation"), *need.searchable("Patient", "identifier"))

GROUP = Group(
    "search-context",
    "Contexts of a search",
    (
        Check(
            "search-context-system",
            "A search of the whole system finds resources of every type by common parameters",
            "search.html#base",
            Level.SHALL,
            _system,
            _SYSTEM,
        ),
        Check(
            "search-context-type",
            "_type limits a search of the whole system to some types",
            "search.html#type",
            Level.SHALL,
            _typed,
            _SYSTEM,
        ),
        Check(
            "search-context-shared",
            "With _type a parameter that the types share can be used",
            "search.html#type",
            Level.SHALL,
            _typed_shared,
            (*_GRAPH, need.system("search-system")),
        ),
        Check(
            "search-context-post",
            "POST [base]/_search finds the same as GET [base]",
            "http.html#search",
            Level.SHALL,
            _system_post,
            _SYSTEM,
        ),
        Check(
            "search-context-not-common",
            "A parameter that not all types have is refused with handling=strict",
            "search.html#type",
            Level.SHOULD,
            _not_common,
            _SYSTEM,
        ),
        Check(
            "search-compartment",
            "A search within a compartment finds what belongs to it, and nothing else",
            "http.html#search",
            Level.SHALL,
            _compartment,
            _GRAPH,
        ),
        Check(
            "search-compartment-criteria",
            "A search within a compartment takes criteria",
            "search.html#base",
            Level.SHALL,
            _compartment_criteria,
            _GRAPH,
        ),
        Check(
            "search-compartment-post",
            "A search within a compartment can be made by POST",
            "http.html#search",
            Level.SHALL,
            _compartment_post,
            _GRAPH,
        ),
        Check(
            "search-context-post-same",
            "A search finds the same by POST and by GET, also with modifiers and pages",
            "http.html#search",
            Level.SHALL,
            _posted,
            _GRAPH,
        ),
        Check(
            "search-contained-not",
            "A contained resource is not found by itself",
            "search.html#contained",
            Level.SHALL,
            _not_contained,
            _CONTAINED,
        ),
        Check(
            "search-contained",
            "_contained=true and both find a contained resource and return its container",
            "search.html#contained",
            Level.SHALL,
            _contained,
            _CONTAINED,
        ),
        Check(
            "search-contained-type",
            "_containedType=contained returns the contained resource with a fullUrl that tells its container",
            "search.html#containedType",
            Level.SHALL,
            _contained_alone,
            _CONTAINED,
        ),
    ),
)
