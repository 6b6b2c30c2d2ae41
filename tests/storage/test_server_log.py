"""What PostgreSQL writes into its own log: docs/how-to/keep-values-out-of-the-database-log.md does what it says.

https://www.postgresql.org/docs/current/runtime-config-logging.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from fhir_server.storage.database import open_database
from tests.conftest import create_database, drop_database
from tests.paths import ROOT

GUIDE = (ROOT / "docs" / "how-to" / "keep-values-out-of-the-database-log.md").read_text()
COMMANDS = [line.partition("--")[0] for line in GUIDE.splitlines() if line.startswith("ALTER ROLE fhir ")]
ROLE = f"fhir_log_{os.getpid()}"  # roles belong to the whole server, which other workers use too


@pytest.fixture
def admin(postgres_admin_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to a database of its own, in which an ordinary role may make tables."""
    url = create_database(postgres_admin_url)
    with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {ROLE}")
        yield connection
        connection.execute(f"DROP OWNED BY {ROLE}")
        connection.execute(f"DROP ROLE {ROLE}")
    drop_database(postgres_admin_url, url)


def provoke(admin: psycopg.Connection, table: str, canary: str) -> None:
    """As the ordinary role, let statements fail on rows that hold `canary`."""
    host, name = admin.info.host, admin.info.dbname
    with closing(psycopg.connect(host=host, port=admin.info.port, dbname=name, user=ROLE, autocommit=True)) as lowly:
        lowly.execute(f"CREATE TABLE {table} (a text PRIMARY KEY)".encode())
        for _ in range(2):
            with suppress(psycopg.Error):
                lowly.execute(f"INSERT INTO {table} VALUES (%s)".encode(), (canary,))
        with suppress(psycopg.Error), lowly.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
            copy.write_row((canary,))


def test_the_guide_keeps_values_out_of_the_log(admin: psycopg.Connection) -> None:
    (folder,) = admin.execute("SHOW data_directory").fetchone() or ("",)
    log = Path(folder) / "log"
    if not log.is_file():
        pytest.skip("the log of this PostgreSQL is elsewhere")
    provoke(admin, "before", "canary-11aa")
    assert "Key (a)=(canary-11aa) already exists" in log.read_text()
    assert COMMANDS
    for command in COMMANDS:
        admin.execute(command.replace("ROLE fhir ", f"ROLE {ROLE} ").encode())
    provoke(admin, "after", "canary-22bb")
    assert 'violates unique constraint "after_pkey"' in log.read_text()
    assert "canary-22bb" not in log.read_text()


def test_an_ordinary_role_can_change_what_the_guide_says_it_can(admin: psycopg.Connection) -> None:
    rows = re.findall(r"^\| `(log_\w+)` \| `([^`]+)`.*\| (.*) \|$", GUIDE, re.MULTILINE)
    assert len(rows) == 5
    for name, default, who in rows:
        found = admin.execute("SELECT boot_val, context FROM pg_settings WHERE name = %s", (name,)).fetchone()
        assert found == (default, "user" if who == "any role" else "superuser")


def test_what_a_role_may_set_can_stand_in_the_database_url(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("options are PostgreSQL's")
    (given,) = re.findall(r"\?(options=\S+?)'", GUIDE)
    given = given.replace("%3D0", "%3D7")  # not the default
    database = open_database(f"{database_url}{'&' if '?' in database_url else '?'}{given}")
    assert database.fetch("SHOW log_parameter_max_length_on_error") == [("7B",)]
    database.close()
