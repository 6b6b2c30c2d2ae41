"""Tables that hold something of every type: tags, labels, profiles, sources, references without a key, containers.

https://hl7.org/fhir/R4/resource.html#Meta and https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from fhir_server.storage.layout import Column, Index, Table

META_TAG = "meta_tag"
META_SECURITY = "meta_security"
META_PROFILE = "meta_profile"
META_SOURCE = "meta_source"
LOOSE_REFERENCE = "loose_reference"
CONTAINED = "contained"

_KEY = Column("key", "key", "", "The resource: resource.key", null=False)
_TYPE = Column("type", "text", "", "Type of the resource", null=False)
_ORDINAL = Column("ordinal", "ordinal", "", "Position of the element in its list, from 0", null=False)


def _coding_table(name: str, path: str) -> Table:
    columns = (
        _KEY,
        _ORDINAL,
        _TYPE,
        Column("system", "text", path, "Coding.system"),
        Column("code", "text", path, "Coding.code"),
        Column("display", "text", path, "Coding.display"),
        Column("display_folded", "text", path, "The display without case and accents, for :text"),
    )
    return Table(
        name, "", path, columns, ("key", "ordinal"), (Index(f"ix_{name}_code", ("code", "system", "type", "key")),)
    )


_PROFILE = Table(
    META_PROFILE,
    "",
    "Resource.meta.profile",
    (
        _KEY,
        _ORDINAL,
        _TYPE,
        Column("value", "text", "Resource.meta.profile", "The canonical URL without its version"),
        Column("version", "text", "Resource.meta.profile", 'What follows "|" in the canonical'),
    ),
    ("key", "ordinal"),
    (Index(f"ix_{META_PROFILE}_value", ("value", "type", "key"), prefix=True),),
)

_SOURCE = Table(
    META_SOURCE,
    "",
    "Resource.meta.source",
    (_KEY, _TYPE, Column("value", "text", "Resource.meta.source", "The URI")),
    ("key",),
    (Index(f"ix_{META_SOURCE}_value", ("value", "type", "key"), prefix=True),),
)

_LOOSE = Table(
    LOOSE_REFERENCE,
    "",
    "Reference",
    (
        _KEY,
        Column("position", "ordinal", "", "Running number within the resource, from 0", null=False),
        Column("path", "text", "", 'The element: "Appointment.participant.actor"', null=False),
        Column("ordinal", "ordinal", "", "Position of the outermost repeating element, from 0", null=False),
        Column("reference", "text", "Reference.reference", 'Normalised: "Patient/1" for one of ours, else as written'),
        Column("version", "integer", "Reference.reference", "The version a versioned reference names"),
        Column("target_type", "text", "Reference.type", "Type of the resource referred to, where known"),
        Column("identifier_system", "text", "Reference.identifier", "System of a logical reference"),
        Column("identifier_value", "text", "Reference.identifier", "Value of a logical reference"),
        Column("display", "text", "Reference.display", "What the reference says to a reader"),
    ),
    ("key", "position"),
    (
        Index(f"ix_{LOOSE_REFERENCE}_reference", ("reference", "path", "key"), sparse="reference"),
        Index(
            f"ix_{LOOSE_REFERENCE}_identifier",
            ("identifier_value", "identifier_system", "path", "key"),
            sparse="identifier_value",
        ),
    ),
)

_CONTAINED = Table(
    CONTAINED,
    "",
    "DomainResource.contained",
    (
        _KEY,
        Column("position", "ordinal", "", "Position of the contained resource in the list, from 0", null=False),
        _TYPE,
        Column("contained_type", "text", "DomainResource.contained", "Type of the contained resource", null=False),
        Column("id", "text", "DomainResource.contained.id", 'Its id: "p" where references say "#p"'),
    ),
    ("key", "position"),
    (Index(f"ix_{CONTAINED}_type", ("contained_type", "type", "key")),),
)

COMMON_TABLES: tuple[Table, ...] = (
    _coding_table(META_TAG, "Resource.meta.tag"),
    _coding_table(META_SECURITY, "Resource.meta.security"),
    _PROFILE,
    _SOURCE,
    _LOOSE,
    _CONTAINED,
)
"""Tables that hold rows of every type."""
