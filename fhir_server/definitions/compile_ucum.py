"""Compile UCUM's own table of units into exact factors over the base units, for `ucum`.

https://ucum.org/ucum

The table is the official ucum-essence.xml in the version that the library ucumvert carries and keeps up to date.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from lxml import etree

from fhir_server.definitions.ucum import Table, Unit

# The only special units that are a linear function of another one; the number is the zero point in the unit itself.
_ZERO_POINTS = {"Cel": Fraction("273.15"), "degF": Fraction("459.67"), "degRe": Fraction("218.52")}
_NOTICE = (
    "Derived from the UCUM table, copyright 1999-2024 Regenstrief Institute, Inc. and the UCUM Organization, all "
    "rights reserved; its use is subject to the UCUM licence at https://ucum.org/license."
)


def essence() -> Path:
    """Return where the library keeps the official table."""
    from ucumvert.xml_util import UCUM_ESSENCE_FILE

    return Path(UCUM_ESSENCE_FILE)


def compile_ucum(source: Path) -> list[Any]:
    """Return the rows of data/ucum.json: first the notice, version and prefixes, then one row a unit.

    A unit is [code, takes prefixes, factor, base units and their powers, zero point if any].

    Raises ValueError for a unit whose definition cannot be followed.
    """
    root = etree.parse(str(source), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    prefixes = {row.get("Code", ""): _fraction(row.find("{*}value")) for row in root.iterfind("{*}prefix")}
    atoms = {row.get("Code", ""): (True, _base(row.get("Code", ""))) for row in root.iterfind("{*}base-unit")}
    table = Table(prefixes, atoms)
    waiting = list(root.iterfind("{*}unit"))
    while waiting:
        found = {id(row): unit for row in waiting if (unit := _unit(table, row)) is not None}
        if not found:
            raise ValueError(f"These units lead nowhere: {[row.get('Code') for row in waiting]}")
        for row in waiting:
            if id(row) in found:
                atoms[row.get("Code", "")] = (row.get("isMetric") == "yes", found[id(row)])
        waiting = [row for row in waiting if id(row) not in found]
    written = {code: str(factor) for code, factor in prefixes.items()}
    head = {"notice": _NOTICE, "version": root.get("version"), "prefixes": written}
    return [head, *(_row(code, metric, unit) for code, (metric, unit) in atoms.items())]


def _base(code: str) -> Unit:
    return Unit(Fraction(1), ((code, 1),))


def _fraction(element: Any) -> Fraction:
    return Fraction(Decimal(element.get("value")))


def _unit(table: Table, row: Any) -> Unit | None:
    """Return a unit, None as long as what it is defined by is not in the table."""
    value = row.find("{*}value")
    function = value.find("{*}function")
    if function is not None:
        zero = _ZERO_POINTS.get(function.get("name"))
        if zero is None:
            return _base(row.get("Code"))
        scale = table.parse(function.get("Unit"))
        return scale and Unit(scale.factor * _fraction(function), scale.dimensions, zero)
    if row.get("isArbitrary") == "yes" and value.get("Unit") == "1":
        return _base(row.get("Code"))
    if row.get("Code").startswith("10"):
        return Unit(Fraction(10), ())
    unit = table.parse(value.get("Unit"))
    return unit and Unit(unit.factor * _fraction(value), unit.dimensions)


def _row(code: str, metric: bool, unit: Unit) -> list[Any]:  # noqa: FBT001
    row: list[Any] = [code, int(metric), str(unit.factor), dict(unit.dimensions)]
    return [*row, str(unit.zero)] if unit.zero else row
