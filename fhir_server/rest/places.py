"""A quick look through a document for references: the typed walk costs three times as much.

https://hl7.org/fhir/R4/references.html

Nearly every reference of a transaction stands in an element called "reference". Whether one stands anywhere else is
found by comparing texts; only then is the typed walk of `storage.references` worth its time.
"""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Any, NamedTuple

from fhir_server.definitions import load
from fhir_server.storage.references import URI_TYPES


class Look(NamedTuple):
    """What a document holds.

    holders    the objects with a text under "reference": each is a Reference, or an element whose uri has that name
    elsewhere  True where a link may stand in a uri or a narrative too
    nested     True where there is a Bundle, whose entries refer to one another and not to us
    """

    holders: list[dict[str, Any]]
    elsewhere: bool
    nested: bool


@cache
def _uri_names() -> frozenset[str]:
    """Return the JSON names under which a uri or url can stand anywhere in R4."""
    definitions = load()
    return frozenset(
        key
        for name in definitions.type_names
        for element in definitions.type(name).elements
        for key, ref in element.json_keys()
        if ref.code in URI_TYPES
    )


@cache
def _interesting_names() -> frozenset[str]:
    return _uri_names() | {"reference", "div", "resourceType"}


def look(document: dict[str, Any], urls: Container[str]) -> Look:  # noqa: C901 - one flat loop is what makes it quick
    """Return where links may stand in `document`; `urls` are the texts that are links wherever a uri is."""
    holders: list[dict[str, Any]] = []
    elsewhere = nested = False
    names = _uri_names()
    interesting = _interesting_names()
    nodes = [document]
    for node in nodes:  # grows while it is read
        for key, value in node.items():
            kind = type(value)
            if kind is dict:
                nodes.append(value)
            elif kind is str:
                if key in interesting:
                    if key == "reference":
                        holders.append(node)
                    elif value in urls or (key == "div" and ("href" in value or "src" in value)):
                        elsewhere = True
                    elif value == "Bundle":
                        nested = True
            elif kind is list:
                for item in value:
                    if type(item) is dict:
                        nodes.append(item)
                    elif key in names and type(item) is str and item in urls:
                        elsewhere = True
    return Look(holders, elsewhere, nested)
