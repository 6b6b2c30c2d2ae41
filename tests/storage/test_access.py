"""What a caller may do is plain data; forgetting to fill it in closes the door."""

from __future__ import annotations

from fhir_server.storage.access import INTERACTIONS, Access, Grant, Reach

ONE = ("Patient", "1")
TWO = ("Patient", "2")


def test_unrestricted_reaches_everything_and_nothing_reaches_nothing() -> None:
    assert Access.unrestricted().reach(["read"], "Patient").everything
    assert Access.unrestricted().reaches_everything(["delete"])
    assert not Access.nothing().reach(["read"], "Patient")
    assert not Access.nothing().reaches_everything(["read"])


def test_an_empty_restriction_sees_nothing() -> None:
    assert not Access.restricted([]).reach(INTERACTIONS, "Patient")


def test_grants_add_up() -> None:
    access = Access.restricted(
        [
            Grant("*", frozenset({"read"}), ONE),
            Grant("Observation", frozenset({"read", "search"}), TWO),
            Grant("Observation", frozenset({"search"}), TWO),
            Grant("Practitioner", frozenset({"read"})),
        ]
    )
    assert access.reach(["read"], "Observation") == Reach(everything=False, compartments=(ONE, TWO))
    assert access.reach(["search"], "Observation") == Reach(everything=False, compartments=(TWO,))
    assert access.reach(["read"], "Practitioner").everything
    assert not access.reach(["delete"], "Observation")
    assert not access.reaches_everything(["read"])


def test_a_grant_without_compartment_for_all_types_reaches_everything() -> None:
    access = Access.restricted([Grant("*", frozenset({"read"}))])
    assert access.reaches_everything(["read"])
    assert not access.reaches_everything(["search"])
