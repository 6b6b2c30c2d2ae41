"""What goes wrong is told without a value of a record: not in answers, logs, exceptions, or their notes.

https://hl7.org/fhir/R4/security.html#6.1.7 (error messages)
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from fhir_server.app import create_app
from fhir_server.cli.logs import JsonLines
from fhir_server.errors import FhirError
from fhir_server.settings import Settings
from fhir_server.storage import conflicts
from fhir_server.storage.database import Database
from fhir_server.storage.model import Write
from fhir_server.storage.repository import Store
from tests.cli.running import call
from tests.stores import EVERYONE, put

CANARY = "Kanarienvogel"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, as the server writes it and as a plain formatter would, with tracebacks."""
    stream = io.StringIO()
    handlers: list[logging.Handler] = [logging.StreamHandler(stream), logging.StreamHandler(stream)]
    handlers[0].setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    for handler in handlers:
        root.removeHandler(handler)


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": CANARY}], **more}


WRONG: dict[str, tuple[str, str, Any]] = {
    "structure": ("POST", "Patient", patient(name=[{"family": [CANARY]}])),
    "unknown element": ("POST", "Patient", patient(nonsense=CANARY)),
    "date": ("POST", "Patient", patient(birthDate=CANARY)),
    "code": ("POST", "Patient", patient(gender=CANARY)),
    "nul": ("POST", "Patient", patient(name=[{"family": CANARY + "\x00"}])),
    "surrogate": ("POST", "Patient", f'{{"resourceType":"Patient","name":[{{"family":"{CANARY}\\ud800"}}]}}'),
    "not json": ("POST", "Patient", '{"resourceType":"Patient","name":' + CANARY),
    "cut off": ("POST", "Patient", '{"resourceType":"Patient","name":[{"family":"' + CANARY),
    "double key": ("POST", "Patient", f'{{"resourceType":"Patient","{CANARY}":1,"{CANARY}":2}}'),
    "reference": (
        "POST",
        "Observation",
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": CANARY},
            "subject": {"reference": "Patient/none", "display": CANARY},
        },
    ),
    "narrative": (
        "POST",
        "Patient",
        patient(text={"status": "generated", "div": f"<div onclick='{CANARY}'>{CANARY}</div>"}),
    ),
    "contained": ("POST", "Patient", patient(contained=[patient(id="x")])),
    "other id": ("PUT", "Patient/p", patient(id="q")),
    "base64": ("POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": CANARY + "!"}),
    "deleted": ("PUT", "Patient/p?_x=1", patient(id="p", birthDate="1970-02-30")),
    "patch": ("PATCH", "Patient/p", [{"op": "test", "path": "/name/0/family", "value": CANARY}]),
    "patch path": ("PATCH", "Patient/p", [{"op": "replace", "path": f"/{CANARY}/0", "value": CANARY}]),
    "validate": ("POST", "Patient/$validate", patient(birthDate=CANARY)),
    "transaction": (
        "POST",
        "",
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": patient(birthDate=CANARY), "request": {"method": "POST", "url": "Patient"}},
                {"resource": patient(id=CANARY), "request": {"method": "PUT", "url": "Patient/other"}},
            ],
        },
    ),
    "long index value": (
        "POST",
        "Patient",
        patient(identifier=[{"system": f"urn:{CANARY}", "value": CANARY * 2_000}]),
    ),
    "many digits": ("POST", "Patient", f'{{"resourceType":"Patient","multipleBirthInteger":{"9" * 400}}}'),
}


# Names of elements and codes that are refused are no values of the record.
NAMED = ("code", "double key", "unknown element", "patch path")


@pytest.fixture
def client(store_url: str) -> Iterator[FlaskClient]:
    app = create_app(Settings(database=store_url, statement_timeout_ms=2_000))
    made = app.test_client()
    made.put("/fhir/Patient/p", json=patient(id="p") | {"name": [{"family": "Other"}]})
    yield made
    app.extensions["fhir_server"].database.close()


@pytest.mark.parametrize("case", WRONG)
def test_a_refused_request_is_not_repeated_in_its_answer_or_the_log(
    client: FlaskClient, log: io.StringIO, case: str
) -> None:
    method, path, body = WRONG[case]
    raw = body if isinstance(body, str) else json.dumps(body)
    kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
    answer = client.open(f"/fhir/{path}", method=method, data=raw, content_type=kind)
    assert answer.status_code != 500
    if case == "validate" or answer.status_code >= 300:  # else it was taken and may be shown
        assert CANARY not in answer.text or case in NAMED, answer.text
    assert CANARY not in log.getvalue()


def test_an_answer_may_name_an_element_or_a_code_it_refuses_but_the_log_may_not(
    client: FlaskClient, log: io.StringIO
) -> None:
    client.post("/fhir/Patient", json=patient(nonsense=1), content_type="application/fhir+json")
    client.get(f"/fhir/Patient?name:exact={CANARY}&birthdate={CANARY}")
    client.get(f"/fhir/{CANARY}/x")
    assert CANARY not in log.getvalue()


def _twice(store: Store) -> None:
    write = Write("create", "Patient", CANARY, patient(id=CANARY))
    store.write(EVERYONE, lambda unit: unit.persist([write]))
    store.write(EVERYONE, lambda unit: unit.persist([write]))


def _raw(statement: str, *values: Any) -> Callable[[Store], Any]:
    def run(store: Store) -> Any:
        mark = store.database.session().placeholder
        return store.database.fetch(statement.replace("?", mark), values)

    return run


def _composed(statement: str) -> Callable[[Store], Any]:
    def run(store: Store) -> Any:
        bound = text(statement).bindparams(value=CANARY)
        return store.database.read(lambda session: session.select(bound))

    return run


FAULTS: dict[str, Callable[[Store], Any]] = {
    "the same id twice": _twice,
    "a cast": _raw("SELECT CAST(? AS numeric) / 0, nothing FROM resource", CANARY),
    "a composed cast": _composed("SELECT CAST(:value AS integer), nothing FROM resource"),
    "a table that is not there": _raw(f"SELECT '{CANARY}' FROM nothing"),
    "a NULL where there may be none": _raw(
        "INSERT INTO resource (key, type, id) VALUES (99, 'Patient', ?)",
        CANARY,
    ),
    "a value that does not fit": _raw(
        "INSERT INTO schema_version (number, name) VALUES (99999999999999999999, ?)", CANARY
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_the_driver_is_passed_on_without_its_text(store: Store, log: io.StringIO, fault: str) -> None:
    with pytest.raises(FhirError) as caught:
        FAULTS[fault](store)
    printed = "".join(traceback.format_exception(caught.value))
    told = "\n".join(line for line in printed.splitlines() if not line.startswith("    "))  # without lines of code
    assert CANARY not in told
    assert caught.value.__notes__, "which error it was is noted"
    assert CANARY not in log.getvalue()


def test_what_somebody_has_to_look_after_is_logged_by_name(store: Store, log: io.StringIO) -> None:
    with pytest.raises(FhirError):
        store.database.fetch("SELECT * FROM nothing")
    assert "OperationalError SQLITE_ERROR" in log.getvalue() or "UndefinedTable 42P01" in log.getvalue()
    assert conflicts.__name__ in log.getvalue()


def test_the_names_of_tables_and_constraints_are_told(store: Store) -> None:
    with pytest.raises(FhirError) as caught:
        _twice(store)
    if store.database.dialect == "postgresql":
        assert caught.value.__notes__ == ["UniqueViolation 23505 resource resource_type_id"]
    else:
        assert caught.value.__notes__ == ["IntegrityError SQLITE_CONSTRAINT_UNIQUE"]


def test_statements_of_sqlalchemy_hide_their_values(store_url: str, store: Store) -> None:
    database: Database = store.database
    assert database.engine.hide_parameters


def test_the_report_of_a_load_holds_no_values(store_url: str, store: Store, tmp_path: Path) -> None:
    put(store, {"resourceType": "Patient", "id": "p"})
    path = tmp_path / "records.ndjson"
    bodies = [body for case, (_, _, body) in WRONG.items() if case not in NAMED]
    lines = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    path.write_text("\n".join(lines) + "\n")
    done = call("load", path, "--database", store_url)
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in told
    assert CANARY not in told
