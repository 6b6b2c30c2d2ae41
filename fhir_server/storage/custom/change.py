"""Enters what the write of a SearchParameter changes, and makes its tables, in the transaction of that write.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import insert, select, update

from fhir_server.errors import Invalid, Issue
from fhir_server.mappings.custom import Definition, element_name, understood
from fhir_server.storage.custom.entry import Custom, Entry
from fhir_server.storage.custom.registry import restamp
from fhir_server.storage.custom.schema import ExtendedSchema
from fhir_server.storage.ddl import create_statements
from fhir_server.storage.model import Version, Write
from fhir_server.storage.naming import own_table
from fhir_server.storage.parts import Parts
from fhir_server.storage.session import Session, quoted
from fhir_server.storage.tables import custom_parameter

TYPE: Final = "SearchParameter"
MOST: Final = 500
"""Custom parameters in one database, each counted for each of its types."""
MOST_OF_A_TYPE: Final = 40


def concerned(writes: Iterable[Write]) -> bool:
    """Say whether any of `writes` can change the search parameters."""
    return any(write.type == TYPE for write in writes)


def change(parts: Parts, session: Session, writes: Sequence[Write], made: Sequence[Version]) -> int | None:
    """Carry out what `writes` mean for the search parameters; return the new stamp, None where nothing changed.

    parts  those without custom parameters
    made   the versions the writes made, in their order
    Raises Invalid for a SearchParameter that cannot work here.
    """
    wanted: dict[int, tuple[Write, tuple[Definition, ...]]] = {}
    for write, version in zip(writes, made, strict=True):
        if write.type == TYPE:
            wanted[version.key] = (write, _understood(parts, write))
    if not any(definitions for _, definitions in wanted.values()) and not _entries(session, wanted):
        return None
    stamp = restamp(session)  # from here on nobody else changes them
    entries = _entries(session)
    gone = [entry for entry in entries if entry.owner in wanted and not _meant(entry, wanted[entry.owner][1])]
    _set(session, gone, state="retired")
    living = [entry for entry in entries if entry.state != "retired" and entry not in gone]
    taken = {(entry.type, entry.name) for entry in entries}
    changed = bool(gone)
    for key, (write, definitions) in wanted.items():
        for definition in definitions:
            same = next((each for each in living if each.owner == key and _says(each, definition)), None)
            if same is None:
                _refuse(write, definition, living)
                entry = _added(parts, session, key, definition, taken)
                taken.add((entry.type, entry.name))
                living.append(entry)
                changed = True
            elif same.url != definition.url:
                _set(session, [same], url=definition.url)
                changed = True
    return stamp if changed else None


def _understood(parts: Parts, write: Write) -> tuple[Definition, ...]:
    if write.document is None:
        return ()
    try:
        return understood(write.document, parts.definitions)
    except Invalid as error:
        issues = tuple(replace(issue, expression=_place(write, issue.expression)) for issue in error.all_issues())
        raise Invalid(error.diagnostics, issues=issues) from None


def _place(write: Write, expression: str) -> str:
    return f"{write.label}.resource.{expression.partition('.')[2]}" if write.label else expression


def _entries(session: Session, owners: Iterable[int] | None = None) -> list[Entry]:
    """Return all entries; with `owners` those of theirs that are not retired."""
    statement = select(custom_parameter).order_by(custom_parameter.c.number)
    if owners is not None:
        statement = statement.where(custom_parameter.c.owner.in_(list(owners)), custom_parameter.c.state != "retired")
    return [Entry.of(row) for row in session.select(statement)]


def _says(entry: Entry, definition: Definition) -> bool:
    meaning = (definition.type, definition.code, definition.kind, definition.expression, definition.targets)
    return entry.meaning == meaning


def _meant(entry: Entry, definitions: Iterable[Definition]) -> bool:
    return entry.state == "retired" or any(_says(entry, definition) for definition in definitions)


def _set(session: Session, entries: Sequence[Entry], **values: str) -> None:
    if entries:
        numbers = [entry.number for entry in entries]
        session.execute(update(custom_parameter).where(custom_parameter.c.number.in_(numbers)).values(**values))


def _refuse(write: Write, definition: Definition, living: Sequence[Entry]) -> None:
    """Refuse a parameter that another resource defines already, or that is one too many."""
    of_type = [entry for entry in living if entry.type == definition.type]
    if any(entry.code == definition.code for entry in of_type):
        text = f"Another SearchParameter of this server defines the code for {definition.type}."
        raise _invalid(write, "duplicate", text, "SearchParameter.code")
    if len(living) >= MOST:
        text = f"The server has {MOST} search parameters of its own already, each counted for each of its types."
        raise _invalid(write, "too-costly", text, "SearchParameter")
    if len(of_type) >= MOST_OF_A_TYPE:
        text = f"The server has {MOST_OF_A_TYPE} search parameters of its own for {definition.type} already."
        raise _invalid(write, "too-costly", text, "SearchParameter.base")


def _invalid(write: Write, code: str, text: str, expression: str) -> Invalid:
    return Invalid(text, issues=(Issue("error", code, text, _place(write, expression).rstrip(".")),))


def _added(parts: Parts, session: Session, owner: int, definition: Definition, taken: set[tuple[str, str]]) -> Entry:
    """Enter a parameter and make its table; return the entry."""
    numbers = session.select(select(custom_parameter.c.number).order_by(custom_parameter.c.number.desc()).limit(1))
    entry = Entry(
        number=numbers[0].number + 1 if numbers else 1,
        type=definition.type,
        code=definition.code,
        name=_free_name(parts, definition, taken),
        owner=owner,
        url=definition.url,
        kind=definition.kind,
        expression=definition.expression,
        targets=definition.targets,
        state="waiting",
        position=0,
        until=0,
        done=0,
        total=0,
        failed=0,
    )
    schema = _schema(parts, entry)
    table = schema.layout(entry.type).table(own_table(entry.type, entry.name))
    # Nothing of ours has this name now. What has it was left behind by a database that was put together from copies.
    session.raw.execute(f"DROP TABLE IF EXISTS {quoted(table.name)}")
    for statement in create_statements(table, parts.database.dialect):
        session.raw.execute(statement)
    values = {name: getattr(entry, name) for name in custom_parameter.columns.keys()}  # noqa: SIM118 - not a dict
    session.execute(insert(custom_parameter).values(values | {"targets": ",".join(entry.targets)}))
    return entry


def _schema(parts: Parts, entry: Entry) -> ExtendedSchema:
    return ExtendedSchema(parts.schema, Custom(0, {(entry.type, entry.code): entry}), lambda _: None)


def _free_name(parts: Parts, definition: Definition, taken: set[tuple[str, str]]) -> str:
    """Return a name for the element whose table nobody has: codes can differ in less than names of tables do."""
    official = {table.name for table in parts.schema.layout(definition.type).tables}
    elements = {element.name for element in parts.schema.mappings[definition.type].elements}
    others = {own_table(definition.type, name) for kind, name in taken if kind == definition.type}
    turn = 1
    while True:
        name = element_name(definition.code, turn)
        if name not in elements and own_table(definition.type, name) not in official | others:
            return name
        turn += 1
