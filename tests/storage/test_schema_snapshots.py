"""The DDL of the core types, as files a reviewer reads: a change of a mapping shows in the diff.

https://www.postgresql.org/docs/current/sql-createtable.html

FHIR_TEST_SNAPSHOTS=write rewrites the files.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fhir_server.definitions import load
from fhir_server.mappings import CORE, mappings_for
from fhir_server.mappings.words import snake_words
from fhir_server.storage.schema import build_schema

FOLDER = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("dialect_name", ["postgresql", "sqlite"])
@pytest.mark.parametrize("resource_type", [*sorted(CORE), "common"])
def test_the_ddl_is_the_reviewed_one(resource_type: str, dialect_name: str) -> None:
    schema = build_schema(mappings_for(load()), dialect_name)
    statements = schema.statements(None if resource_type == "common" else resource_type)
    text = ";\n\n".join(statements) + ";\n"
    path = FOLDER / f"{snake_words(resource_type)}.{dialect_name}.sql"
    if os.environ.get("FHIR_TEST_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
