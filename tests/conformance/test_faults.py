"""Each fault of a server is caught by the checks that are about it, and by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.check import Level, Outcome
from conformance.checks import GROUPS
from tests.conformance import faults as f
from tests.conformance.faults import changed, on
from tests.conformance.running import results
from tests.conformance.small_server import SmallServer

_PATIENT = ("rest", 0, "resource", 0)
_GONE = {"status": "200"}


def _is_metadata(call: f.Call, _: f.Answer) -> bool:
    return call.path == "metadata" and call.method == "GET"


def _claim_more(_: f.Call, answer: f.Answer) -> None:
    answer.body["rest"][0]["resource"].append({"type": "Practitioner", "interaction": [{"code": "search-type"}]})


def _claim_twice(_: f.Call, answer: f.Answer) -> None:
    answer.body["rest"][0]["resource"].append(answer.body["rest"][0]["resource"][0])


def _reverse(_: f.Call, answer: f.Answer) -> None:
    answer.body.get("entry", []).reverse()


def _always_304(call: f.Call, answer: f.Answer) -> None:
    if "if-none-match" in call.headers and answer.status == 200:
        answer.status, answer.body = 304, None


def _fill_delete(entry: f.Resource) -> None:
    if entry["request"]["method"] == "DELETE":
        entry["resource"] = {"resourceType": "Patient"}


FAULTS: dict[str, tuple[Callable[[], SmallServer], tuple[str, ...]]] = {
    # capabilities
    "another FHIR version": (
        lambda: changed(on(_is_metadata, f.put("fhirVersion", "5.0.0"))),
        ("capabilities-fhir-version",),
    ),
    "an unknown interaction": (
        lambda: changed(on(_is_metadata, f.put(*_PATIENT, "interaction", [{"code": "fetch"}]))),
        ("capabilities-codes",),
    ),
    "a type described twice": (lambda: changed(on(_is_metadata, _claim_twice)), ("capabilities-unique",)),
    "a claimed type that is not served": (lambda: changed(on(_is_metadata, _claim_more)), ("capabilities-hold",)),
    "a format that is not served": (
        lambda: changed(on(_is_metadata, f.put("format", ["json", "xml"]))),
        ("capabilities-formats", "format-xml", "format-xml-create"),
    ),
    "no mandatory elements": (lambda: changed(on(_is_metadata, f.put("date", ""))), ("capabilities-elements",)),
    # read
    "the id of another resource": (lambda: changed(on(f.is_read, f.put("id", "other"))), ("read-resource",)),
    "200 for what is unknown": (
        lambda: changed(on(lambda c, a: a.status == 404, f.status(200))),
        ("read-unknown", "read-head-unknown", "vread-unknown-version", "error-unknown-type"),
    ),
    "304 for any ETag": (lambda: changed(_always_304), ("read-if-none-match-other",)),
    "If-None-Match ignored although claimed": (
        lambda: f.IgnoresHeader("if-none-match"),
        ("read-if-none-match-claimed",),
    ),
    "vread returns the current version": (
        lambda: changed(on(lambda c, a: "_history/1" in c.path, f.put("active", False))),
        ("vread-previous",),
    ),
    # create
    "no Location": (lambda: changed(on(f.is_write, f.header("Location", None))), ("create-location",)),
    "Location without the version": (
        lambda: changed(on(f.is_write, f.header("Location", "Patient/x"))),
        ("create-location",),
    ),
    "200 for a create": (lambda: changed(on(f.is_write, f.status(200))), ("create-location",)),
    "the client's id on create": (f.TakesOverId, ("create-ignores-id",)),
    "the client's meta": (f.TakesOverMeta, ("create-ignores-meta", "update-ignores-meta")),
    "lost elements": (
        lambda: f.Drops("contact", "_active", "extension", "contained", "text"),
        (
            "create-keeps-content",
            "fidelity-extensions",
            "fidelity-primitive-extensions",
            "fidelity-contained",
            "fidelity-narrative",
        ),
    ),
    # update
    "If-Match ignored": (
        lambda: f.IgnoresHeader("if-match"),
        (
            "update-if-match-stale",
            "update-if-match-unknown",
            "patch-if-match-stale",
            "batch-if-match",
            "transaction-atomic-update",
        ),
    ),
    "any id in the body of an update": (f.AnyId, ("update-other-id", "update-no-id")),
    "updates that merge": (f.Merges, ("update-replaces",)),
    "no ETag on an update": (
        lambda: changed(on(f.is_write, f.header("ETag", None))),
        ("update-headers", "patch-headers"),
    ),
    "the same version after an update": (
        lambda: changed(on(lambda c, a: f.is_read(c, a) or f.is_write(c, a), f.put("meta", "versionId", "1"))),
        ("update-new-version",),
    ),
    # delete
    "deletes that do nothing": (
        f.KeepsDeleted,
        ("delete-unreadable", "delete-unfound", "conditional-delete-one", "batch-changes", "transaction-answer"),
    ),
    "deleted resources that are found": (f.FindsDeleted, ("delete-unfound",)),
    "history that is wiped by a delete": (f.WipesHistory, ("delete-keeps-versions", "delete-keeps-history")),
    "500 for a delete of what is unknown": (
        lambda: changed(on(lambda c, a: c.method == "DELETE", f.status(500))),
        ("delete-unknown-status", "delete-answer"),
    ),
    # history
    "history with the oldest first": (
        lambda: changed(on(f.is_bundle("history"), _reverse)),
        ("history-instance", "history-type", "history-system"),
    ),
    "_count ignored": (lambda: f.IgnoresParameter("_count"), ("history-count", "history-paging", "search-count")),
    "_since ignored": (lambda: f.IgnoresParameter("_since"), ("history-since", "history-since-ends")),
    "_at ignored": (lambda: f.IgnoresParameter("_at"), ("history-at",)),
    "entries without a request": (
        lambda: changed(on(f.is_bundle("history"), f.each_entry(lambda entry: entry.pop("request")))),
        ("history-entries",),
    ),
    "a delete with a resource": (
        lambda: changed(on(f.is_bundle("history"), f.each_entry(_fill_delete))),
        ("delete-keeps-history",),
    ),
    "history pages that repeat a row": (
        lambda: changed(on(f.is_bundle("history"), f.repeating_next)),
        ("history-paging",),
    ),
    "history total of the page": (lambda: changed(on(f.is_bundle("history"), f.own_total)), ("history-total",)),
    # conditional
    "If-None-Exist ignored": (
        lambda: f.IgnoresHeader("if-none-exist"),
        ("conditional-create-one", "conditional-create-many", "batch-if-none-exist"),
    ),
    "the first of several matches": (
        f.FirstOfMany,
        (
            "conditional-create-many",
            "conditional-update-many",
            "conditional-patch-many",
            "conditional-delete-many",
            "transaction-if-none-exist-many",
            "references-conditional-many",
        ),
    ),
    # patch
    "half a patch is kept": (f.HalfPatch, ("patch-json-test-fails",)),
    "a patch without effect": (
        lambda: changed(on(lambda c, a: c.method == "PATCH", f.status(200)), update_create=True),
        ("patch-json-no-place", "patch-fhirpath-no-match", "patch-unknown", "patch-other-media-type"),
    ),
    # batch and transaction
    "a batch that stops": (f.StopsBatch, ("batch-independent",)),
    "answers in another order": (
        lambda: changed(
            on(lambda c, a: f.is_bundle("batch-response")(c, a) or f.is_bundle("transaction-response")(c, a), _reverse)
        ),
        ("batch-order", "transaction-answer"),
    ),
    "another type of answer": (
        lambda: changed(on(f.is_bundle("batch-response"), f.put("type", "collection"))),
        ("batch-answer",),
    ),
    "a transaction that keeps half": (f.NotAtomic, ("transaction-atomic", "transaction-atomic-update")),
    "a transaction in the order of the bundle": (f.BundleOrder, ("transaction-delete-first", "transaction-get-last")),
    "urns that stay": (
        lambda: f.KeepsReferences(urns=True, searches=False),
        ("references-urn", "references-circular", "references-from-update", "references-nested", "references-uri"),
    ),
    "conditional references that stay": (
        lambda: f.KeepsReferences(urns=False, searches=True),
        ("references-conditional", "references-conditional-none", "references-conditional-many"),
    ),
    "references replaced at the surface only": (
        f.ReferencesOnly,
        ("references-nested", "references-uri", "references-narrative"),
    ),
    "any string that looks like a reference": (f.ReplacesAnyString, ("references-left-alone",)),
    "references to earlier entries only": (f.BackwardReferences, ("references-forward", "references-circular")),
    "a transaction that is a batch": (
        f.Duplicates,
        (
            "transaction-same-twice",
            "transaction-put-and-delete",
            "transaction-conditional-overlap",
            "transaction-same-full-url",
            "transaction-atomic",
            "transaction-outcome",
        ),
    ),
    # headers
    "an ETag that is not the version": (
        lambda: changed(on(f.is_read, f.header("ETag", 'W/"abc"'))),
        ("header-etag-value", "update-if-match"),
    ),
    "a strong ETag": (lambda: changed(on(f.is_read, f.header("ETag", '"1"'))), ("header-etag",)),
    "a wrong Last-Modified": (
        lambda: changed(on(f.is_read, f.header("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT"))),
        ("header-last-modified", "create-last-modified-now"),
    ),
    "Prefer ignored": (
        lambda: f.IgnoresHeader("prefer"),
        ("header-prefer-minimal", "header-prefer-outcome", "transaction-prefer", "header-prefer-update"),
    ),
    # formats and fidelity
    "a general media type": (
        lambda: changed(on(f.is_read, f.header("Content-Type", "application/json"))),
        ("format-media-type",),
    ),
    "any Accept": (
        lambda: changed(on(lambda c, a: a.status == 406, lambda c, a: (f.status(200)(c, a), f.body({})(c, a)))),
        ("format-406",),
    ),
    "XML without an element": (
        lambda: f.ChangesXml(b'<active value="true">', b'<active value="false">'),
        ("format-xml-equals-json",),
    ),
    "XML with fewer digits": (lambda: f.ChangesXml(b'"1.00"', b'"1.0"'), ("fidelity-decimals-xml",)),
    "XML in another namespace": (
        lambda: f.ChangesXml(b"http://hl7.org/fhir", b"http://hl7.org/FHIR"),
        ("format-xml", "format-xml-bundle", "format-xml-transaction", "capabilities-formats"),
    ),
    "XML with another type of Bundle": (
        lambda: f.ChangesXml(b'"searchset"', b'"collection"'),
        ("format-xml-bundle",),
    ),
    "XML taken as it comes": (
        f.TakesAnyXml,
        ("error-bad-xml", "security-no-dtd", "format-xml-create", "format-xml-prefix", "format-xml-update"),
    ),
    "q-values and _format ignored": (
        f.PrefersJson,
        ("format-q-xml", "format-param-xml", "format-param-create", "format-406"),
    ),
    "decimals as floats": (lambda: changed(f.floats), ("fidelity-decimals",)),
    "characters lost": (lambda: changed(f.question_marks), ("fidelity-characters",)),
    "null and empty lists": (
        lambda: changed(on(f.is_read, lambda c, a: (f.put("photo", [])(c, a), f.put("gender", None)(c, a)))),
        ("fidelity-no-empty",),
    ),
    # _summary and _elements
    "_summary ignored": (
        lambda: f.IgnoresParameter("_summary"),
        ("summary-true", "summary-text", "summary-data", "summary-search-count", "summary-search-true"),
    ),
    "_elements ignored": (lambda: f.IgnoresParameter("_elements"), ("summary-elements", "summary-search-elements")),
    "subsets that are not marked": (
        lambda: changed(on(f.is_read, lambda c, a: a.body["meta"].pop("tag", None))),
        ("summary-true", "summary-elements"),
    ),
    "a Binary that is always a resource": (
        lambda: changed(on(lambda c, a: isinstance(a.body, bytes), f.body({"resourceType": "Binary"}))),
        ("binary-raw",),
    ),
    "a Binary whose content is altered": (
        lambda: changed(on(lambda c, a: f.is_read(c, a) and "Binary" in c.path, f.put("data", "AAAA"))),
        ("binary-resource", "binary-raw-create"),
    ),
    # search
    "no self link": (
        lambda: changed(on(f.is_bundle("searchset"), f.put("link", []))),
        ("search-self-link",),
    ),
    "a total of the page": (lambda: changed(on(f.is_bundle("searchset"), f.own_total)), ("search-total",)),
    "no next link": (
        lambda: changed(on(f.is_any_bundle, lambda c, a: f.without_next(c, a) if "link" in a.body else None)),
        ("search-paging", "history-paging"),
    ),
    "pages that repeat a row": (lambda: changed(on(f.is_bundle("searchset"), f.repeating_next)), ("search-paging",)),
    "pages that drift": (f.NewestFirst, ("search-paging-drift",)),
    "ignored parameters said to be used": (
        lambda: changed(on(f.is_bundle("searchset"), f.whole_query), strict=False),
        ("search-unknown-told",),
    ),
    "POST _search that ignores its body": (
        f.PostIgnoresBody,
        ("search-post", "search-post-both", "search-paging-post"),
    ),
    "the last of repeated parameters": (f.LastParameterWins, ("search-and-or",)),
    "separators that cannot be escaped": (f.NoEscapes, ("search-escaped",)),
    "entries that are not matches": (
        lambda: changed(on(f.is_bundle("searchset"), f.each_entry(lambda e: e["search"].update(mode="include")))),
        ("search-searchset", "search-id"),
    ),
    # errors and operations
    "500 for bad requests": (
        lambda: changed(on(lambda c, a: a.status == 400, f.status(500))),
        ("error-truncated-json", "error-not-json", "error-illegal-id", "security-no-crash"),
    ),
    "no rules of content": (
        f.NoRules,
        (
            "content-wrong-shape",
            "content-wrong-json-type",
            "content-not-a-list",
            "content-unknown-element",
            "content-empty-list",
            "content-bad-date",
            "content-bad-code",
            "content-missing-element",
            "content-two-choices",
            "content-wrong-target",
            "content-invalid-update",
            "create-other-type",
            "security-narrative-script",
        ),
    ),
    "errors that are no OperationOutcome": (
        lambda: changed(on(lambda c, a: a.status >= 400, f.body({"error": "no"}))),
        ("error-outcome", "error-says", "transaction-outcome", "header-prefer-error"),
    ),
    "an issue code that is none": (
        lambda: changed(on(lambda c, a: a.status >= 400 and bool(a.body), f.put("issue", 0, "code", "bad-request"))),
        ("error-outcome",),
    ),
    "$validate that finds nothing": (
        lambda: changed(
            on(lambda c, a: "$validate" in c.path, f.put("issue", 0, "severity", "warning")),
        ),
        ("validate-invalid",),
    ),
    "$validate that stores": (f.ValidateStores, ("validate-stores-nothing",)),
    "$everything of everybody": (f.EverythingOfAll, ("everything-patient",)),
    # security
    "a stack trace in errors": (lambda: changed(on(lambda c, a: bool(a.body), f.trace)), ("security-no-traces",)),
    "the URL in an HTML page": (
        lambda: changed(
            on(
                lambda c, a: "script" in c.path,
                lambda c, a: (f.body(b"<script>alert(1)</script>")(c, a), f.header("Content-Type", "text/html")(c, a)),
            )
        ),
        ("security-no-reflection",),
    ),
}

LEVELS = {check.id: check.level for group in GROUPS for check in group.checks}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught(name: str) -> None:
    make, expected = FAULTS[name]
    found = results(make(), expected)
    for check in expected:
        wanted = Outcome.FAIL if LEVELS[check] is Level.SHALL else Outcome.WARN
        assert found[check].outcome is wanted, (check, found[check].messages)
        assert found[check].messages
        assert found[check].exchanges


def test_every_group_has_a_fault_that_it_catches() -> None:
    caught = {check for _, expected in FAULTS.values() for check in expected}
    groups = [group for group in GROUPS if not group.name.startswith("search-")]  # those have test_search_part.py
    for group in groups:
        assert caught & {check.id for check in group.checks}, group.name
    shall = [check.id for group in groups for check in group.checks if check.level is Level.SHALL]
    assert len(caught & set(shall)) > len(shall) // 2


def test_a_token_that_is_not_needed_is_noticed() -> None:
    found = results(SmallServer(), ["security-token-needed", "security-token-wrong"], token="secret")
    assert {one.outcome for one in found.values()} == {Outcome.FAIL}
