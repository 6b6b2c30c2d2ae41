"""`fhir-server migrate`, `reproject` and `check`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from click.testing import CliRunner, Result

from fhir_server.cli import main
from tests.cli.records import chart, load, write
from tests.stores import store_url, templates

__all__ = ["store_url", "templates"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_migrate_makes_the_tables_once(database_url) -> None:
    result = run("migrate", "--database", database_url)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Migrated: ")
    result = run("migrate", "--database", database_url)
    assert (result.exit_code, result.output) == (0, "Nothing to do: the tables are those this program needs.\n")


def test_reproject_projects_every_resource_and_check_finds_no_difference(store_url, tmp_path) -> None:
    assert load(store_url, write(tmp_path / "chart.json", chart(1, 4))).exit_code == 0
    result = run("reproject", "--database", store_url)
    assert (result.exit_code, result.output) == (0, "5 resources were projected anew.\n")
    result = run("reproject", "Patient", "--database", store_url)
    assert (result.exit_code, result.output) == (0, "1 resources were projected anew.\n")
    result = run("check", "--database", store_url)
    assert (result.exit_code, result.output) == (0, "No differences.\n")


def test_check_finds_a_lost_row_and_reproject_mends_it(templates, tmp_path) -> None:
    url = templates.copy("sqlite", tmp_path)
    assert load(url, write(tmp_path / "chart.json", chart(1, 4))).exit_code == 0
    with sqlite3.connect(Path(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM patient")
    connection.close()
    result = run("check", "--database", url)
    assert result.exit_code == 1
    assert "in patient: 1 rows missing, 0 too many" in result.output
    assert run("reproject", "--database", url).exit_code == 0
    assert run("check", "--database", url).exit_code == 0


def test_an_unknown_type_is_a_usage_error(store_url) -> None:
    result = run("reproject", "Patent", "--database", store_url)
    assert result.exit_code == 2
    assert "Patent" in result.output


def test_a_database_that_is_empty_is_not_checked_but_named(postgres_admin_url) -> None:
    from tests.conftest import create_database, drop_database

    url = create_database(postgres_admin_url)
    try:
        for command in ("check", "reproject"):
            result = run(command, "--database", url)
            assert result.exit_code == 1
            assert "fhir-server migrate" in result.output
    finally:
        drop_database(postgres_admin_url, url)
