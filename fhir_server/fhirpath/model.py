"""What FHIRPath needs to know of R4's types: their elements as JSON properties, and which type is which.

https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from fhir_server.definitions import load
from fhir_server.fhirpath.tree import TypeName

SYSTEM_TYPES = frozenset({"Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"})

# FHIR primitive -> the System type it turns into when an operator needs a value.
_SYSTEM_OF = {
    "boolean": "Boolean",
    "integer": "Integer",
    "decimal": "Decimal",
    "date": "Date",
    "dateTime": "DateTime",
    "instant": "DateTime",
    "time": "Time",
    "string": "String",
    "uri": "String",
    "base64Binary": "String",
    "xhtml": "String",
}


class Slot(NamedTuple):
    """One JSON property an element can stand under.

    key        JSON property ("valueQuantity")
    extra_key  the property of its ids and extensions ("_valueCode"), "" for complex types
    type       type name; "Resource" where the type is read from the value
    repeats    whether R4 allows several
    """

    key: str
    extra_key: str
    type: str
    repeats: bool


@lru_cache(maxsize=2048)
def is_primitive(name: str) -> bool:
    """Return whether `name` is a primitive type of R4."""
    definitions = load()
    return name in definitions and definitions.type(name).kind == "primitive"


@lru_cache(maxsize=2048)
def elements(type_name: str) -> dict[str, tuple[Slot, ...]]:
    """Return element name -> JSON properties, in the order of the definition; {} for a type R4 does not know.

    A choice ("value") has one slot per type; everything else has one.
    """
    definitions = load()
    if type_name not in definitions:
        return {}
    definition = definitions.type(type_name)
    result: dict[str, tuple[Slot, ...]] = {}
    for element in definition.elements:
        if definition.kind == "primitive" and element.name == "value":
            continue
        slots = []
        for key, ref in element.json_keys():
            # R4 gives Resource.id the type string; the specification's text and every profile treat it as id.
            code = "id" if definition.kind == "resource" and key == "id" else ref.code
            extra_key = f"_{key}" if is_primitive(code) else ""
            slots.append(Slot(key, extra_key, code, element.max != 1))
        result[element.name] = tuple(slots)
    return result


@lru_cache(maxsize=2048)
def properties(type_name: str) -> dict[str, tuple[str, Slot]]:
    """Return JSON property ("valueCode", "_valueCode") -> element name and slot."""
    table: dict[str, tuple[str, Slot]] = {}
    for name, slots in elements(type_name).items():
        for slot in slots:
            table[slot.key] = (name, slot)
            if slot.extra_key:
                table[slot.extra_key] = (name, slot)
    return table


def element_name(type_name: str, key: str) -> str:
    """Return the element a JSON property stands for ("value" for "valueQuantity"); the property itself if unknown."""
    known = properties(type_name).get(key)
    return key if known is None else known[0]


@lru_cache(maxsize=2048)
def ancestors(type_name: str) -> frozenset[str]:
    """Return the type and everything it specialises."""
    definitions, names = load(), set[str]()
    while type_name and type_name not in names:
        names.add(type_name)
        type_name = definitions.type(type_name).base if type_name in definitions else ""
    return frozenset(names)


@lru_cache(maxsize=2048)
def system_type(type_name: str) -> str:
    """Return the System type a FHIR type turns into ("code" gives "String"), "" for complex types."""
    if "Quantity" in ancestors(type_name):
        return "Quantity"
    return next((_SYSTEM_OF[name] for name in _SYSTEM_OF if name in ancestors(type_name)), "")


def is_type_name(name: str) -> bool:
    """Return whether a path may start with `name` to say what its context is."""
    return name[:1].isupper() and name in load() and "." not in name


def known(name: TypeName) -> bool:
    """Return whether a type specifier names a type. Anything may be asked of the System namespace."""
    if name.namespace == "System":
        return True
    if name.namespace not in ("", "FHIR"):
        return False
    return name.name in load() or (not name.namespace and name.name in SYSTEM_TYPES)


def is_fhir_type(type_name: str, wanted: TypeName) -> bool:
    """Return whether a FHIR type is, or specialises, the wanted type."""
    return wanted.namespace != "System" and wanted.name in ancestors(type_name)
