"""The search part of the suite: no check passes whatever a server finds, and none fails for what is not offered."""

from __future__ import annotations

import pytest

from conformance.check import Outcome
from conformance.checks import GROUPS
from conformance.searching import encoded
from tests.conformance.running import broken, results, whole_run
from tests.conformance.search_servers import (
    AnyServer,
    Breaks,
    EmptyPages,
    FindsNothing,
    IncludesAll,
    LosesTypes,
    MixesModes,
    StrayPages,
)
from tests.conformance.small_server import SmallServer

_GROUPS = tuple(group for group in GROUPS if group.name.startswith("search-"))
_NAMES = [group.name for group in _GROUPS]

_WRONG = (AnyServer, FindsNothing, IncludesAll, MixesModes, Breaks, LosesTypes, StrayPages, EmptyPages)
ONE_PAGE = {"search-pages-last", "search-pages-previous", "search-pages-total-same"}


def test_each_check_fails_where_criteria_are_ignored_or_never_met() -> None:
    failed = {name for server in _WRONG for name in broken(results(server(), _NAMES))}
    assert {check.id for group in _GROUPS for check in group.checks} - failed == set()


@pytest.mark.parametrize("server", [AnyServer, FindsNothing])
def test_a_server_that_claims_all_is_judged_on_all(server: type[AnyServer]) -> None:
    skipped = {name: one.messages for name, one in results(server(), _NAMES).items() if one.outcome is Outcome.SKIP}
    assert skipped.keys() <= ONE_PAGE, skipped


def test_what_is_not_offered_is_skipped_with_the_reason() -> None:
    found = results(SmallServer(), _NAMES)
    assert {one.outcome for one in found.values()} <= {Outcome.PASS, Outcome.SKIP}, broken(found)
    assert found["search-number-precision"].messages == (
        "the server does not claim create and read and search-type for RiskAssessment",
    )
    assert "does not offer this search" in found["search-common-profile"].messages[0]
    assert all(one.messages for one in found.values() if one.outcome is Outcome.SKIP)


def test_a_query_is_escaped_part_by_part() -> None:
    assert encoded("name=Ann Lee&code:in=http://a|b&x=") == "name=Ann%20Lee&code:in=http%3A%2F%2Fa%7Cb&x="


def test_what_the_search_part_makes_is_removed() -> None:
    server = AnyServer()
    _, printed = whole_run(server, only=_NAMES)
    assert "nothing left" in printed
    assert server.standing == []
