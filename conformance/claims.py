"""What a server claims: its CapabilityStatement, read once.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SUBJECTS = ("Patient", "Practitioner", "Organization")
"""Types that most checks can be made with, in order of liking: they share identifier, active, telecom and address."""


@dataclass(frozen=True, slots=True)
class ResourceClaims:
    """The claims about one resource type."""

    type: str
    interactions: frozenset[str] = frozenset()
    versioning: str = ""
    update_create: bool = False
    conditional_create: bool = False
    conditional_read: str = "not-supported"
    conditional_update: bool = False
    conditional_delete: str = "not-supported"
    search_params: Mapping[str, str] = field(default_factory=dict)
    includes: frozenset[str] = frozenset()
    rev_includes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()

    def promises(self, parameter: str, value: str) -> bool:
        """Whether `_include` or `_revinclude` of "Type:parameter" or "Type:parameter:Target" is claimed."""
        claimed = self.includes if parameter == "_include" else self.rev_includes
        return bool(claimed & {value, ":".join(value.split(":")[:2]), "*"})

    @property
    def is_versioned(self) -> bool:
        """Whether the server says, or lets see, that it keeps version ids."""
        return self.versioning.startswith("versioned") or (
            not self.versioning and bool(self.interactions & {"vread", "history-instance"})
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a server, read from `statement` (the decoded CapabilityStatement)."""

    statement: Mapping[str, Any]
    resources: Mapping[str, ResourceClaims]
    interactions: frozenset[str]
    operations: frozenset[str]
    search_params: Mapping[str, str]
    formats: tuple[str, ...]
    patch_formats: tuple[str, ...]

    @classmethod
    def read(cls, statement: Mapping[str, Any]) -> Claims:
        """Read a CapabilityStatement, taking from a malformed one what is usable."""
        rest: Mapping[str, Any] = next((r for r in _objects(statement, "rest") if r.get("mode") == "server"), {})
        resources = {r.type: r for r in map(_resource, _objects(rest, "resource"))}
        return cls(
            statement,
            resources,
            _codes(rest, "interaction", "code"),
            _operations(rest),
            _search_params(rest),
            _strings(statement, "format"),
            _strings(statement, "patchFormat"),
        )

    @property
    def json(self) -> bool:
        """Whether JSON is claimed."""
        return any("json" in name for name in self.formats)

    @property
    def xml(self) -> bool:
        """Whether XML is claimed."""
        return any("xml" in name for name in self.formats)

    @property
    def subject(self) -> ResourceClaims:
        """The type that most checks use: the first of SUBJECTS that can be created, read, or is served at all."""
        known = [self.resources[name] for name in SUBJECTS if name in self.resources]
        for wanted in ({"create", "read", "update"}, {"create", "read"}, {"read"}, set[str]()):
            for resource in known:
                if wanted <= resource.interactions:
                    return resource
        return ResourceClaims(SUBJECTS[0])

    def of(self, resource_type: str) -> ResourceClaims:
        """Return the claims about a type; an unclaimed type has none."""
        return self.resources.get(resource_type) or ResourceClaims(resource_type)

    def search_type(self, resource_type: str, name: str) -> str | None:
        """Return the type of a claimed search parameter, from the resource or from all resources."""
        return self.of(resource_type).search_params.get(name) or self.search_params.get(name)


def _resource(entry: Mapping[str, Any]) -> ResourceClaims:
    return ResourceClaims(
        type=str(entry.get("type")),
        interactions=_codes(entry, "interaction", "code"),
        versioning=str(entry.get("versioning") or ""),
        update_create=entry.get("updateCreate") is True,
        conditional_create=entry.get("conditionalCreate") is True,
        conditional_read=str(entry.get("conditionalRead") or "not-supported"),
        conditional_update=entry.get("conditionalUpdate") is True,
        conditional_delete=str(entry.get("conditionalDelete") or "not-supported"),
        search_params=_search_params(entry),
        includes=frozenset(_raw_strings(entry, "searchInclude")),
        rev_includes=frozenset(_raw_strings(entry, "searchRevInclude")),
        operations=_operations(entry),
    )


def _objects(parent: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    items = parent.get(name)
    return (item for item in (items if isinstance(items, list) else []) if isinstance(item, dict))


def _strings(parent: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(item.lower() for item in _raw_strings(parent, name))


def _raw_strings(parent: Mapping[str, Any], name: str) -> tuple[str, ...]:
    items = parent.get(name)
    return tuple(item for item in (items if isinstance(items, list) else []) if isinstance(item, str))


def _codes(parent: Mapping[str, Any], name: str, key: str) -> frozenset[str]:
    return frozenset(str(item.get(key)) for item in _objects(parent, name))


def _operations(parent: Mapping[str, Any]) -> frozenset[str]:
    """Names without "$"; some servers write it."""
    return frozenset(name.removeprefix("$") for name in _codes(parent, "operation", "name"))


def _search_params(parent: Mapping[str, Any]) -> dict[str, str]:
    return {str(item.get("name")): str(item.get("type")) for item in _objects(parent, "searchParam")}
