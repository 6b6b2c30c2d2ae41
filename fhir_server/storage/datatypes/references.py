"""Reference: the key of its target, and a loose row for what no key says.

https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.definitions import load
from fhir_server.mappings.datatypes import Reference as ReferenceElement
from fhir_server.storage.datatypes.place import Place, Spot, short
from fhir_server.storage.layout import Field
from fhir_server.storage.references import Kind, Reference
from fhir_server.storage.sink import Handler, Identity, Row, Sink


def keep_reference(place: Place) -> Field:
    """The key of the target and, where several types are allowed, its type."""
    to = tuple(place.element.to) if isinstance(place.element, ReferenceElement) else ()
    own = "" if place.base else "target_"
    meaning = "The resource referred to, when this server holds it"
    columns = {"key": place.column("key", "key", meaning, plain=f"{own}key")}
    if len(to) != 1:
        columns["type"] = place.column("type", "text", "Type of the resource referred to", plain=f"{own}type")
    if place.searches:
        place.hot_index(columns["key"])
    return place.field("reference", columns, to=to)


def fill_reference(place: Spot, classify: Callable[[str], Reference]) -> Handler:
    """Write the key and type of a Reference.

    A reference gets a loose row when it has no key here, names a version, or carries an identifier.
    """
    key_at, type_at, full, local = place.at["key"], place.at.get("type", -1), place.full, Kind.LOCAL

    def fill(value: Any, row: Row, identity: Identity, sink: Sink) -> None:
        text = value.get("reference")
        normal, version, target_type = text, None, None
        if text:
            meant = classify(text)
            kind, _, target_type, target_id, version, _ = meant
            if kind is local:
                row[key_at] = key = sink.resolve(target_type, target_id)
                if type_at >= 0:
                    row[type_at] = target_type
                if key is not None and version is None and "identifier" not in value:
                    return
                normal = f"{target_type}/{target_id}"
            else:
                target_type = _foreign_type(meant, sink)
        target_type = target_type or value.get("type")
        if type_at >= 0:
            row[type_at] = target_type
        _add_loose(sink, full, identity, (normal, version, target_type, value))

    return fill


def _foreign_type(meant: Reference, sink: Sink) -> str | None:
    """Return the type a reference to something that is not ours points at, where its text tells."""
    if meant.kind is Kind.CONTAINED:
        return sink.contained_type(meant.id)
    if meant.kind is Kind.ABSOLUTE:
        parts = meant.text.partition("/_history/")[0].rsplit("/", 2)
        if len(parts) == 3 and parts[1] in load().resource_type_set:
            return parts[1]
    return None


def _add_loose(sink: Sink, full: str, identity: Identity, said: tuple[Any, Any, Any, Any]) -> None:
    normal, version, target_type, value = said
    identifier = value.get("identifier", {})
    ordinal = identity[1] if len(identity) > 1 else 0
    names = (short(identifier.get("system")), short(identifier.get("value")), value.get("display"))
    sink.loose.append((sink.key, len(sink.loose), full, ordinal, short(normal), version, target_type, *names))
