"""Statements are served by indexes: no read, history or common search walks a large table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage import history
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import HistoryRequest, SearchRequest
from fhir_server.storage.repository import Store
from fhir_server.storage.search.explain import Explained, Step
from tests.stores import EVERYONE, Clock, Templates, open_store, put

ANN = Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", "p7"))])
LARGE = ("resource", "resource_version", "patient", "patient_identifier", "patient_name_part", "observation")
SIZES = {"patient": 1_500, "observation": 4_500}


def patient(n: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{n}",
        "identifier": [{"system": "urn:mrn", "value": str(n)}],
        "name": [{"family": f"Family{n}", "given": [f"Given{n % 50}"]}],
        "birthDate": f"{1930 + n % 80}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
        "gender": ("male", "female")[n % 2],
        "telecom": [{"system": "phone", "value": f"+41{n:08d}"}],
    }


def observation(n: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{n}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": str(n % 300)}]},
        "subject": {"reference": f"Patient/p{n % SIZES['patient']}"},
        "effectiveDateTime": f"20{n % 20:02d}-{n % 12 + 1:02d}-{n % 28 + 1:02d}T08:00:00Z",
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Enough rows for an index to pay, made at as many moments; the tests here only read."""
    url, clock = templates.copy(request.param, tmp_path_factory.mktemp("plans")), Clock()
    store = open_store(url, clock=clock)
    patients, observations = list(map(patient, range(SIZES["patient"]))), map(observation, range(SIZES["observation"]))
    documents = [*patients, *observations]
    for start in range(0, len(documents), 100):
        clock.advance(seconds=1)
        put(store, *documents[start : start + 100])
    store.database.fetch("ANALYZE")
    yield store
    store.database.close()
    templates.drop(url)


def explained(store: Store, statement: Executable | str, parameters: tuple[Any, ...] = ()) -> str:
    """Return the plan of a statement as the database words it."""
    raw = store.database.session().raw
    if isinstance(statement, str):
        text = statement
    else:
        dialect = postgresql.dialect() if store.database.dialect == "postgresql" else sqlite.dialect()
        literal = {"literal_binds": True, "render_postcompile": True}
        text = str(statement.compile(dialect=dialect, compile_kwargs=literal))  # type: ignore[attr-defined]
    if store.database.dialect == "postgresql":
        text = text if parameters else text.replace("%%", "%")
        return "\n".join(row[0] for row in raw.execute("EXPLAIN " + text, parameters or None).fetchall())
    return "\n".join(row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + text, parameters).fetchall())


def walks(store: Store, plan: str) -> list[str]:
    """Return the large tables that a plan reads from end to end."""
    if store.database.dialect == "postgresql":
        found = re.findall(r"Seq Scan on (\w+)", plan)
    else:
        aliases = {"r": "resource", "v": "resource_version"}
        found = [aliases.get(name, name) for name in re.findall(r"SCAN (\w+)(?! USING)", plan)]
    return [name for name in found if name in LARGE]


def asked(store: Store, access: Access, request: SearchRequest) -> list[Explained]:
    """Return the statements of a search as the database explains them."""
    return list(store.explain(access, request).statements)


def walked(statements: list[Explained]) -> list[str]:
    """Return the large tables that statements read from end to end."""
    return [step.table for each in statements for step in each.steps if _is_walk(step) and step.table in LARGE]


def _is_walk(step: Step) -> bool:
    return step.node == "Seq Scan" or (step.node.startswith("SCAN") and not step.index)


SEARCHES: list[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]] = [
    ("Patient", (("_id", "p7"),), ()),
    ("Patient", (("identifier", "urn:mrn|7"),), ()),
    ("Patient", (("identifier", "7"),), ()),
    ("Patient", (("identifier", "7,8,9"),), ()),
    ("Patient", (("family", "family7"),), ()),
    ("Patient", (("family:exact", "Family7"),), ()),
    ("Patient", (("birthdate", "1950-05-05"),), ()),
    ("Patient", (("phone", "+4100000007"),), ()),
    ("Patient", (), ()),
    ("Patient", (), ("-_lastUpdated",)),
    ("Patient", (), ("_id",)),
    ("Patient", (("_lastUpdated", "gt2026-11-20T08:31:10Z"),), ("_lastUpdated",)),
    ("Observation", (("patient", "p7"),), ()),
    ("Observation", (("subject", "Patient/p7"), ("code", "http://loinc.org|7")), ()),
    ("Observation", (("subject", "p7"),), ("-_lastUpdated",)),
    ("Observation", (("code", "http://loinc.org|7"), ("date", "2007-08")), ()),
    ("Observation", (("date", "2007-08-08"),), ()),
    ("Observation", (("_tag", "urn:t|x"),), ()),
    ("Observation", (("patient", "p7"),), ("-date",)),
    ("Observation", (("patient", "p7"), ("code", "http://loinc.org|7")), ("-date",)),
    ("Observation", (("code", "http://loinc.org|7"),), ("-date",)),
    ("Observation", (("subject:Patient.identifier", "urn:mrn|7"),), ()),
    ("Observation", (("patient.family", "family1234"),), ()),
    ("Patient", (("_has:Observation:patient:code", "http://loinc.org|7"),), ()),
    ("Patient", (("family", "family7"), ("gender", "male"), ("birthdate", "1937")), ()),
    ("Patient", (("name:contains", "amily77"),), ("birthdate", "family")),
    (None, (("_lastUpdated", "gt2026-11-20T08:31:10Z"), ("_type", "Patient")), ()),
]
# Nothing but the texts themselves tells where a text holds another one.
ALLOWED_WALKS = {"name:contains": {"patient_name_part", "patient"}}
INCLUDES = (("_include", "Observation:subject"), ("_revinclude", "Provenance:target"))


def test_common_searches_use_indexes(filled: Store) -> None:
    wrong: dict[str, Any] = {}
    for type_, parameters, sort in SEARCHES:
        request = SearchRequest(type_, parameters, count=20, sort=sort)
        for name, access in (("everyone", EVERYONE), ("restricted", ANN)):
            statements = asked(filled, access, request)
            # A page in the order of keys reads the main table in that order, and stops when it is full.
            expected = {"patient"} if not parameters and not sort and filled.database.dialect == "sqlite" else set()
            expected |= {table for code, _ in parameters for table in ALLOWED_WALKS.get(code, ())}
            if set(walked(statements)) - expected:
                wrong[f"{name} {type_}?{parameters}{sort}"] = statements
    assert wrong == {}, "\n\n".join(f"{name}\n{plan}" for name, plan in wrong.items())


def test_a_selective_search_reads_few_rows(filled: Store) -> None:
    if filled.database.dialect != "postgresql":
        pytest.skip("SQLite does not count the rows it reads")
    for type_, parameters, sort in SEARCHES:
        if not parameters or any(code == "name:contains" for code, _ in parameters):
            continue
        request = SearchRequest(type_, parameters, count=20, sort=sort)
        for statement in asked(filled, EVERYONE, request):
            assert (statement.rows_read or 0) < 1_500, (parameters, sort, statement)


def test_includes_and_totals_use_indexes(filled: Store) -> None:
    for access in (EVERYONE, ANN):
        request = SearchRequest("Observation", (("patient", "p7"),), total=True, includes=INCLUDES)
        statements = asked(filled, access, request)
        assert {each.purpose for each in statements} == {"total", "page", "included resources"}
        assert walked(statements) == [], statements


def test_a_compartment_uses_indexes(filled: Store) -> None:
    for type_ in ("Observation", "Patient"):
        request = SearchRequest(type_, count=20, compartment=("Patient", "p7"))
        assert walked(asked(filled, EVERYONE, request)) == []


def test_a_later_page_starts_where_the_last_one_ended(filled: Store) -> None:
    """Keyset paging: the index is entered at the cursor, nothing but ties is sorted, nothing is skipped over."""
    for sort in ((), ("-_lastUpdated",), ("_lastUpdated",), ("_id",)):
        first = filled.search(EVERYONE, SearchRequest("Observation", count=2_000, sort=sort))
        request = SearchRequest("Observation", count=20, cursor=first.next_cursor, sort=sort)
        statements = asked(filled, EVERYONE, request)
        assert walked(statements) == [], statements
        if filled.database.dialect == "postgresql":
            for statement in statements:
                nodes = [step.node for step in statement.steps]
                assert "Sort" not in nodes[nodes.index("Limit") :], statement
                assert (statement.rows_read or 0) < 500, statement


def test_a_count_that_one_table_answers_touches_no_other(filled: Store) -> None:
    for type_, parameter in (("Observation", ("code", "http://loinc.org|7")), ("Patient", ("identifier", "7"))):
        statements = asked(filled, EVERYONE, SearchRequest(type_, (parameter,), count=0))
        assert [each.purpose for each in statements] == ["total"]
        assert walked(statements) == [], statements
        assert "resource" not in {step.table for each in statements for step in each.steps}


@pytest.mark.parametrize(
    "request_", [HistoryRequest("Patient", "p7"), HistoryRequest("Patient"), HistoryRequest()], ids=str
)
def test_histories_use_indexes(filled: Store, request_: HistoryRequest) -> None:
    page = filled.history(EVERYONE, HistoryRequest(request_.type, request_.id, count=1))
    for cursor in ("", page.next_cursor):
        asked = HistoryRequest(request_.type, request_.id, count=20, cursor=cursor)
        conditions = history._conditions(filled._parts, EVERYONE, asked)
        plan = explained(filled, history.page_statement(asked, conditions))
        assert walks(filled, plan) == [], plan


def test_reads_use_indexes(filled: Store) -> None:
    commands = filled._parts.commands
    for statement, parameters in ((commands.read, ("Patient", "p7")), (commands.vread, ("Patient", "p7", 1))):
        plan = explained(filled, statement, parameters)
        assert walks(filled, plan) == [], plan


def test_a_delete_finds_referrers_by_an_index(filled: Store) -> None:
    mark = filled.database.session().placeholder
    plan = explained(filled, f"SELECT source FROM resource_reference WHERE target = {mark}", (7,))
    assert not re.search(r"Seq Scan|SCAN resource_reference$", plan, re.MULTILINE), plan
