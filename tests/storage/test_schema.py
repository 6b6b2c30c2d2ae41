"""The schema covers R4: every type has tables, every search parameter is answered somewhere, every name is safe.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.storage.common import COMMON_TABLES
from fhir_server.storage.naming import MAX_LENGTH, RESERVED
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.storage.targets import SearchTarget
from tests.storage.tables import made

DEFINITIONS = load()
SCHEMA = build_schema(mappings_for(DEFINITIONS), "postgresql")
TABLES = {table.name: table for table in SCHEMA.plain_tables()}

ROLES = {
    "id": {"id"},
    "code": {"value"},
    "boolean": {"value"},
    "string": {"value", "folded"},
    "part": {"value", "folded"},
    "uri": {"value"},
    "canonical": {"value", "version"},
    "integer": {"value", "low", "high"},
    "decimal": {"value", "low", "high"},
    "moment": {"start"},
    "interval": {"start", "end"},
    "coding": {"system", "code", "display", "folded"},
    "concept": {"system", "code", "display", "folded"},
    "identifier": {"system", "value", "type_system", "type_code", "type_text", "folded"},
    "contact": {"system", "value", "folded", "use"},
    "quantity": {"value", "unit", "system", "code", "low", "high", "canonical_low", "canonical_high", "canonical_code"},
    "money": {"value", "code", "low", "high"},
    "range": {"unit", "system", "code", "low", "high", "canonical_low", "canonical_high", "canonical_code"},
    "sampled": {"unit", "system", "code", "low", "high", "canonical_low", "canonical_high", "canonical_code"},
    "reference": {"key"},
    "position": {"latitude", "longitude"},
}


def test_every_search_parameter_with_an_expression_is_answered() -> None:
    official = [parameter for parameter in DEFINITIONS.search_parameters if parameter.expression]
    assert len(official) > 1375
    unanswered = {
        (base, parameter.code)
        for parameter in official
        for base in parameter.base
        for resource_type in ((base,) if base in SCHEMA.mappings else SCHEMA.types)
        if not SCHEMA.targets(resource_type, parameter.code)
    }
    assert unanswered == set()


@pytest.mark.parametrize("resource_type", SCHEMA.types)
def test_targets_name_columns_that_exist_and_have_all_roles_of_their_kind(resource_type: str) -> None:
    columns_of = {"resource": {"key", "type", "id", "last_updated"}}
    for table in (*SCHEMA.layout(resource_type).tables, *COMMON_TABLES):
        columns_of[table.name] = {column.name for column in table.columns}
    for code in SCHEMA.parameters(resource_type):
        targets = SCHEMA.targets(resource_type, code)
        assert targets, code
        pending = list(targets)
        for target in pending:
            pending += [part for alternatives in target.components for part in alternatives]
            if target.kind == "composite":
                assert all(target.components) and len(target.components) >= 2, code
                continue
            assert ROLES[target.kind] <= set(target.columns), (code, target.kind)
            needed = {*target.columns.values(), *target.levels, *(column for column, _ in target.filters)}
            assert needed | ({target.date} if target.date else set()) <= columns_of[target.table], code
            assert bool(target.loose) == (target.kind == "reference")


@pytest.mark.parametrize("resource_type", SCHEMA.types)
def test_targets_are_indexed(resource_type: str) -> None:
    """An index begins with the column that a search compares first."""
    first = {"code": "value", "boolean": "value", "string": "folded", "part": "folded", "uri": "value", "id": ""}
    first |= {"canonical": "value", "integer": "low", "decimal": "low", "moment": "start", "interval": "start"}
    first |= {"coding": "code", "concept": "code", "identifier": "value", "contact": "value", "reference": "key"}
    first |= {"quantity": "low", "money": "low", "range": "low", "sampled": "low", "position": "latitude"}
    for parameter in SCHEMA.mappings[resource_type].search:
        for target in SCHEMA.targets(resource_type, parameter.code):
            for leaf in [part for alternatives in target.components for part in alternatives] or [target]:
                column = leaf.columns[first[leaf.kind]]
                indexes = [index for index in TABLES[leaf.table].indexes if index.columns[0] == column]
                assert indexes, f"{parameter.code}: {leaf.table}.{column}"
                behind = (leaf.columns["system"],) if leaf.kind in ("coding", "concept") else ()
                assert indexes[0].columns[-1 - len(behind) :] == ("key", *behind)
                assert indexes[0].prefix == bool(leaf.prefix)


def test_the_main_date_stands_in_hot_tables_and_ends_their_indexes() -> None:
    (target,) = SCHEMA.targets("Observation", "code")
    assert (target.table, target.date) == ("observation_code", "main_date")
    (index,) = SCHEMA.layout("Observation").table("observation_code").indexes
    assert index.columns == ("code", "main_date", "key", "system"), "a code without a system comes by date too"
    main = SCHEMA.layout("Observation").tables[0]
    assert ("subject_key", "effective_start", "key") in {index.columns for index in main.indexes}
    assert ("effective_start", "key") in {index.columns for index in main.indexes if not index.sparse}


def test_a_parameter_limited_to_types_filters_by_the_type_column() -> None:
    (target,) = SCHEMA.targets("Appointment", "patient")
    assert target.table == "appointment_participant"
    assert target.columns == {"key": "actor_key", "type": "actor_type"}
    assert target.filters == (("actor_type", ("Patient",)),)
    assert target.loose == "Appointment.participant.actor"


def test_a_parameter_limited_by_a_sibling_filters_by_its_column() -> None:
    (phone,) = SCHEMA.targets("Patient", "phone")
    assert phone.filters == (("system", ("phone",)),)
    (depends, library) = SCHEMA.targets("Measure", "depends-on")
    assert depends.filters == (("type", ("depends-on",)),)
    assert (library.table, library.filters) == ("measure_library", ())


def test_components_of_a_composite_meet_in_the_same_instance() -> None:
    whole, component = SCHEMA.targets("Observation", "combo-code-value-quantity")
    assert whole.levels == ()
    assert len(component.levels) == 1
    (code,), (value,) = component.components
    assert (code.table, code.levels) == ("observation_component_code", ("component_ordinal",))
    assert (value.table, value.levels) == ("observation_component", ("ordinal",))


def test_a_code_knows_the_value_set_that_implies_its_system() -> None:
    (target,) = SCHEMA.targets("Appointment", "status")
    assert target.value_set == "http://hl7.org/fhir/ValueSet/appointmentstatus"


def test_names_are_short_unique_and_need_no_quotes() -> None:
    tables = [table.name for table in SCHEMA.plain_tables()]
    views = [name for resource_type in SCHEMA.types for name, _ in SCHEMA.views(resource_type)]
    indexes = [index.name for table in SCHEMA.plain_tables() for index in table.indexes]
    names = Counter([*tables, *views, *indexes])
    assert [name for name, count in names.items() if count > 1] == []
    columns = {column.name for table in SCHEMA.plain_tables() for column in table.columns}
    for name in {*names, *columns}:
        assert len(name) <= MAX_LENGTH
        assert name.isidentifier() and name == name.lower()
        assert name not in RESERVED


def test_there_are_about_a_thousand_tables_at_most() -> None:
    tables = list(SCHEMA.plain_tables())
    assert len(tables) < 1000
    assert sum(len(table.indexes) for table in tables) < 2500


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_statements_build_the_tables_that_sqlalchemy_describes(database_url: str) -> None:
    engine, schema = made(database_url)
    inspector = sa.inspect(engine)
    built = {name: columns for (_, name), columns in inspector.get_multi_columns().items()}
    indexed = {name: {i["name"] for i in found} for (_, name), found in inspector.get_multi_indexes().items()}
    by_prefix = _by_prefix(schema)
    for table in schema.metadata.tables.values():
        there = {str(column["name"]): column for column in built[table.name]}
        assert list(there) == [column.name for column in table.columns]
        for column in table.columns:
            wanted = column.type.compile(engine.dialect)
            assert there[column.name]["type"].compile(engine.dialect) == wanted, f"{table.name}.{column.name}"
            assert there[column.name]["nullable"] == column.nullable or column.primary_key
        assert {str(index.name) for index in table.indexes} - by_prefix <= indexed[table.name]
    _read_every_view(engine, schema)


def _by_prefix(schema: Schema) -> set[str]:
    """Return the indexes over an expression: SQLAlchemy cannot read them from SQLite."""
    return {index.name for table in schema.plain_tables() for index in table.indexes if index.prefix}


def _read_every_view(engine: sa.Engine, schema: Schema) -> None:
    with engine.connect() as connection:
        for resource_type in schema.types:
            for name, _ in schema.views(resource_type):
                assert connection.execute(sa.text(f"SELECT * FROM {name}")).all() == []


def test_only_the_two_databases_have_a_schema() -> None:
    with pytest.raises(ValueError, match="only postgresql and sqlite"):
        build_schema(mappings_for(DEFINITIONS), "oracle")


def test_an_unknown_parameter_has_no_targets_and_an_unknown_type_no_tables() -> None:
    assert SCHEMA.targets("Patient", "shoe-size") == ()
    with pytest.raises(KeyError):
        SCHEMA.layout("Martian")


def test_common_parameters_are_answered_for_every_type() -> None:
    for code, table in (
        ("_id", "resource"),
        ("_lastUpdated", "resource"),
        ("_tag", "meta_tag"),
        ("_source", "meta_source"),
    ):
        found: tuple[SearchTarget, ...] = SCHEMA.targets("Slot", code)
        assert [target.table for target in found] == [table]
