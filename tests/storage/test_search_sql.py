"""The SQL of representative searches, as files a reviewer reads: a change of the compiler shows in the diff.

https://hl7.org/fhir/R4/search.html

FHIR_TEST_SNAPSHOTS=write rewrites the files. No database is asked: a statement depends on the schema alone.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.database import open_database
from fhir_server.storage.dialects import commands_for
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.parts import Parts
from fhir_server.storage.projection import Projector
from fhir_server.storage.schema import build_schema
from fhir_server.storage.search.names import Names
from fhir_server.storage.search.plan import Position, plan
from fhir_server.storage.search.scope import Build
from fhir_server.storage.search.select import Compiler
from fhir_server.storage.search.statement import Statement
from tests.stores import BASE_URL, EVERYONE

FOLDER = Path(__file__).parent / "snapshots" / "search"
ANN = Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", "ann"))])
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)

# name -> type, query, what else: "count", "later", "backward", "restricted"
SEARCHES: dict[str, tuple[str, str, str]] = {
    "everything": ("Patient", "", ""),
    "id": ("Patient", "_id=1", ""),
    "identifier": ("Patient", "identifier=urn:mrn|1", ""),
    "name_prefix": ("Patient", "name=ann", ""),
    "name_exact": ("Patient", "family:exact=Ann", ""),
    "name_contains": ("Patient", "name:contains=nn", ""),
    "birthdate_range": ("Patient", "birthdate=ge1970&birthdate=lt1980", ""),
    "gender_not": ("Patient", "gender:not=male", ""),
    "missing": ("Patient", "phone:missing=true", ""),
    "phone": ("Patient", "phone=555", ""),
    "patient_by_date": ("Observation", "patient=1&_sort=-date", ""),
    "patient_by_date_later": ("Observation", "patient=1&_sort=-date", "later"),
    "patient_by_date_backward": ("Observation", "patient=1&_sort=-date", "backward"),
    "code_and_date": ("Observation", "code=http://loinc.org|1&date=ge2020", ""),
    "code_of_any_system": ("Observation", "code=1,2", ""),
    "quantity": ("Observation", "value-quantity=gt5.4|http://unitsofmeasure.org|mg", ""),
    "composite": ("Observation", "code-value-quantity=http://loinc.org|1$gt5", ""),
    "chain": ("Observation", "subject:Patient.name=ann", ""),
    "chain_restricted": ("Observation", "subject:Patient.name=ann", "restricted"),
    "has": ("Patient", "_has:Observation:patient:code=1", ""),
    "has_restricted": ("Patient", "_has:Observation:patient:code=1", "restricted"),
    "total": ("Observation", "code=http://loinc.org|1&date=ge2020", "count"),
    "tag": ("Observation", "_tag=urn:t|x", ""),
    "canonical": ("Questionnaire", "url=http://example.org/q", ""),
    "sort_by_two": ("Patient", "_sort=family,-birthdate", ""),
    "sort_by_two_later": ("Patient", "_sort=family,-birthdate", "later"),
    "last_updated": ("Patient", "_lastUpdated=gt2026", ""),
    "system": ("", "_tag=urn:t|x&_lastUpdated=gt2026", ""),
    "some_types": ("", "_type=Patient,Observation&_id=1", ""),
    "compartment": ("Encounter", "status=planned", "compartment"),
    "status_practitioner_day": ("Appointment", "status=booked&practitioner=1&date=2026-11-20", ""),
}


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def parts(request: pytest.FixtureRequest) -> Parts:
    """The parts of a store whose database is never opened."""
    database = open_database("sqlite:///never" if request.param == "sqlite" else "postgresql://nobody@nowhere/never")
    definitions = load()
    schema = build_schema(mappings_for(definitions), request.param)
    return Parts(
        database=database,
        schema=schema,
        projector=Projector(schema, BASE_URL),
        definitions=definitions,
        commands=commands_for(database.dialect),
        clock=lambda: NOW,
        new_id=str,
        integrity="enforced",
        base_url=BASE_URL,
    )


def statement(parts: Parts, name: str) -> Statement:
    """Return the statement of one of SEARCHES."""
    kind, query, more = SEARCHES[name]
    pairs = [(key, value) for key, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
    sort = tuple(key for name, value in pairs if name == "_sort" for key in value.split(","))
    compartment = ("Patient", "1") if more == "compartment" else None
    parameters = tuple(pair for pair in pairs if pair[0] != "_sort")
    asked = SearchRequest(kind or None, parameters, sort=sort, compartment=compartment)
    made = plan(asked, Names(parts.schema, parts.definitions, BASE_URL, NOW))
    compiler = Compiler(Build(parts, ANN if more == "restricted" else EVERYONE, ("search",)), made)
    if more == "count":
        return Statement(compiler.count(), parts.database.engine.dialect)
    position = None
    if more in ("later", "backward"):
        values = tuple("x" for _ in compiler.terms)
        position = Position(backward=more == "backward", phase=0, values=values, order=made.order)
    select = compiler.page(position, 0, backward=more == "backward")
    return Statement(select, parts.database.engine.dialect)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_sql_of_a_search_is_the_reviewed_one(parts: Parts, name: str) -> None:
    kind, query, more = SEARCHES[name]
    head = f"-- {kind}?{query}" + (f"  ({more})" if more else "")
    sql = "\n".join(line.rstrip() for line in statement(parts, name).sql.splitlines())
    text = f"{head}\n{sql};\n"
    path = FOLDER / f"{name}.{parts.database.dialect}.sql"
    if os.environ.get("FHIR_TEST_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", SEARCHES)
def test_sql_holds_no_value_of_the_request(parts: Parts, name: str) -> None:
    sql = statement(parts, name).sql
    for value in ("urn:mrn", "ann", "1970", "loinc", "unitsofmeasure", "urn:t", "example.org", "2026", "booked"):
        assert value not in sql


def test_statements_of_one_shape_are_one_statement(parts: Parts) -> None:
    """What a caller asks for must not grow the cache: only the shape decides the SQL."""
    names = Names(parts.schema, parts.definitions, BASE_URL, NOW)
    for query in ("identifier=urn:mrn|{}", "name=x{}", "birthdate=ge19{}0", "_id={}", "phone={}", "organization={}"):
        key, _, value = query.partition("=")
        shapes = {plan(SearchRequest("Patient", ((key, value.format(n)),)), names).shape() for n in (2, 3, 4)}
        assert len(shapes) == 1, query
