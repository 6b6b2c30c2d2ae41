"""_explain=true: how a search is answered, for those who may see everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import flask
import pytest

from fhir_server.app import create_app
from fhir_server.formats.json import decode
from fhir_server.rest.message import Request
from fhir_server.settings import Settings
from fhir_server.storage.access import INTERACTIONS, Access, Grant
from tests.spec.http.client import BASE, XML, Fhir, codes, observation, patient, unique
from tests.spec.http.searching import FORM, ids, links


def explained(answer: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the sentences and, for each statement, its parts by name (those that occur once)."""
    assert answer.status_code == 200, answer.text
    assert answer.json["resourceType"] == "Parameters"
    words = [found["valueString"] for found in answer.json["parameter"] if found["name"] == "plan"]
    statements = []
    for found in answer.json["parameter"]:
        if found["name"] == "statement":
            parts: dict[str, Any] = {"step": [], "index": []}
            for part in found["part"]:
                if part["name"] in parts:
                    parts[part["name"]].append(part.get("valueString", part.get("part")))
                else:
                    parts[part["name"]] = next(value for key, value in part.items() if key.startswith("value"))
            statements.append(parts)
    return words, statements


def test_a_search_by_identifier_names_its_index_and_reads_few_rows(fhir: Fhir, request: Any) -> None:
    value = unique()
    fhir.create(patient(value))
    words, (statement,) = explained(fhir.get(f"/Patient?identifier=urn:oid:1.2.36.146|{value}&_explain=true"))
    assert words[0] == "Resources of Patient are searched."
    assert any(sentence.startswith("Condition: identifier") for sentence in words)
    assert statement["purpose"] == "page"
    assert statement["rows"] == 1
    assert any("patient_identifier" in name for name in statement["index"])
    assert statement["step"]
    assert "patient_identifier" in statement["sql"]
    if "postgresql" in request.node.name:
        assert statement["rowsRead"] < 10
        assert statement["blocks"] > 0
    else:
        assert "rowsRead" not in statement
        assert "SQLite" in words[-1]


QUERIES = [
    "identifier=urn:oid:1.2.36.146|{v}&_total=accurate",
    "family={v}&birthdate=ge1970-03-04&_sort=-birthdate,family",
    "name:contains={v}",
    "_has:Observation:subject:code={v}",
    "organization.name={v}",
    "_id={v}",
    "identifier={v}&_count=0",
    "_sort=family&_count=2",
    "identifier={v}&_include=*&_revinclude=Observation:subject&_revinclude:iterate=Observation:has-member",
]


@pytest.mark.parametrize("query", QUERIES)
def test_an_explanation_holds_no_value_of_the_request_or_of_a_record(fhir: Fhir, query: str) -> None:
    value = unique()
    one = fhir.create(patient(value, name=[{"family": value}], birthDate="1970-03-04"))["id"]
    two = fhir.create(observation(f"Patient/{one}"))["id"]
    answer = fhir.get(f"/Patient?{query.format(v=value)}&_explain=true")
    _, statements = explained(answer)
    assert statements
    for secret in (value, one, two, "1970", "1.2.36.146", value[:6]):
        assert secret not in answer.text, secret


def test_totals_and_includes_are_statements_of_their_own(fhir: Fhir) -> None:
    value = unique()
    one = fhir.create(patient(value))["id"]
    fhir.create(observation(f"Patient/{one}"))
    query = f"identifier={value}&_total=accurate&_revinclude=Observation:subject"
    words, statements = explained(fhir.get(f"/Patient?{query}&_explain=true"))
    purposes = [statement["purpose"] for statement in statements]
    assert (purposes[0], purposes.count("page")) == ("total", 1)
    assert purposes.count("included resources") == 2  # the hop, the documents
    assert any("Observation:subject" in sentence for sentence in words)


def test_a_later_page_and_a_search_by_post_are_explained(fhir: Fhir) -> None:
    value = unique()
    for _ in range(2):
        fhir.create(patient(value))
    following = links(fhir.get(f"/Patient?identifier={value}&_count=1"))["next"]
    words, _ = explained(fhir.get(f"{following}&_explain=true"))
    assert any("later page" in sentence for sentence in words)
    posted = fhir.post("/Patient/_search", f"identifier={value}&_explain=true", Content_Type=FORM)
    assert explained(posted)[1]


def test_system_and_compartment_searches_are_explained(fhir: Fhir) -> None:
    words, statements = explained(fhir.get("?_lastUpdated=gt2020&_explain=true"))
    assert "every type" in words[0]
    assert statements
    words, statements = explained(fhir.get("/Patient/x/Observation?_explain=true"))
    assert any("compartment of a Patient" in sentence for sentence in words)


def test_an_explanation_is_a_valid_resource_in_both_formats(fhir: Fhir, application: flask.Flask) -> None:
    answer = fhir.get("/Patient?active=true&_explain=true")
    validator = application.extensions["fhir_server"].endpoint.validator
    assert [issue for issue in validator.validate(decode(answer.data)) if issue.severity == "error"] == []
    xml = fhir.get("/Patient?active=true&_explain=true&_format=xml")
    assert (xml.status_code, xml.headers["Content-Type"].partition(";")[0]) == (200, XML)
    assert "<sql" not in xml.text
    assert '<name value="sql"/>' in xml.text


def test_false_answers_the_search(fhir: Fhir) -> None:
    made = fhir.create(patient())["id"]
    assert ids(fhir.get(f"/Patient?_id={made}&_explain=false")) == [made]
    for value in ("", "yes", "true,false"):
        answer = fhir.get(f"/Patient?_explain={value}")
        assert (answer.status_code, codes(answer)) == (400, ["value"])


def test_what_cannot_be_searched_is_not_explained(fhir: Fhir) -> None:
    assert fhir.get("/Patient?nonsense=1&_explain=true").status_code == 400
    assert fhir.get("/Patient?birthdate=never&_explain=true").status_code == 400


def test_a_restricted_caller_may_not_ask(application: flask.Flask) -> None:
    endpoint = application.extensions["fhir_server"].endpoint
    for access in (
        Access.nothing(),
        Access.restricted([Grant("*", INTERACTIONS)]),
        Access.restricted([Grant("*", INTERACTIONS, ("Patient", "x"))]),
    ):
        for path in ("Patient", "", "Patient/x/Observation"):
            answer = endpoint.handle(Request("GET", path, [("_explain", "true")], access))
            assert answer.status == 403
            assert json.loads(answer.text)["issue"][0]["code"] == "forbidden"


@pytest.fixture
def closed(database: str) -> Iterator[Fhir]:
    app = create_app(Settings(database=database, base_url=BASE, explain="nobody"))
    yield Fhir(app)
    app.extensions["fhir_server"].database.close()


def test_the_operator_can_switch_it_off(closed: Fhir) -> None:
    assert closed.get("/Patient?_explain=true").status_code == 403
    assert closed.get("/Patient?_explain=false&_count=0").status_code == 200
    parameters = closed.plain("GET", "/openapi.json").json["components"]["parameters"]
    assert "_explain" not in parameters
