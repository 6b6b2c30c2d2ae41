"""A run leaves its target as it found it: after failures, lost answers and Ctrl-C, beside records of others."""

from __future__ import annotations

import io
from typing import Any

import pytest

from conformance import Limits, run
from conformance.runner import EXIT_INTERRUPTED
from tests.conformance import faults as f
from tests.conformance.running import FAST, whole_run
from tests.conformance.small_http import serving
from tests.conformance.small_server import Answer, Call, Choices, Resource, SmallServer


def _left(printed: str) -> str:
    return printed[printed.index("cleaned up") :].strip()


def test_nothing_is_left_when_checks_fail() -> None:
    server = f.NoRules()
    code, printed = whole_run(server, only=["content", "create"])
    assert code == 1
    assert server.standing == []
    assert "nothing left" in _left(printed)


class EnforcesReferences(SmallServer):
    """Refuses to delete what others refer to."""

    def delete(self, kind: str, id_: str) -> Answer:
        for key in self.standing:
            version = self.current(*key)
            if version and f"'{kind}/{id_}'" in str(version.resource) and key != (kind, id_):
                return Answer(
                    409, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "conflict"}]}
                )
        return super().delete(kind, id_)


def test_referrers_go_first_and_circles_are_cut() -> None:
    server = EnforcesReferences()
    code, printed = whole_run(server, only=["references"])
    assert code == 0, printed
    assert server.standing == []


class LosesLocation(SmallServer):
    """Stores what is posted and then answers as if nothing had happened."""

    def create(self, call: Call, kind: str) -> Answer:
        super().create(call, kind)
        return Answer(500, None)


def test_what_no_answer_told_of_is_found_by_its_mark() -> None:
    server = LosesLocation()
    whole_run(server, only=["create"])
    assert len(server.store) > 5
    assert server.standing == []


def test_what_cannot_be_removed_is_named() -> None:
    server = f.KeepsDeleted()
    code, printed = whole_run(server, only=["create-location", "delete-answer"])
    assert code == 0
    assert len(server.standing) == 2
    kind, id_ = server.standing[0]
    assert "2 could NOT be removed" in printed
    assert f"{kind}/{id_}: DELETE answered 204, yet a read answers 200" in printed


class RefusesDeletes(SmallServer):
    def delete(self, kind: str, id_: str) -> Answer:
        return Answer(405, None, {"Allow": "GET"})


def test_a_server_without_delete_is_named_too() -> None:
    _, printed = whole_run(RefusesDeletes(), only=["create-location"])
    assert "1 could NOT be removed" in printed
    assert "DELETE answered 405" in printed


def test_an_interrupted_run_cleans_up() -> None:
    server = SmallServer()
    requests = 0

    class Stops(io.StringIO):
        def write(self, text: str) -> int:
            nonlocal requests
            requests += 1
            if requests == 40:
                raise KeyboardInterrupt
            return super().write(text)

    out = Stops()
    with serving(server) as url:
        code = run(url=url, out=out, limits=FAST)
    assert code == EXIT_INTERRUPTED
    assert server.store
    assert server.standing == []
    assert "interrupted" in out.getvalue()


def test_a_run_out_of_time_skips_the_rest_and_cleans_up() -> None:
    server = SmallServer()
    code, printed = whole_run(server, limits=Limits(answer=5.0, run=0.6, index=0.0, cleanup=30.0))
    assert code == 0
    assert "the time for the whole run is used up" in printed
    assert server.store
    assert server.standing == []


class IgnoresCriteria(SmallServer):
    """Does as if every search parameter matched everything: the worst target for a conditional write."""

    def matches(self, kind: str | None, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [key for key in self.standing if kind in (None, key[0])]


@pytest.mark.parametrize("make", [SmallServer, IgnoresCriteria, f.LastParameterWins, f.PostIgnoresBody])
def test_the_records_of_others_are_never_touched(make: type[SmallServer]) -> None:
    server = make()
    for number in range(3):
        for kind in ("Patient", "Organization", "Observation"):
            server.persist_for_test(kind, f"theirs-{number}")
    theirs = {key: list(versions) for key, versions in server.store.items()}
    whole_run(server)
    assert {key: list(server.store[key]) for key in theirs} == theirs
    assert set(server.standing) == set(theirs)


def test_everything_that_is_made_carries_the_mark_of_the_run() -> None:
    server = SmallServer(Choices())
    whole_run(server, only=["create", "transaction", "conditional", "ordering"])
    made = [version.resource for versions in server.store.values() for version in versions if version.resource]
    assert made
    for resource in made:
        assert _tag(resource).startswith("urn:uuid:"), resource


def _tag(resource: Resource) -> Any:
    return resource["meta"]["tag"][0]["system"]
