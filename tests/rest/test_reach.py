"""Every interaction for a caller who is restricted to one patient: no answer holds a word of anybody else's record.

https://hl7.org/fhir/R4/security.html#authorization
"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.formats import json
from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.message import Request, Response
from fhir_server.storage.access import INTERACTIONS, Access, Grant
from tests.stores import EVERYONE

SECRET = "canary-51c9"
ANN = Access.restricted([Grant("*", INTERACTIONS, ("Patient", "ann"))])
NOBODY = Access.nothing()


class Fields(dict[str, str]):
    """Headers by lower-case name."""


def send(
    endpoint: Endpoint, access: Access, method: str, path: str, body: Any = None, query: Any = (), **headers: str
) -> Response:
    fields = Fields({name.replace("_", "-"): value for name, value in headers.items()})
    fields.setdefault("content-type", "application/fhir+json")
    raw = json.encode(body) if body is not None else b""
    return endpoint.handle(Request(method, path, list(query), access, fields, body=raw))


def observation(id_: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


@pytest.fixture
def filled(endpoint: Endpoint) -> Endpoint:
    documents: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "ann", "identifier": [{"system": "urn:x", "value": "1"}]},
        {
            "resourceType": "Patient",
            "id": "bob",
            "identifier": [{"system": "urn:x", "value": "2"}],
            "name": [{"text": SECRET}],
            "meta": {"tag": [{"system": "urn:t", "code": SECRET}]},
        },
        {"resourceType": "Patient", "id": "gone", "name": [{"text": SECRET}]},
        observation("a1", "ann"),
        observation("b1", "bob", valueString=SECRET),
    ]
    for document in documents:
        path = f"{document['resourceType']}/{document['id']}"
        assert send(endpoint, EVERYONE, "PUT", path, document).status == 201
    assert send(endpoint, EVERYONE, "DELETE", "Patient/gone").status == 204
    return endpoint


def bundle(kind: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    for method, url, body in entries:
        entry: dict[str, Any] = {"request": {"method": method, "url": url}}
        if body is not None:
            entry["resource"] = body
        made.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": made}


PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": "Patient"},
                {"name": "name", "valueString": "active"},
                {"name": "value", "valueBoolean": True},
            ],
        }
    ],
}
# method, path, body, query
REQUESTS: list[tuple[str, str, Any, Any]] = [
    ("GET", "Patient/bob", None, ()),
    ("HEAD", "Patient/bob", None, ()),
    ("GET", "Patient/bob", None, [("_summary", "true")]),
    ("GET", "Patient/bob/_history/1", None, ()),
    ("GET", "Patient/bob/_history", None, ()),
    ("GET", "Patient/gone/_history", None, ()),
    ("GET", "Patient/_history", None, ()),
    ("GET", "_history", None, ()),
    ("GET", "Patient", None, ()),
    ("GET", "Patient", None, [("_id", "bob")]),
    ("GET", "Patient", None, [("identifier", "urn:x|2"), ("_total", "accurate")]),
    ("GET", "", None, [("_id", "bob")]),
    ("GET", "Observation", None, [("subject", "Patient/bob")]),
    ("GET", "Patient/bob/Observation", None, ()),
    ("GET", "Patient/bob/*", None, [("_total", "accurate")]),
    ("GET", "Patient/bob/Patient", None, ()),
    ("POST", "Patient/bob/Observation/_search", None, ()),
    ("GET", "Observation", None, [("subject:Patient.name", SECRET)]),
    ("GET", "Observation", None, [("subject.identifier", "urn:x|2"), ("_summary", "count")]),
    ("GET", "Observation", None, [("subject:identifier", "urn:x|2")]),
    ("GET", "Patient", None, [("_has:Observation:subject:value-string", SECRET)]),
    ("GET", "Patient", None, [("name", SECRET), ("_total", "accurate"), ("_count", "0")]),
    ("GET", "Patient", None, [("name:contains", SECRET[2:])]),
    ("GET", "Patient", None, [("_sort", "name"), ("_include:iterate", "*"), ("_revinclude:iterate", "*")]),
    ("GET", "Observation", None, [("_id", "a1,b1"), ("_include:iterate", "*"), ("_revinclude", "*")]),
    ("GET", "Observation", None, [("_include", "Observation:subject"), ("_include:iterate", "Patient:link")]),
    ("GET", "Patient", None, [("_revinclude", "Observation:subject"), ("_summary", "true")]),
    ("GET", "", None, [("_tag", SECRET)]),
    ("GET", "Patient", None, [("_text", SECRET)]),
    ("GET", "Observation", None, [("_content", SECRET)]),
    ("GET", "Patient", None, [("_filter", f"name eq {SECRET}")]),
    ("GET", "Patient", None, [("name:missing", "false"), ("_summary", "count")]),
    ("GET", "Patient", None, [("_explain", "true"), ("name", "x")]),
    ("GET", "Patient/bob/$everything", None, ()),
    ("GET", "Patient/$everything", None, ()),
    ("GET", "Patient/ann/$everything", None, ()),
    ("GET", "Patient/bob/$meta", None, ()),
    ("GET", "Patient/$meta", None, ()),
    ("GET", "$meta", None, ()),
    ("POST", "Patient/bob/$meta-add", {"resourceType": "Parameters", "parameter": [
        {"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]}, ()),
    ("POST", "Patient/bob/$validate", {"resourceType": "Parameters", "parameter": [
        {"name": "mode", "valueCode": "delete"}]}, ()),
    ("PUT", "Patient/bob", {"resourceType": "Patient", "id": "bob"}, ()),
    ("PUT", "Patient", {"resourceType": "Patient"}, [("identifier", "urn:x|2")]),
    ("PATCH", "Patient/bob", PATCH, ()),
    ("PATCH", "Patient", PATCH, [("identifier", "urn:x|2")]),
    ("DELETE", "Patient/bob", None, ()),
    ("DELETE", "Patient", None, [("identifier", "urn:x|2")]),
    ("POST", "Observation", observation("x", "bob"), ()),
    ("PUT", "Observation/a1", observation("a1", "bob"), ()),
    ("POST", "", bundle("batch", ("GET", "Patient/bob", None), ("GET", "Patient?_id=bob", None),
                        ("GET", "Patient/bob/_history", None), ("DELETE", "Patient/bob", None)), ()),
    ("POST", "", bundle("batch", ("GET", "Patient/bob/Observation", None), ("GET", "Patient/bob/*", None),
                        ("GET", "Observation?_include=*&_revinclude=*", None)), ()),
    ("POST", "", bundle("transaction", ("GET", "Patient/bob", None)), ()),
    ("POST", "", bundle("transaction", ("GET", "Patient/bob/*?_include=*", None)), ()),
    ("POST", "", bundle("transaction", ("GET", "Observation?subject=Patient/bob", None)), ()),
    ("POST", "", bundle("transaction", ("PUT", "Observation/a1", observation("a1", "ann")),
                        ("GET", "Patient?_id=bob", None)), ()),
    ("POST", "", bundle("transaction", ("POST", "Observation", {
        **observation("n", "ann"), "performer": [{"reference": "Patient?identifier=urn:x|2"}]})), ()),
]  # fmt: skip


def unquestioned(answer: Response) -> str:
    """Return an answer without the links of a search, which repeat the question."""
    document = answer.resource()
    if isinstance(document, dict) and document.get("type") == "searchset":
        document.pop("link")
        return json.encode(document).decode()
    return answer.text


@pytest.mark.parametrize("access", [ANN, NOBODY], ids=["ann", "nobody"])
def test_no_answer_to_a_restricted_caller_holds_a_word_of_another_record(filled: Endpoint, access: Access) -> None:
    before = {path: send(filled, EVERYONE, "GET", path).text for path in ("Patient/bob", "Observation/b1")}
    for method, path, body, query in REQUESTS:
        answer = send(filled, access, method, path, body, query)
        what = (method, path, query, answer.status)
        told = unquestioned(answer) + repr(answer.headers)
        assert answer.status != 500, what
        assert SECRET not in told, what
        assert '"Patient/bob"' not in told or path == "", what
    assert {path: send(filled, EVERYONE, "GET", path).text for path in before} == before


def test_what_is_hidden_answers_as_what_never_was(filled: Endpoint) -> None:
    """Byte for byte, but for the name that was asked for; an id that is taken cannot be created, which alone shows."""
    for access in (ANN, NOBODY):
        for method, path, body, query in REQUESTS:
            if path == "" or "bob" not in path or method in ("PUT",):
                continue
            hidden = send(filled, access, method, path, body, query)
            never = send(filled, access, method, path.replace("bob", "never"), body, query)
            same = hidden.text.replace("/bob/", "/never/")  # a search repeats the address it was asked at
            assert (hidden.status, same) == (never.status, never.text), (method, path)


def test_totals_and_order_tell_nothing_of_what_is_hidden(filled: Endpoint) -> None:
    searches = [
        ("Patient", [("_total", "accurate"), ("_count", "0")], 1),
        ("Observation", [("_summary", "count")], 1),
        ("Patient/bob/*", [("_summary", "count")], 0),
        ("Patient/ann/*", [("_summary", "count")], 2),
        ("Observation", [("subject:Patient.identifier", "urn:x|2"), ("_summary", "count")], 0),
        ("Patient", [("_has:Observation:subject:value-string", SECRET), ("_summary", "count")], 0),
        ("", [("_tag", SECRET), ("_summary", "count")], 0),
    ]
    for path, query, wanted in searches:
        assert send(filled, ANN, "GET", path, query=query).resource()["total"] == wanted, (path, query)
        assert send(filled, NOBODY, "GET", path, query=query).resource()["total"] == 0, (path, query)


def test_a_link_to_a_page_serves_the_caller_it_was_given_to(filled: Endpoint) -> None:
    query = [("_count", "1"), ("_sort", "_id")]
    links = send(filled, EVERYONE, "GET", "Patient", query=query).resource()["link"]
    token = next(link["url"] for link in links if link["relation"] == "next").partition("_page=")[2]
    following = [*query, ("_page", token)]
    assert SECRET in send(filled, EVERYONE, "GET", "Patient", query=following).text
    other = Access.restricted([Grant("*", INTERACTIONS, ("Patient", "bob"))])
    for access in (ANN, NOBODY, other):
        answer = send(filled, access, "GET", "Patient", query=following)
        assert answer.status == 400
        assert SECRET not in answer.text


def test_a_conditional_create_does_not_find_what_is_hidden(filled: Endpoint) -> None:
    document = {"resourceType": "Patient", "link": [{"other": {"reference": "Patient/ann"}, "type": "seealso"}]}
    answer = send(filled, ANN, "POST", "Patient", document, if_none_exist="identifier=urn:x|2")
    assert answer.status == 201
    assert SECRET not in answer.text


def test_the_same_requests_do_show_the_record_to_someone_without_restriction(filled: Endpoint) -> None:
    reading = [request for request in REQUESTS if request[0] == "GET" and "gone" not in request[1]]
    shown = [SECRET in unquestioned(send(filled, EVERYONE, *request)) for request in reading]
    # Four are totals and one is an explanation, which show no record to anybody; texts are indexed a little later.
    assert sum(shown) >= len(shown) - 12


# An id that is taken by somebody else, one that was, and one that nobody has; the same for observations.
TAKEN, FREE = ("Patient/bob", "Patient/gone", "Observation/b1", "Observation/b0"), ("Patient/zoe", "Observation/z1")


def told(endpoint: Endpoint, path: str, way: str) -> tuple[int, str]:
    """What a restricted caller is told who puts a resource of her own compartment under an id."""
    kind, _, id_ = path.partition("/")
    body = observation(id_, "ann") if kind == "Observation" else {"resourceType": kind, "id": id_}
    if way == "conditional":
        answer = send(endpoint, ANN, "PUT", kind, body, [("identifier", "urn:x|nobody")])
    elif way == "validate":
        answer = send(endpoint, ANN, "POST", f"{path}/$validate", body, [("mode", "update")])
    elif way == "plain":
        answer = send(endpoint, ANN, "PUT", path, body)
    elif way.startswith("if"):
        answer = send(endpoint, ANN, "PUT", path, body, **{way: "*"})
    else:
        answer = send(endpoint, ANN, "POST", "", bundle(way, ("PUT", path, body)))
    document = answer.resource()
    document.pop("timestamp", None)
    return answer.status, json.encode(document).decode().replace(id_, "ID")


@pytest.mark.parametrize(
    "way", ["plain", "conditional", "batch", "transaction", "validate", "if_match", "if_none_match"]
)
def test_an_update_tells_a_restricted_caller_nothing_about_ids_out_of_reach(filled: Endpoint, way: str) -> None:
    send(filled, EVERYONE, "PUT", "Observation/b0", observation("b0", "bob"))
    send(filled, EVERYONE, "DELETE", "Observation/b0")
    before = [send(filled, EVERYONE, "GET", path).text for path in TAKEN]
    for kind in ("Patient", "Observation"):
        answers = {told(filled, path, way) for path in (*TAKEN, *FREE) if path.startswith(kind)}
        assert len(answers) == 1, answers
        ((status, text),) = answers
        assert status == {"batch": 200, "validate": 200, "if_match": 412}.get(way, 403)
        assert '"forbidden"' in text or way == "if_match"
    assert [send(filled, EVERYONE, "GET", path).text for path in TAKEN] == before
    assert {send(filled, EVERYONE, "GET", path).status for path in FREE} == {404}


def test_a_restricted_caller_updates_what_is_visible_and_creates_under_ids_of_the_server(filled: Endpoint) -> None:
    assert send(filled, ANN, "PUT", "Observation/a1", observation("a1", "ann", status="amended")).status == 200
    assert send(filled, ANN, "POST", "Observation", observation("x", "ann")).status == 201
    body = {key: value for key, value in observation("", "ann").items() if key != "id"}
    body["identifier"] = [{"system": "urn:x", "value": "new"}]
    assert [send(filled, ANN, "PUT", "Observation", body, [("identifier", "urn:x|new")]).status for _ in "12"] == [
        201,
        200,
    ]


def test_a_caller_who_sees_every_id_of_a_type_may_choose_one(filled: Endpoint) -> None:
    seeing = Access.restricted([*ANN.grants, Grant("Observation", frozenset({"read"}))])
    assert send(filled, seeing, "PUT", "Observation/z1", observation("z1", "ann")).status == 201
    assert send(filled, seeing, "PUT", "Observation/b1", observation("b1", "ann")).status == 403
