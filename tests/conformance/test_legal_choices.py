"""A server that follows the specification fails nothing, whatever it chooses where it has a choice."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.check import Outcome
from tests.conformance.running import results, whole_run
from tests.conformance.small_server import Choices, SmallServer, Version

CHOICES: dict[str, dict[str, Any]] = {
    "the common ones": {},
    "deletes not tracked, relative Location, 422, no body, no client ids": {
        "gone": 404,
        "deleted": 200,
        "delete_unknown": 404,
        "invalid": 422,
        "absolute": False,
        "update_create": False,
        "body": False,
    },
    "single conditional delete, lenient search, no HEAD, no 304, no totals, outcome on delete": {
        "conditional_delete": "single",
        "strict": False,
        "head": False,
        "not_modified": False,
        "totals": False,
        "outcome_on_delete": True,
    },
    "no versions": {"versions": False},
    "If-Match required": {"versioned_update": True},
    "no search": {"search": False},
    "XML": {"xml": True},
}

NOT_DONE = {  # a MAY and two SHOULD that the small server leaves out in every case
    "header-request-id",
    "header-cors",
    "format-generic",
}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES.keys())
def test_legal_choices_fail_nothing_and_leave_nothing_behind(choices: dict[str, Any]) -> None:
    server = SmallServer(Choices(**choices))
    code, printed = whole_run(server)
    assert [line for line in printed.splitlines() if line.startswith("FAIL")] == []
    assert code == 0
    assert "nothing left" in printed
    assert server.standing == []


def test_only_what_the_small_server_leaves_out_is_warned_about() -> None:
    found = results(SmallServer())
    warned = {name for name, one in found.items() if one.outcome is Outcome.WARN}
    assert warned == NOT_DONE


def test_a_read_only_server_is_tested_with_a_resource_that_it_has() -> None:
    server = SmallServer(Choices(write=False))
    server.persist_for_test("Patient", "p1")
    found = results(server)
    assert [name for name, one in found.items() if one.outcome is Outcome.FAIL] == []
    for name in ("read-resource", "vread-current", "read-head", "header-etag", "format-media-type"):
        assert found[name].outcome is Outcome.PASS, (name, found[name].messages)
    assert found["create-location"].outcome is Outcome.SKIP
    assert {call.method for call in server.seen} <= {"GET", "HEAD", "POST", "PUT", "DELETE"}
    assert isinstance(server.store["Patient", "p1"][0], Version)
    assert len(server.store) == 1


def test_a_check_that_does_not_apply_says_why() -> None:
    found = results(SmallServer(), ["formats"])
    skipped = found["format-xml"]
    assert skipped.outcome is Outcome.SKIP
    assert skipped.messages == ("the server does not claim XML",)
    assert skipped.exchanges == ()
