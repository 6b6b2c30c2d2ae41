"""Search by references and URIs: every form of the value, :[type], :identifier, :above and :below.

https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

from conformance import expect, graph
from conformance import needs as need
from conformance.check import Check, Failed, Group, Level, Skipped
from conformance.samples import Resource
from conformance.searching import refusable
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target

_ELSEWHERE = "http://example.org/elsewhere/fhir/Patient/conformance"


def _people(target: Target) -> Shelf:
    return shelf(target, "subject-people", "Patient", lambda _: {"ann": {"active": True}, "bob": {"active": True}})


def _subjects(target: Target) -> Shelf:
    """Return observations whose subjects are told in different forms."""

    def bodies(target: Target) -> Bodies:
        people = _people(target)
        told: dict[str, Resource] = {
            "relative": {"reference": people.path("ann")},
            "absolute": {"reference": f"{target.client.base}/{people.path('ann')}"},
            "bob": {"reference": people.path("bob")},
            "named": {"identifier": {"system": "http://example.org/cards", "value": _card(target)}, "display": "Dee"},
        }
        kept = {name: graph.coded("8867-4", subject=subject) for name, subject in told.items()}
        return {**kept, "none": graph.coded("8867-4")}

    return shelf(target, "subjects", "Observation", bodies)


def _card(target: Target) -> str:
    return f"{target.run.short}-subject"


def _root(target: Target) -> str:
    return f"http://example.org/{target.run.short}"


def _sets(target: Target) -> Shelf:
    ends = {"one": "a/ValueSet/1", "eleven": "a/ValueSet/11", "two": "b/ValueSet/2", "case": "a/valueset/1"}
    return shelf(
        target,
        "urls",
        "ValueSet",
        lambda target: {
            name: {"url": f"{_root(target)}/{end}", "version": "1.0", "name": "Conformance", "status": "active"}
            for name, end in ends.items()
        },
    )


def _plans(target: Target) -> Shelf:
    def bodies(target: Target) -> Bodies:
        subject = {"reference": _people(target).path("ann")}
        told = {"old": "|1.0", "new": "|2.0", "any": ""}
        return {
            name: {
                "status": "active",
                "intent": "plan",
                "subject": subject,
                "instantiatesCanonical": [f"{_root(target)}/PlanDefinition/p{version}"],
            }
            for name, version in told.items()
        }

    return shelf(target, "plans", "CarePlan", bodies)


def _by_type_and_id(target: Target) -> None:
    ann, bob = _people(target).path("ann"), _people(target).path("bob")
    _subjects(target).finds(
        target,
        {
            f"subject={ann}": "relative absolute",
            f"subject={bob}": "bob",
            f"subject={ann},{bob}": "relative absolute bob",
        },
    )


def _by_id(target: Target) -> None:
    ann = _people(target).id("ann")
    _subjects(target).finds(
        target, {f"patient={ann}": "relative absolute", f"patient=Patient/{ann}": "relative absolute"}
    )


def _by_url(target: Target) -> None:
    url = f"{target.client.base}/{_people(target).path('ann')}"
    _subjects(target).finds(target, {f"subject={url}": "relative absolute"})


def _by_modifier(target: Target) -> None:
    ann = _people(target).id("ann")
    _subjects(target).finds(target, {f"subject:Patient={ann}": "relative absolute"}, promised=False)
    _subjects(target).finds(target, {f"subject:Group={ann}": ""}, promised=False)


def _unknown(target: Target) -> None:
    _subjects(target).finds(target, {"subject=Patient/conformance-no-such-id": ""})


def _identifier(target: Target) -> None:
    system, value = "http://example.org/cards", _card(target)
    _subjects(target).finds(
        target,
        {f"subject:identifier={system}|{value}": "named", f"subject:identifier={value}": "named"},
        promised=False,
    )
    _subjects(target).finds(target, {f"subject:identifier={system}|{value}x": ""}, promised=False)


def _missing(target: Target) -> None:
    _subjects(target).finds(
        target,
        {"subject:missing=true": "none", "subject:missing=false": "relative absolute bob named"},
        promised=False,
    )


def _other_server(target: Target) -> None:
    try:
        elsewhere = shelf(
            target,
            "elsewhere",
            "Observation",
            lambda _: {"far": graph.coded("8867-4", subject={"reference": _ELSEWHERE})},
        )
    except Failed as error:
        raise Skipped(f"a reference to another server cannot be stored: {error}") from error
    elsewhere.finds(target, {f"subject={_ELSEWHERE}": "far", f"subject={_ELSEWHERE}-other": ""})


def _hostile(target: Target) -> None:
    """A value that is no reference finds nothing or is refused, and is never an error of the server."""
    for value in ("Patient/", "no-such-type/1", "//", "Patient/a b", "http://"):
        response = refusable(target, "Observation", f"{_subjects(target).scope}&subject={value}")
        if response.status >= 500:
            expect.fail(f"{response} to the reference {value!r}")
        if response.status == 200 and expect.matches(expect.bundle(response, "searchset")):
            expect.fail(f"{response}: the reference {value!r} finds resources")


def _uri(target: Target) -> None:
    root = _root(target)
    _sets(target).finds(
        target,
        {
            f"url={root}/a/ValueSet/1": "one",
            f"url={root}/a/valueset/1": "case",
            f"url={root}/a/ValueSet": "",
            f"url={root}/a/ValueSet/1,{root}/b/ValueSet/2": "one two",
        },
    )


def _uri_below(target: Target) -> None:
    root = _root(target)
    _sets(target).finds(
        target, {f"url:below={root}/": "one eleven two case", f"url:below={root}/b/": "two"}, promised=False
    )


def _uri_above(target: Target) -> None:
    _sets(target).finds(target, {f"url:above={_root(target)}/b/ValueSet/2/_history/5": "two"}, promised=False)


def _uri_version(target: Target) -> None:
    _sets(target).finds(
        target, {f"url={_root(target)}/b/ValueSet/2|1.0": "two", f"url={_root(target)}/b/ValueSet/2|9": ""}
    )


def _canonical(target: Target) -> None:
    url = f"{_root(target)}/PlanDefinition/p"
    _plans(target).finds(
        target, {f"instantiates-canonical={url}|1.0": "old", f"instantiates-canonical={url}": "any old? new?"}
    )


def _canonical_below(target: Target) -> None:
    url = f"{_root(target)}/PlanDefinition/p"
    _plans(target).finds(target, {f"instantiates-canonical:below={url}": "old new any"}, promised=False)


_PEOPLE = need.searchable("Patient")
_SUBJECT = (*need.searchable("Observation", "subject"), *_PEOPLE)
_URL = need.searchable("ValueSet", "url")
_PLAN = (*need.searchable("CarePlan", "instantiates-canonical"), *_PEOPLE)

GROUP = Group(
    "search-reference",
    "Search by reference and URI",
    (
        Check(
            "search-reference-type-id",
            "[type]/[id] matches relative references, and absolute ones to this server",
            "search.html#reference",
            Level.SHALL,
            _by_type_and_id,
            _SUBJECT,
        ),
        Check(
            "search-reference-id",
            "A parameter of one target type takes a bare id",
            "search.html#reference",
            Level.SHALL,
            _by_id,
            (*need.searchable("Observation", "patient"), *_PEOPLE),
        ),
        Check(
            "search-reference-url",
            "An absolute URL of this server matches relative references too",
            "search.html#reference",
            Level.SHALL,
            _by_url,
            _SUBJECT,
        ),
        Check(
            "search-reference-modifier",
            ":[type] limits a reference to that type",
            "search.html#reference",
            Level.SHALL,
            _by_modifier,
            _SUBJECT,
        ),
        Check(
            "search-reference-unknown",
            "A reference to a resource that does not exist finds nothing and is no error",
            "search.html#errors",
            Level.SHOULD,
            _unknown,
            _SUBJECT,
        ),
        Check(
            "search-reference-identifier",
            ":identifier finds references by their identifier",
            "search.html#reference",
            Level.SHALL,
            _identifier,
            _SUBJECT,
        ),
        Check(
            "search-reference-missing",
            ":missing of a reference tells resources with it from those without",
            "search.html#modifiers",
            Level.SHALL,
            _missing,
            _SUBJECT,
        ),
        Check(
            "search-reference-elsewhere",
            "A reference to another server is found by its absolute URL",
            "search.html#reference",
            Level.SHALL,
            _other_server,
            need.searchable("Observation", "subject"),
        ),
        Check(
            "search-reference-bad",
            "A value that is no reference is refused or finds nothing",
            "search.html#errors",
            Level.SHALL,
            _hostile,
            _SUBJECT,
        ),
        Check(
            "search-uri",
            "A URI matches the entire value with its case",
            "search.html#uri",
            Level.SHALL,
            _uri,
            _URL,
        ),
        Check(
            "search-uri-below",
            ":below finds URIs that start with the value",
            "search.html#uri",
            Level.SHALL,
            _uri_below,
            _URL,
        ),
        Check(
            "search-uri-above",
            ":above finds URIs that the value starts with",
            "search.html#uri",
            Level.SHALL,
            _uri_above,
            _URL,
        ),
        Check(
            "search-uri-version",
            "A canonical URL may be searched with its version",
            "search.html#uri",
            Level.SHOULD,
            _uri_version,
            _URL,
        ),
        Check(
            "search-canonical",
            "Canonical references are found with and without their version",
            "search.html#versions",
            Level.SHOULD,
            _canonical,
            _PLAN,
        ),
        Check(
            "search-canonical-below",
            ":below of a canonical reference finds every version",
            "search.html#versions",
            Level.SHALL,
            _canonical_below,
            _PLAN,
        ),
    ),
)
