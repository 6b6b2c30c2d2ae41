"""How each FHIR datatype is kept and filled: the columns and indexes it gets, and what is written into them.

https://hl7.org/fhir/R4/datatypes.html

One module per family of datatypes; each says in one place how a value is kept (`keep_...`) and written (`fill_...`, or
`..._rows` where a value makes several rows).
"""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.mappings.datatypes import (
    Address,
    Boolean,
    Canonical,
    Code,
    CodeableConcept,
    Coding,
    Computed,
    ContactPoint,
    Date,
    Decimal,
    Element,
    HumanName,
    Id,
    Identifier,
    Integer,
    Money,
    Period,
    Position,
    Quantity,
    Range,
    Reference,
    SampledData,
    String,
    Time,
    Uri,
)
from fhir_server.storage.datatypes import amounts, codings, identifiers, moments, names, plain, positions, references
from fhir_server.storage.datatypes.place import Place, Spot
from fhir_server.storage.layout import Field, FieldKind
from fhir_server.storage.sink import Handler

_Keeper = Callable[[Place], Field]
_COMPUTED: dict[str, _Keeper] = {
    "token": codings.keep_concept,
    "string": plain.keep_string,
    "date": moments.keep_interval,
    "number": amounts.keep_number,
    "quantity": amounts.keep_quantity,
    "uri": plain.keep_uri,
    "reference": references.keep_reference,
}


def _keep_computed(place: Place) -> Field:
    return _COMPUTED[place.element.of if isinstance(place.element, Computed) else "token"](place)


_KEEPERS: tuple[tuple[type[Element] | tuple[type[Element], ...], _Keeper], ...] = (
    (Boolean, plain.keep_boolean),
    ((Code, Id, Time), plain.keep_code),
    (String, plain.keep_string),
    (Uri, plain.keep_uri),
    (Canonical, plain.keep_canonical),
    ((Integer, Decimal), amounts.keep_number),
    (Date, moments.keep_moment),
    (Period, moments.keep_interval),
    (Coding, codings.keep_coding),
    (CodeableConcept, codings.keep_concept),
    (Identifier, identifiers.keep_identifier),
    (ContactPoint, identifiers.keep_contact),
    (HumanName, names.keep_name),
    (Address, names.keep_address),
    (Quantity, amounts.keep_quantity),
    (Money, amounts.keep_money),
    ((Range, SampledData), amounts.keep_range),
    (Reference, references.keep_reference),
    (Position, positions.keep_position),
    (Computed, _keep_computed),
)

_FILLERS: dict[FieldKind, Callable[[Spot], Handler]] = {
    "boolean": plain.fill_value,
    "code": plain.fill_code,
    "string": plain.fill_string,
    "uri": plain.fill_value,
    "canonical": plain.fill_canonical,
    "integer": amounts.fill_number,
    "decimal": amounts.fill_number,
    "moment": moments.fill_moment,
    "interval": moments.fill_interval,
    "coding": codings.fill_coding,
    "first_coding": codings.fill_first_coding,
    "first_identifier": identifiers.fill_first_identifier,
    "contact": identifiers.fill_contact,
    "name": names.fill_parts,
    "short_name": names.fill_parts,
    "address": names.fill_parts,
    "short_address": names.fill_parts,
    "quantity": amounts.fill_quantity,
    "money": amounts.fill_money,
    "range": amounts.fill_range,
    "sampled": amounts.fill_sampled,
    "position": positions.fill_position,
}

ROWS: dict[FieldKind, Callable[[Spot], Handler]] = {
    "concept": codings.concept_rows,
    "identifier": identifiers.identifier_rows,
}
"""Kinds of which one value makes several rows by itself."""


def keep(place: Place) -> Field:
    """Add what the element needs to its table and return where it is; raises TypeError for a datatype not kept."""
    for kinds, keeper in _KEEPERS:
        if isinstance(place.element, kinds):
            return keeper(place)
    raise TypeError(f"{place.draft.path}: no way to keep {type(place.element).__name__}")


def filler(place: Spot) -> Handler:
    """Return the closure that writes one value of the field into a row; `ROWS` and references are made elsewhere."""
    return _FILLERS[place.field.kind](place)


def needs_own_table(element: Element, searches: frozenset[tuple[str, str]]) -> bool:
    """Say whether an element is kept in a table of its own: it repeats, or a search looks into its parts."""
    wide = isinstance(element, CodeableConcept | Identifier | HumanName | Address | ContactPoint)
    return element.repeats or isinstance(element, Computed) or (wide and bool(searches))
