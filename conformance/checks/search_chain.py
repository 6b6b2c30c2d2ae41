"""Chained parameters, forwards and in reverse.

https://hl7.org/fhir/R4/search.html#chaining
"""

from __future__ import annotations

from conformance import graph
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.samples import Resource
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target


def _held(target: Target) -> Shelf:
    """Return an observation whose subject it contains."""

    def bodies(target: Target) -> Bodies:
        inner: Resource = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"system": "http://example.org/cards", "value": f"{target.run.short}-inner"}],
            "name": [{"family": "Conformance", "given": ["Inez"]}],
        }
        return {"holder": graph.coded("29463-7", contained=[inner], subject={"reference": "#p"})}

    return shelf(target, "holders", "Observation", bodies)


def _one(target: Target) -> None:
    graph.observations(target).finds(
        target,
        {
            "patient.given=Ann": "a1 a2",
            "patient.given=Ann,Bob": "a1 a2 b1",
            "patient.given=Zoe": "",
            "patient.given=Ann&code=8302-2": "a2",
        },
        promised=False,
    )


def _typed(target: Target) -> None:
    graph.observations(target).finds(
        target, {"subject:Patient.given=Bob": "b1", "subject:Patient.gender=female": "a1 a2"}, promised=False
    )


def _two(target: Target) -> None:
    graph.observations(target).finds(
        target,
        {
            "patient.organization.address-city=Upperton": "b1",
            "subject:Patient.organization.address-city=Lowerton": "a1 a2",
            "subject:Patient.organization:Organization.address-city=Nowhere": "",
        },
        promised=False,
    )


def _modified(target: Target) -> None:
    graph.observations(target).finds(
        target, {"subject:Patient.given:exact=Ann": "a1 a2", "subject:Patient.given:exact=ann": ""}, promised=False
    )


def _independent(target: Target) -> None:
    graph.patients(target).finds(
        target,
        {
            "general-practitioner:Organization.name=Conformance top"
            "&general-practitioner:Organization.address-city=Lowerton": "ann",
        },
        promised=False,
    )


def _nothing(target: Target) -> None:
    query = f"patient.identifier={target.run.system}|no-such-value"
    graph.observations(target).finds(target, {query: ""}, promised=False)


def _contained(target: Target) -> None:
    _held(target).finds(target, {"subject:Patient.given=Inez": "holder"}, promised=False)


def _has(target: Target) -> None:
    graph.patients(target).finds(
        target,
        {
            f"_has:Observation:patient:code={graph.LOINC}|29463-7": "ann",
            f"_has:Observation:patient:code={graph.LOINC}|8302-2": "ann bob",
            "_has:Observation:patient:code=no-such-code": "",
        },
        promised=False,
    )


def _has_joined(target: Target) -> None:
    name = "_has:Observation:patient:code"
    graph.patients(target).finds(
        target,
        {
            f"{name}=29463-7,8302-2": "ann bob",
            f"{name}=29463-7&{name}=8302-2": "ann",
            f"{name}=8302-2&gender=male": "bob",
        },
        promised=False,
    )


def _has_nested(target: Target) -> None:
    graph.observations(target)
    graph.organizations(target).finds(
        target,
        {
            "_has:Patient:organization:_has:Observation:patient:code=29463-7": "part",
            "_has:Patient:organization:_has:Observation:patient:code=8302-2": "part top",
            "_has:Patient:organization:given=Bob": "top",
        },
        promised=False,
    )


_ALL = (
    *need.searchable("Organization", "name", "address-city"),
    *need.searchable("Patient", "given", "organization", "gender"),
    *need.searchable("Observation", "code", "patient", "subject"),
)

GROUP = Group(
    "search-chain",
    "Chained parameters",
    (
        Check(
            "search-chain",
            "A parameter can be chained to the target of a reference",
            "search.html#chaining",
            Level.SHALL,
            _one,
            _ALL,
        ),
        Check(
            "search-chain-type",
            "A chain can be limited to a type of target",
            "search.html#chaining",
            Level.SHALL,
            _typed,
            _ALL,
        ),
        Check(
            "search-chain-two",
            "A chain can lead through several references",
            "search.html#chaining",
            Level.SHALL,
            _two,
            _ALL,
        ),
        Check(
            "search-chain-modifier",
            "The parameter at the end of a chain may have a modifier",
            "search.html#chaining",
            Level.SHALL,
            _modified,
            _ALL,
        ),
        Check(
            "search-chain-independent",
            "Two chains may be met by two targets",
            "search.html#chaining",
            Level.SHALL,
            _independent,
            (*_ALL, need.search_param("general-practitioner", of="Patient")),
        ),
        Check(
            "search-chain-nothing",
            "A chain to a target that does not exist finds nothing and is no error",
            "search.html#errors",
            Level.SHOULD,
            _nothing,
            _ALL,
        ),
        Check(
            "search-chain-contained",
            "A chain is evaluated inside contained resources",
            "search.html#contained",
            Level.SHOULD,
            _contained,
            _ALL,
        ),
        Check(
            "search-has",
            "_has finds resources by what refers to them",
            "search.html#has",
            Level.SHALL,
            _has,
            _ALL,
        ),
        Check(
            "search-has-joined",
            "Values of _has are joined with OR, several _has are independent",
            "search.html#has",
            Level.SHALL,
            _has_joined,
            _ALL,
        ),
        Check(
            "search-has-nested",
            "_has can be nested",
            "search.html#has",
            Level.SHALL,
            _has_nested,
            _ALL,
        ),
    ),
)
